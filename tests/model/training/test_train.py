from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.config import Config, TrainingSettings
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event, heard_by
from atypeak_scale.model.files import load_model, save_model
from atypeak_scale.model.network import build_autoencoder, weight_arrays
from atypeak_scale.model.training import train as train_module
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.model.training.train import train
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.stream import crumb_matrix, training_windows, unpack

Catalogue = tuple[Path, Path]


@pytest.fixture
def cell_line(catalogue: Catalogue, config: Config, tmp_path: Path) -> CellLine:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return open_store(tmp_path / "s.zarr")


def changed(config: Config, **training: object) -> Config:
    values = {**config.training.model_dump(), **training}
    return config.model_copy(update={"training": TrainingSettings.model_validate(values)})


def test_train__same_seed_same_model_other_seed_another(cell_line: CellLine, config: Config) -> None:
    one, same, other = (train(cell_line, changed(config, seed=seed)) for seed in (1, 1, 2))
    assert one.history == pytest.approx(same.history, rel=1e-5)
    for a, b in zip(weight_arrays(one.network), weight_arrays(same.network), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert one.history[0] != other.history[0]


def test_train__loss_is_that_of_the_spec(cell_line: CellLine, config: Config) -> None:
    """The first step, from the 4-D tensors: weighted mean of squares, and L2 of the two first kernels."""
    weighted = changed(
        config, batches_per_epoch=1, max_epochs=1, view_weights={"dataset": {"d2": 3.0}, "tr": {"x": 0.5}},
        source_weights={"d3.z": 7.0},
    )  # fmt: skip
    weighted = weighted.model_copy(update={"model": weighted.model.model_copy(update={"dropout": 0.0})})
    model = train(cell_line, weighted)
    settings = weighted.training
    cells = [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)]
    stream = training_windows(cell_line, seed=1, batch=8, shuffle_windows=settings.shuffle_windows)
    occupancy = unpack(next(iter(stream)), len(cells)).numpy()
    X = (occupancy @ crumb_matrix(cells, (3, 3), settings.crumbs)).reshape(-1, 320, 3, 3)
    network = build_autoencoder(320, 3, 3, weighted.model, settings.seed)
    w = np.outer([1, 3, 1], [0.5, 1, 1])
    w[2, 2] = 7
    kernels = [np.asarray(v) for v in network.trainable_variables[:4:2]]
    squares = w * (network(X, training=False).numpy() - X) ** 2
    expected = squares.mean() + 2.5e-3 * sum(np.square(k).sum() for k in kernels)
    assert model.history[0] == pytest.approx(expected, rel=1e-4)


def test_train__learns_and_saves_what_it_learned(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    lines: list[Event] = []
    model = train(
        cell_line, changed(config, max_epochs=6, learning_rate=0.01), executor=InProcess(lines.append)
    )
    assert model.history[-1] < 0.8 * model.history[0]
    lines = [event for event in lines if event.stage == "train"]  # a slow machine tells of steps too
    assert [event.done for event in lines] == list(range(1, 7))
    assert all("loss" in event.detail for event in lines)
    assert model.training is not None
    assert model.training.kept_loss == model.history[model.training.kept_epoch - 1]
    again = load_model(save_model(model, tmp_path / "m"))
    assert again.fingerprint() == model.fingerprint()
    assert again.history == model.history
    assert again.training == model.training
    window = cell_line.tensor.values[:3].astype(np.float32)
    assert np.array_equal(again.network(window).numpy(), model.network(window).numpy())


def test_train__mixed_precision_learns_alike_and_leaves_float32(cell_line: CellLine, config: Config) -> None:
    settings = changed(config, max_epochs=4, learning_rate=0.01)
    full, mixed = train(cell_line, settings), train(cell_line, changed(settings, precision="mixed_bfloat16"))
    assert mixed.history == pytest.approx(full.history, rel=0.2)
    assert {str(v.dtype) for v in mixed.network.variables if "seed" not in v.path} == {"float32"}
    assert mixed.network.compute_dtype == "float32"


def test_train__interrupted_keeps_the_best_so_far(cell_line: CellLine, config: Config) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "train" and event.done == 2:
            raise KeyboardInterrupt

    model = train(cell_line, changed(config, max_epochs=9, min_delta=0), executor=InProcess(interrupt))
    assert model.training is not None
    assert model.training.stopped == "interrupted"
    assert model.training.kept_epoch in (1, 2)
    assert "interrupted" in model.training.explain()


def test_train__interrupted_before_the_first_epoch_has_nothing_to_keep(
    cell_line: CellLine, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PackedTraining, "epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(cell_line, config, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_train__interrupted_is_saved_and_told(cell_line: CellLine, config: Config, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "train" and event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(
        InterruptedStageError, match=r"stopped after 2 epochs: interrupted; the weights of epoch"
    ):
        train(cell_line, changed(config, max_epochs=9), tmp_path / "model", InProcess(interrupt))
    assert load_model(tmp_path / "model").training.stopped == "interrupted"  # type: ignore[union-attr]


def test_train__refuses_an_existing_folder_before_it_trains(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    told: list[Event] = []
    with pytest.raises(InputError, match="model: exists"):
        train(cell_line, config, tmp_path / "model", InProcess(told.append))
    assert not told


def test_train__tells_of_the_steps_of_a_long_epoch(
    cell_line: CellLine, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if every event were seconds after the one before, and every step took seconds."""
    monkeypatch.setattr(train_module, "SECONDS_BETWEEN_EVENTS", 0.0)
    monkeypatch.setattr("atypeak_scale.model.training.descent.SECONDS_AT_ONCE", 0.0)
    told: list[Event] = []
    train(cell_line, changed(config, max_epochs=2), executor=InProcess(told.append))
    assert [(event.stage, event.done, event.total) for event in told] == [
        ("train, epoch 1", 1, 3), ("train, epoch 1", 2, 3), ("train, epoch 1", 3, 3), ("train", 1, 2),
        ("train, epoch 2", 1, 3), ("train, epoch 2", 2, 3), ("train, epoch 2", 3, 3), ("train", 2, 2),
    ]  # fmt: skip
    assert [bool(event.detail) for event in told] == [event.stage == "train" for event in told]


def test_train__is_silent_within_a_short_epoch_and_closes_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.0, 1.0, 4.9, 5.0, 6.0, 7.0])
    monkeypatch.setattr(train_module.time, "monotonic", lambda: next(seconds))
    told: list[Event] = []
    with heard_by(told.append):
        on_steps = train_module._steps_listener("train, epoch 3")
        for done in range(1, 6):
            on_steps(done, 5)
    assert told == [Event("train, epoch 3", 3, 5), Event("train, epoch 3", 5, 5)]
    told.clear()
    seconds = iter([0.0, 1.0, 2.0])
    with heard_by(told.append):
        on_steps = train_module._steps_listener("train, epoch 4")
        on_steps(1, 2)
        on_steps(2, 2)
    assert not told


def test_train__refuses_a_store_of_another_frame(cell_line: CellLine, config: Config) -> None:
    other = config.model_copy(update={"store": config.store.model_copy(update={"frame": 1600})})
    with pytest.raises(
        InputError, match=r"has frames of 3200 bp in bins of 10 bp; the configuration has 1600 "
    ):
        train(cell_line, other)


def test_train__refuses_a_configuration_of_another_cell_line(cell_line: CellLine, config: Config) -> None:
    with pytest.raises(InputError, match="the configuration is for cell line 'other', the data for 'cell'"):
        train(cell_line, config.model_copy(update={"cell_line": "other"}))
