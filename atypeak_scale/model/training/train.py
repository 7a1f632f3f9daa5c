"""Train the autoencoder of one cell line from its store (SPEC 3.2, 3.3; DESIGN 6)."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from atypeak_scale.config import Config, TrainingSettings
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.cluster import Event, Progress, no_progress
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED, LAST, LOW, SETTLED
from atypeak_scale.model.files import TrainedModel, Training, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.sparse_convolutions import Front
from atypeak_scale.model.training.dense_layers import Middle
from atypeak_scale.model.training.loss import RebuildingError, loss_weights
from atypeak_scale.storage.locations import Location, refuse_existing
from atypeak_scale.store import schema
from atypeak_scale.store.build import fingerprint
from atypeak_scale.store.stream import crumb_matrix, training_windows, unpack

log = logging.getLogger(__name__)

STEPS_AT_ONCE = 8  # of training, before Ctrl-C is heard


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras' Adam, each variable updated by one operation instead of about ten, which large ones feel."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move a variable by its gradient."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=tf.pow(self.beta_1, step),
            beta2_power=tf.pow(self.beta_2, step),
            lr=tf.cast(learning_rate, tf.float32),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )


class PackedTraining:
    """Trains an autoencoder on packed windows, without ever making its input, output or target whole."""

    def __init__(
        self,
        bins: int,
        shape: tuple[int, int],
        cells: list[tuple[int, int]],
        config: Config,
        weights: npt.NDArray[np.float32] | None = None,
    ) -> None:
        """`shape`: (m, n); `cells`: (dataset, TR) index of every source; `weights`: of the loss, (m, n)."""
        settings = config.training
        self.autoencoder = build_autoencoder(bins, *shape, config.model, settings.seed, settings.precision)
        self.front = Front(self.autoencoder, cells, settings.crumbs)
        self.middle, self.decoded = Middle(self.autoencoder), self.autoencoder.get_layer("decoded")
        given = crumb_matrix(cells, shape, settings.crumbs)
        self.error = RebuildingError(self.autoencoder.get_layer("sources"), given, weights)
        self.optimizer = FusedAdam(settings.learning_rate)
        self.optimizer.build(self.autoencoder.trainable_variables)
        self._sources = len(cells)
        self._steps = tf.function(self._steps_in_graph, autograph=False)

    def step(self, packed: tf.Tensor) -> tf.Tensor:
        """One step of gradient descent, on packed windows (windows, bins, bytes); returns its loss.

        The loss: mean over all cells of weight times squared error (SPEC 3.2), and L2.
        """
        occupancy = unpack(packed, self._sources)
        with tf.GradientTape() as tape:
            decoded = self.decoded(self.middle(self.front(occupancy)))
            loss = tf.add_n([self.error(decoded, occupancy), *self.autoencoder.losses])
        variables = self.autoencoder.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    def epoch(self, batches: Iterator[tf.Tensor], steps: int) -> float:
        """Take that many steps and return the mean of their losses."""
        return (
            sum(
                float(self._steps(batches, tf.constant(min(STEPS_AT_ONCE, steps - done))))
                for done in range(0, steps, STEPS_AT_ONCE)
            )
            / steps
        )

    def _steps_in_graph(self, batches: Iterator[tf.Tensor], steps: tf.Tensor) -> tf.Tensor:
        """Sum of the losses of some steps, without a return to Python between them."""

        def step(done: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return done + 1, total + self.step(next(batches))

        return tf.while_loop(lambda done, _: done < steps, step, (0, 0.0))[1]


class EarlyStopping:
    """Ends training as SPEC 3.3 says and keeps the best weights.

    The best epoch is the last whose loss was lower by more than min_delta than the best before it, or that
    reached stop_at_loss.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self.best_weights: list[npt.NDArray[np.float32]] = []
        self.best_epoch = 0
        self.best_loss = np.inf
        self.losses: list[float] = []
        self.stopped: str | None = None

    def add(self, loss: float, weights: Callable[[], list[npt.NDArray[np.float32]]]) -> None:
        """Take note of an epoch: the mean loss of its steps, and how to get the weights that it left."""
        self.losses.append(loss)
        epoch = len(self.losses)
        if not np.isfinite(loss):
            raise InputError(f"epoch {epoch}: the loss is {loss}; lower training.learning_rate in the config")
        limit = self._settings.stop_at_loss
        reached = limit is not None and loss <= limit
        # The loss that a user asked for is kept however little it is below the best.
        if loss < self.best_loss - (0 if reached else self._settings.min_delta):
            # In one go: Ctrl-C while weights are copied must not leave one epoch with another's weights.
            self.best_epoch, self.best_loss, self.best_weights = epoch, loss, weights()
        if reached:
            self.stopped = LOW
        elif epoch - self.best_epoch >= self._settings.patience:
            self.stopped = SETTLED
        elif epoch == self._settings.max_epochs:
            self.stopped = LAST


