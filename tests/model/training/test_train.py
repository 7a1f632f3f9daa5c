from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from atypeak_scale.config import Config, TrainingSettings
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.cluster import Event
from atypeak_scale.model.files import load_model, save_model
from atypeak_scale.model.network import build_autoencoder, weight_arrays
from atypeak_scale.model.training.train import (
    EarlyStopping,
    FusedAdam,
    PackedTraining,
    train,
    train_and_save,
)
from atypeak_scale.store.build import build_store
from atypeak_scale.store.stream import crumb_matrix, training_windows, unpack
from atypeak_scale.store.tensor import open_store

Catalogue = tuple[Path, Path]


@pytest.fixture
def store(catalogue: Catalogue, config: Config, tmp_path: Path) -> Path:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


def changed(config: Config, **training: object) -> Config:
    values = {**config.training.model_dump(), **training}
    return config.model_copy(update={"training": TrainingSettings.model_validate(values)})


def test_train__same_seed_same_model_other_seed_another(store: Path, config: Config) -> None:
    one, same, other = (train(store, changed(config, seed=seed)) for seed in (1, 1, 2))
    assert one.history == pytest.approx(same.history, rel=1e-5)
    for a, b in zip(weight_arrays(one.network), weight_arrays(same.network), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    assert one.history[0] != other.history[0]


def test_train__loss_is_that_of_the_spec(store: Path, config: Config) -> None:
    """The first step, from the 4-D tensors: weighted mean of squares, and L2 of the two first kernels."""
    weighted = changed(
        config, batches_per_epoch=1, max_epochs=1, view_weights={"dataset": {"d2": 3.0}, "tr": {"x": 0.5}},
        source_weights={"d3.z": 7.0},
    )  # fmt: skip
    weighted = weighted.model_copy(update={"model": weighted.model.model_copy(update={"dropout": 0.0})})
    model = train(store, weighted)
    settings = weighted.training
    cells = [(0, 0), (0, 1), (1, 1), (2, 0), (2, 2)]
    stream = training_windows(store, "cell", seed=1, batch=8, shuffle_windows=settings.shuffle_windows)
    occupancy = unpack(next(iter(stream)), len(cells)).numpy()
    X = (occupancy @ crumb_matrix(cells, (3, 3), settings.crumbs)).reshape(-1, 320, 3, 3)
    network = build_autoencoder(320, 3, 3, weighted.model, settings.seed)
    w = np.outer([1, 3, 1], [0.5, 1, 1])
    w[2, 2] = 7
    kernels = [np.asarray(v) for v in network.trainable_variables[:4:2]]
    squares = w * (network(X, training=False).numpy() - X) ** 2
    expected = squares.mean() + 2.5e-3 * sum(np.square(k).sum() for k in kernels)
    assert model.history[0] == pytest.approx(expected, rel=1e-4)


def test_train__learns_and_saves_what_it_learned(store: Path, config: Config, tmp_path: Path) -> None:
    lines: list[Event] = []
    model = train(store, changed(config, max_epochs=6, learning_rate=0.01), lines.append)
    assert model.history[-1] < 0.8 * model.history[0]
    assert [event.done for event in lines] == list(range(1, 7))
    assert all("loss" in event.detail for event in lines)
    assert model.training is not None
    assert model.training.kept_loss == model.history[model.training.kept_epoch - 1]
    again = load_model(save_model(model, tmp_path / "m"))
    assert again.fingerprint() == model.fingerprint()
    assert again.history == model.history
    assert again.training == model.training
    window = open_store(store).tensor.values[:3].astype(np.float32)
    assert np.array_equal(again.network(window).numpy(), model.network(window).numpy())


def test_train__mixed_precision_learns_alike_and_leaves_float32(store: Path, config: Config) -> None:
    settings = changed(config, max_epochs=4, learning_rate=0.01)
    full, mixed = train(store, settings), train(store, changed(settings, precision="mixed_bfloat16"))
    assert mixed.history == pytest.approx(full.history, rel=0.2)
    assert {str(v.dtype) for v in mixed.network.variables if "seed" not in v.path} == {"float32"}
    assert mixed.network.compute_dtype == "float32"


def test_train__interrupted_keeps_the_best_so_far(store: Path, config: Config) -> None:
    def interrupt(event: Event) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    model = train(store, changed(config, max_epochs=9, min_delta=0), interrupt)
    assert model.training is not None
    assert model.training.stopped == "interrupted"
    assert model.training.kept_epoch in (1, 2)
    assert "interrupted" in model.training.explain()


def test_train__interrupted_before_the_first_epoch_has_nothing_to_keep(
    store: Path, config: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PackedTraining, "epoch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_and_save(store, config, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_train_and_save__interrupted_is_saved_and_told(store: Path, config: Config, tmp_path: Path) -> None:
    def interrupt(event: Event) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(
        InterruptedStageError, match=r"stopped after 2 epochs: interrupted; the weights of epoch"
    ):
        train_and_save(store, changed(config, max_epochs=9), tmp_path / "model", interrupt)
    assert load_model(tmp_path / "model").training.stopped == "interrupted"  # type: ignore[union-attr]


def follow(losses: list[float], **settings: object) -> EarlyStopping:
    """Stopping after those epochs; the weights say which epoch they are of."""
    course = EarlyStopping(TrainingSettings.model_validate(settings))
    for epoch, loss in enumerate(losses, 1):
        course.add(loss, lambda epoch=epoch: [np.float32(epoch)])  # type: ignore[misc]
        if course.stopped:
            break
    return course


PUBLISHED = [
    0.07119637217853546, 0.04102228713989258, 0.023753471672534943, 0.013876674696803093,
    0.008674994111061096,
    0.0055917068384587765, 0.0038830931298434734, 0.0031010955572128296, 0.002633163472637534,
    0.0023395156022161245, 0.0024215583689510822, 0.002388287801295519, 0.0022480119951069355,
    0.0023618240375071764, 0.00221835495904088, 0.002, 0.001,
]  # fmt: skip


def test_stopping__on_the_published_losses_keeps_epoch_10_of_15() -> None:
    keep = follow(PUBLISHED)
    assert (len(keep.losses), keep.best_epoch, keep.best_weights, keep.stopped) == (15, 10, [10], "settled")


def test_stopping__a_loss_that_was_asked_for_is_kept_however_near_the_best() -> None:
    keep = follow([0.00280, 0.00258, 0.001], stop_at_loss=0.0026)
    assert (keep.best_epoch, keep.best_loss, keep.stopped) == (2, 0.00258, "stop_at_loss")
    worse = follow([0.5, 0.0025, 0.0026], stop_at_loss=0.0001, patience=1)
    assert (worse.best_epoch, worse.stopped) == (2, "settled")


def test_stopping__at_an_absolute_loss() -> None:
    keep = follow(PUBLISHED, stop_at_loss=0.003)
    assert (len(keep.losses), keep.best_epoch, keep.stopped) == (9, 9, "stop_at_loss")


def test_stopping__interrupted_while_the_weights_are_copied_keeps_the_best_before() -> None:
    course = follow([0.5])

    def interrupt() -> list[np.ndarray]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        course.add(0.1, interrupt)
    assert (course.best_epoch, course.best_loss, course.best_weights) == (1, 0.5, [1.0])


def test_stopping__loss_that_is_no_number() -> None:
    with pytest.raises(InputError, match=r"epoch 2: the loss is nan; lower training.learning_rate"):
        follow([1.0, float("nan")])


def test_packed_training__is_the_autoencoder_on_expanded_windows(config: Config) -> None:
    config = config.model_copy(update={"model": config.model.model_copy(update={"dropout": 0.0})})
    cells = [(0, 1), (1, 0)]
    training = PackedTraining(320, (2, 2), cells, config)
    assert isinstance(training.autoencoder, keras.Model)
    packed = np.random.default_rng(1).integers(0, 4, (3, 320, 1)).astype(np.uint8) << 6
    occupancy = unpack(tf.constant(packed), 2)
    windows = (occupancy.numpy() @ crumb_matrix(cells, (2, 2), config.training.crumbs)).reshape(3, 320, 2, 2)
    decoded = training.decoded(training.middle(training.front(occupancy)))
    ours = training.autoencoder.get_layer("sources")(decoded).numpy().reshape(windows.shape)
    np.testing.assert_allclose(ours, training.autoencoder(windows, training=False).numpy(), atol=1e-5)


def test_packed_training__an_epoch_is_its_steps_one_by_one(config: Config) -> None:
    packed = np.random.default_rng(1).integers(0, 4, (11, 2, 320, 1)).astype(np.uint8) << 6
    at_once, one_by_one = (PackedTraining(320, (2, 2), [(0, 1), (1, 0)], config) for _ in range(2))
    batches = iter(tf.data.Dataset.from_tensor_slices(packed))
    loss = at_once.epoch(batches, 11)
    assert next(batches, None) is None
    assert loss == pytest.approx(np.mean([float(one_by_one.step(batch)) for batch in packed]), rel=1e-5)
    for ours, expected in zip(at_once.autoencoder.weights, one_by_one.autoencoder.weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_fused_adam__moves_as_keras_adam() -> None:
    rng = np.random.default_rng(1)
    shapes = [(3, 4), (5,), (2, 2, 2)]
    first = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    moved = []
    for optimizer in (FusedAdam(0.01), keras.optimizers.Adam(0.01)):
        variables = [keras.Variable(values) for values in first]
        gradients = np.random.default_rng(2)
        for _ in range(20):
            step = [tf.constant(gradients.normal(size=s).astype(np.float32)) for s in shapes]
            tf.function(lambda step: optimizer.apply(step, variables))(step)  # noqa: B023
        moved.append([variable.numpy() for variable in variables])
        assert int(optimizer.iterations) == 20
    for ours, expected in zip(*moved, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)
