import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from atypeak_scale.catalogue.folds import is_kept_out
from atypeak_scale.config import Config, SupportSettings, TrainingSettings, for_support
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event, heard_by
from atypeak_scale.model.files import load_model, save_model
from atypeak_scale.model.network import build_autoencoder, weight_arrays
from atypeak_scale.model.training import train as train_module
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.model.training.support_training import SupportTraining
from atypeak_scale.model.training.train import train
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.stream import crumb_matrix, training_windows, unpack

Catalogue = tuple[Path, Path]


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
    assert [event.done for event in lines if not event.is_last] == list(range(1, 7))
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
        if event.stage == "train" and event.done == 2 and not event.is_last:
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
        if event.stage == "train" and event.done == 2 and not event.is_last:
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
    assert [(event.stage, event.done, event.total) for event in told if not event.is_last] == [
        ("train, epoch 1", 1, 3), ("train, epoch 1", 2, 3), ("train, epoch 1", 3, 3), ("train", 1, 2),
        ("train, epoch 2", 1, 3), ("train, epoch 2", 2, 3), ("train, epoch 2", 3, 3), ("train", 2, 2),
    ]  # fmt: skip
    assert [bool(event.detail) for event in told] == [event.stage == "train" for event in told]


def test_train__is_silent_within_a_short_epoch_and_closes_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = iter([0.0, 1.0, 4.9, 5.0, 6.0, 7.0])
    # Only the module's clock: other threads of this process, such as a Dask client's, read the real one.
    monkeypatch.setattr(train_module, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
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


# Support


@pytest.fixture
def support(config: Config) -> Config:
    return with_support(changed(config, objective="support"))


def with_support(config: Config, **settings: object) -> Config:
    small = {"filters": 4, "deep_dimension": 8, "epochs": 2, "batch_windows": 8, "batches_per_epoch": 3}
    values = {**config.support.model_dump(), **small, **settings}
    return config.model_copy(update={"support": SupportSettings.model_validate(values)})


def packed_by_part(cell_line: CellLine, share: float, seed: int) -> tuple[set[bytes], set[bytes]]:
    """Return the windows of CRMs that are trained on, and of those that are kept out."""
    crms = cell_line.data["crm"].values
    kept = is_kept_out(crms, share, seed)
    packed = np.packbits(cell_line.data["occupancy"].values, axis=-1)
    return {w.tobytes() for w in packed[~kept]}, {w.tobytes() for w in packed[kept]}


def test_support__kept_out_windows_are_in_no_batch_and_all_others_are(
    cell_line: CellLine, support: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SupportTraining] = []
    drawn: set[bytes] = set()

    class Watched(SupportTraining):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)  # type: ignore[arg-type]
            made.append(self)

        def epoch(self, batches, steps, on_steps=None):  # type: ignore[no-untyped-def]
            drawn.update(window.tobytes() for _ in range(steps) for window in next(batches).numpy())
            return 0.5

    monkeypatch.setattr(train_module, "SupportTraining", Watched)
    many = with_support(changed(support, seed=5), batches_per_epoch=60, kept_out=0.3)
    train(cell_line, many)
    trained_on, kept_out = packed_by_part(cell_line, 0.3, seed=5)
    assert drawn == trained_on
    assert {window.tobytes() for window in made[0]._kept_out} == kept_out
    windows, crms = cell_line.shape.windows, cell_line.attributes["windows_in_crms"]
    assert made[0]._empty == pytest.approx((crms - windows) / windows)
    assert crms > windows


def test_support__learns_and_says_both_losses(cell_line: CellLine, support: Config, tmp_path: Path) -> None:
    told: list[Event] = []
    longer = with_support(support, epochs=6, learning_rate=0.01)
    model = train(cell_line, longer, executor=InProcess(told.append))
    assert model.config == for_support(longer)
    assert model.network.get_layer("encoded").units == 8
    assert len(model.history) == len(model.validation_history) == 6
    assert model.validation_history[-1] < 0.7 * model.validation_history[0]
    told = [event for event in told if event.stage == "train" and not event.is_last]
    assert [(event.done, event.total) for event in told] == [(n, 6) for n in range(1, 7)]
    assert told[2].detail == f"loss {model.history[2]:.6f}, validation loss {model.validation_history[2]:.6f}"
    result = model.training
    assert result is not None
    assert (result.epochs, result.kept_epoch, result.stopped) == (6, 6, "max_epochs")
    assert (result.kept_loss, result.kept_validation_loss) == (
        model.history[-1],
        model.validation_history[-1],
    )
    again = load_model(save_model(model, tmp_path / "m"))
    assert again.fingerprint() == model.fingerprint()
    assert again.validation_history == model.validation_history


def test_support__same_seed_same_model_other_seed_another(cell_line: CellLine, support: Config) -> None:
    one, same, other = (train(cell_line, changed(support, seed=seed)) for seed in (1, 1, 2))
    assert one.history == pytest.approx(same.history, rel=1e-5)
    assert one.validation_history == pytest.approx(same.validation_history, rel=1e-5)
    for a, b in zip(weight_arrays(one.network), weight_arrays(same.network), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert one.history[0] != other.history[0]


def test_support__kept_weights_are_those_that_were_validated(cell_line: CellLine, support: Config) -> None:
    model = train(cell_line, support)
    config = for_support(support)
    training, _, _ = train_module._support(cell_line, config, [])
    assert isinstance(training, SupportTraining)
    training.autoencoder.set_weights(model.network.get_weights())
    assert training.validation_loss() == pytest.approx(model.validation_history[-1], rel=1e-5)


def test_support__interrupted_keeps_the_last_epoch(cell_line: CellLine, support: Config) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "train" and event.done == 2 and not event.is_last:
            raise KeyboardInterrupt

    model = train(cell_line, with_support(support, epochs=9), executor=InProcess(interrupt))
    assert model.training is not None
    assert (model.training.stopped, model.training.kept_epoch) == ("interrupted", 2)
    assert model.training.kept_validation_loss == model.validation_history[1]


def test_support__all_or_none_of_the_crms_kept_out(cell_line: CellLine, support: Config) -> None:
    with pytest.raises(InputError, match=r"every CRM is kept out of training.*; lower support\.kept_out"):
        train(cell_line, with_support(support, kept_out=1 - 1e-9))
    model = train(cell_line, with_support(support, kept_out=1e-9))
    assert np.isnan(model.validation_history).all()
    assert np.isfinite(model.history).all()
    assert model.training is not None
    assert model.training.kept_validation_loss is None


def test_support__warns_if_the_validation_loss_still_fell(
    cell_line: CellLine, support: Config, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger=train_module.__name__):
        train(cell_line, with_support(support, learning_rate=0.01))
    (record,) = [record for record in caplog.records if record.name == train_module.__name__]
    assert "the validation loss still fell by" in record.getMessage()
    assert "raise support.epochs above 2" in record.getMessage()
