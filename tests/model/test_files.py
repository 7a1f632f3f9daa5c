import csv
import json
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from atypeak_scale.config import Config, for_support, load_config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.model.description import describe_model
from atypeak_scale.model.files import TrainedModel, Training, load_model, model_from_arrays, save_model
from atypeak_scale.model.network import build_autoencoder, weight_arrays

LABELS = ("d2", "d1"), ("x", "y", "z")


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@pytest.fixture
def model(config: Config) -> TrainedModel:
    network = build_autoencoder(320, 2, 3, config.model, seed=1)
    return TrainedModel(network, LABELS, config, Training(3, 2, 0.25, "settled"), (0.5, 0.25, 0.3), "store")


def test_load__gives_back_what_was_saved(model: TrainedModel, tmp_path: Path) -> None:
    folder = save_model(model, tmp_path / "m")
    again = load_model(folder, model.fingerprint())
    assert (again.labels, again.config, again.training) == (model.labels, model.config, model.training)
    assert again.validation_history == ()
    assert (again.history, again.store, again.name, again.bins) == (model.history, "store", "m", 320)
    for ours, expected in zip(weight_arrays(again.network), weight_arrays(model.network), strict=True):
        np.testing.assert_array_equal(ours, expected)
    window = np.random.default_rng(1).random((2, 320, 2, 3)).astype(np.float32)
    assert np.array_equal(again.network(window).numpy(), model.network(window).numpy())


def test_save__writes_four_files_that_can_be_read_without_us(model: TrainedModel, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    save_model(model, folder)
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.yaml", "history.csv", "model.json", "model.keras",
    ]  # fmt: skip
    assert keras.models.load_model(folder / "model.keras").input_shape == (None, 320, 2, 3)
    assert load_config(folder / "config.yaml") == model.config
    with (folder / "history.csv").open() as file:
        assert list(csv.reader(file)) == [["epoch", "loss"], ["1", "0.5"], ["2", "0.25"], ["3", "0.3"]]
    description = json.loads((folder / "model.json").read_text())
    assert description["views"] == {"dataset": ["d2", "d1"], "tr": ["x", "y", "z"]}
    assert description["training"] == {"epochs": 3, "kept_epoch": 2, "kept_loss": 0.25, "stopped": "settled"}
    assert description["fingerprint"] == model.fingerprint()
    assert set(description["versions"]) == {"atypeak-scale", "tensorflow", "keras", "numpy"}


@pytest.mark.parametrize("validation, kept", [((0.6, 0.4), 0.4), ((np.nan, np.nan), None)])
def test_save__a_model_of_support_has_a_validation_loss(
    model: TrainedModel, config: Config, tmp_path: Path, validation: tuple[float, ...], kept: float | None
) -> None:
    support = TrainedModel(
        model.network, LABELS, for_support(config), Training(2, 2, 0.25, "max_epochs", kept), (0.5, 0.25),
        "store", validation_history=validation,
    )  # fmt: skip
    folder = save_model(support, tmp_path / "m")
    with (folder / "history.csv").open() as file:
        header, *rows = csv.reader(file)
    assert header == ["epoch", "loss", "validation_loss"]
    assert rows == [[str(i), str(a), str(b)] for i, a, b in zip((1, 2), (0.5, 0.25), validation, strict=True)]
    described = json.loads((folder / "model.json").read_text(), parse_constant=pytest.fail)["training"]
    assert described.get("kept_validation_loss") == kept
    again = load_model(folder, support.fingerprint())
    assert (again.history, again.training) == ((0.5, 0.25), support.training)
    np.testing.assert_array_equal(again.validation_history, validation)
    assert again.config == support.config