@dataclass(frozen=True)
class _Data:
    store: Location
    cell_line: str
    bins: int
    frame: tuple[int, int]
    views: tuple[str, str]
    labels: tuple[tuple[str, ...], tuple[str, ...]]
    cells: list[tuple[int, int]]
    fingerprint: str


def _describe(store: Location, cell_line: str) -> _Data:
    group = schema.open_cell_line(store, cell_line)
    view0, view1 = views = schema.views_of(group)
    labels = tuple(schema.read_array(group, view0)), tuple(schema.read_array(group, view1))
    cells = zip(
        schema.read_array(group, f"source_{view0}").tolist(),
        schema.read_array(group, f"source_{view1}").tolist(),
        strict=True,
    )
    attributes = dict(group.attrs)
    return _Data(
        store=store,
        cell_line=cell_line,
        bins=schema.array(group, "occupancy").shape[1],
        frame=schema.frame_of(group),
        views=views,
        labels=labels,
        cells=list(cells),
        fingerprint=fingerprint(attributes["made_from"]),
    )


def train(store: Location, config: Config, progress: Progress = no_progress) -> TrainedModel:
    """Train the autoencoder of `config.cell_line` and return it with the best epoch's weights (SPEC 3).

    Interrupted by Ctrl-C after the first epoch, it returns the best so far, `training.stopped` telling.

    Raises
    ------
    InputError
        Where the store lacks the cell line, its frame does not fit the kernel, or a weight names no label.
    DamagedError, OSError
        Where the store cannot be read to the end.
    KeyboardInterrupt
        Where it is interrupted before the first epoch ended.

    """
    data = _describe(store, config.cell_line)
    settings = config.training
    wanted = config.store.frame, config.store.bin
    if data.frame != wanted:
        raise InputError(
            f"{store}: has frames of {data.frame[0]} bp in bins of {data.frame[1]} bp; the configuration has "
            f"{wanted[0]} and {wanted[1]}; set store.frame and store.bin as the store was built"
        )
    weights = loss_weights(settings, data.views, data.labels)
    failures: list[Exception] = []
    windows = training_windows(
        data.store,
        data.cell_line,
        seed=settings.seed,
        batch=settings.batch_windows,
        shuffle_windows=settings.shuffle_windows,
        failures=failures,
    )
    batches = iter(windows)
    m, n = (len(labels) for labels in data.labels)
    training = PackedTraining(data.bins, (m, n), data.cells, config, weights)
    course = EarlyStopping(settings)
    try:
        while not course.stopped:
            loss = training.epoch(batches, settings.batches_per_epoch)
            course.add(loss, training.autoencoder.get_weights)
            detail = f"loss {loss:.6f}, best {course.best_loss:.6f} in epoch {course.best_epoch}"
            progress(Event("train", len(course.losses), settings.max_epochs, detail))
    except KeyboardInterrupt:
        if not course.best_epoch:
            raise
        course.stopped = INTERRUPTED
    except tf.errors.OpError as problem:
        raise failures[0] if failures else problem from None
    autoencoder = build_autoencoder(data.bins, m, n, config.model, settings.seed)
    autoencoder.set_weights(course.best_weights)
    assert course.stopped is not None
    result = Training(len(course.losses), course.best_epoch, course.best_loss, course.stopped)
    log.info("training stopped (%s) after %d epochs", result.stopped, result.epochs)
    labels: Any = data.labels
    return TrainedModel(autoencoder, labels, config, result, tuple(course.losses), data.fingerprint)


def train_and_save(
    store: Location, config: Config, folder: Location, progress: Progress = no_progress
) -> Training:
    """Train and write the model to the new folder `folder`; refuses an existing one before it begins.

    Raises
    ------
    InterruptedStageError
        Where Ctrl-C stopped it after the first epoch; the best weights so far are written.

    """
    refuse_existing(folder, last=DESCRIPTION)
    model = train(store, config, progress)
    save_model(model, folder)
    assert model.training is not None
    if model.training.stopped == INTERRUPTED:
        raise InterruptedStageError(
            f"training {model.training.explain()}; the weights of epoch {model.training.kept_epoch}, "
            f"loss {model.training.kept_loss:.6f}, are in {folder}"
        )
    return model.training