def test_save__refuses_what_exists_and_leaves_it(model: TrainedModel, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/mine").write_text("x")
    with pytest.raises(InputError, match="m: exists"):
        save_model(model, tmp_path / "m")
    assert [file.name for file in (tmp_path / "m").iterdir()] == ["mine"]


def test_load__refuses_another_model_than_was_looked_at(model: TrainedModel, tmp_path: Path) -> None:
    folder = save_model(model, tmp_path / "m")
    seen = describe_model(folder)["fingerprint"]
    assert load_model(folder, seen).fingerprint() == seen
    with pytest.raises(InputError) as failure:
        load_model(folder, "0" + seen[1:] if seen[0] != "0" else "1" + seen[1:])
    expected = f"{folder}: the model changed while it was in use; run the command again"
    assert str(failure.value) == expected


def test_load__refuses_files_that_do_not_belong_together(
    model: TrainedModel, config: Config, tmp_path: Path
) -> None:
    save_model(model, tmp_path / "m")
    other = build_autoencoder(320, 2, 3, config.model, seed=2)
    other.save(tmp_path / "m/model.keras")
    with pytest.raises(InputError, match=r"weights and settings were not saved together"):
        load_model(tmp_path / "m")
    (tmp_path / "m/model.keras").write_text("no network")
    with pytest.raises(InputError, match=r"model\.keras: is damaged, or not a network"):
        load_model(tmp_path / "m")


def test_load__refuses_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a trained model"):
        load_model(tmp_path)


def test_fingerprint__follows_weights_labels_and_settings_only(model: TrainedModel, config: Config) -> None:
    same = TrainedModel(model.network, LABELS, config, name="other", store="elsewhere")
    assert same.fingerprint() == model.fingerprint()
    swapped = TrainedModel(model.network, (("d1", "d2"), LABELS[1]), config)
    seeded = TrainedModel(model.network, LABELS, with_seed(config, 5))
    others = {swapped.fingerprint(), seeded.fingerprint()}
    model.network.trainable_variables[0].assign_add(np.full((20, 2, 1, 1, 4), 1e-6, np.float32))
    others.add(same.fingerprint())
    network = build_autoencoder(320, 2, 3, config.model, seed=1)
    assert TrainedModel(network, LABELS, config).fingerprint() not in others
    assert len(others) == 3


def test_fingerprint__of_support_follows_its_settings_too(model: TrainedModel, config: Config) -> None:
    def of(config: Config, **support: float) -> str:
        changed = config.model_copy(update={"support": config.support.model_copy(update=support)})
        return TrainedModel(model.network, LABELS, changed).fingerprint()

    support = for_support(config)
    assert of(support, most_masked=0.4) != of(support) != of(config)
    assert of(support, kept_out=0.2) != of(support)
    assert of(config, most_masked=0.4) == of(config) == model.fingerprint()


def test_indices__are_those_of_the_labels_along_the_axes(model: TrainedModel) -> None:
    first, second = model.indices_of((["d1", "d2"], ["z", "x"]))
    assert (first.tolist(), second.tolist()) == ([1, 0], [2, 0])
    assert first.dtype == np.int64
    with pytest.raises(KeyError, match="d9"):
        model.indices_of((["d9"], []))


def test_from_arrays__reads_the_sizes_of_the_network(model: TrainedModel, config: Config) -> None:
    arrays = weight_arrays(model.network)
    other = config.model_copy(update={"model": config.model.model_copy(update={"filters": 99})})
    made = model_from_arrays(arrays, (["d2", "d1"], ["x", "y", "z"]), other)
    assert made.labels == LABELS
    assert (made.config.model.filters, made.config.model.deep_dimension) == (4, 8)
    assert made.training is None
    assert made.history == ()
    window = np.ones((1, 320, 2, 3), np.float32)
    np.testing.assert_array_equal(made.network(window), model.network(window))
    with pytest.raises(InputError, match="weight array 0"):
        model_from_arrays(arrays, (["d1"], ["x", "y", "z"]), config)


@pytest.mark.parametrize(
    "stopped, reason",
    [
        ("settled", "the loss settled"),
        ("stop_at_loss", "the loss reached training.stop_at_loss"),
        ("max_epochs", "all its epochs were done"),
        ("interrupted", "interrupted"),
    ],
)
def test_training__explains_why_it_stopped(stopped: str, reason: str) -> None:
    assert Training(7, 3, 0.1, stopped).explain() == f"stopped after 7 epochs: {reason}"


def test_training__says_what_was_kept() -> None:
    assert Training(7, 3, 0.1, "settled").explain_kept() == "the weights of epoch 3, loss 0.100000"
    assert Training(7, 7, 0.1, "max_epochs", 0.25).explain_kept() == (
        "the weights of epoch 7, loss 0.100000, validation loss 0.250000"
    )
