"""Train the autoencoder of one cell line from its store (method, sections 3.2 and 3.3)."""

import logging
import time
from collections.abc import Callable

import tensorflow as tf

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import Event, heard_by, tell
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED
from atypeak_scale.model.files import TrainedModel, Training, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.training.early_stopping import EarlyStopping
from atypeak_scale.model.training.loss import loss_weights
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.stream import training_windows

log = logging.getLogger(__name__)

SECONDS_BETWEEN_EVENTS = 5.0  # within an epoch, roughly


def train(
    cell_line: CellLine, config: Config, out: Location | None = None, executor: Executor | None = None
) -> TrainedModel:
    """Train the autoencoder of a cell line (article, Autoencoder model; method, section 3).

    Parameters
    ----------
    cell_line
        The data.
    config
        Settings for the same cell line; `training.seed` decides the initial weights, the dropout and the
        order of windows.
    out
        New folder or URL for the model; None keeps it in memory.
    executor
        Its `progress` receives the end of each epoch, as stage `train`. If an epoch takes more than a few
        seconds, it also receives its steps, as stage `train, epoch N`. Training itself runs in this process.

    Returns
    -------
    TrainedModel
        The model with the weights of the best epoch. If Ctrl-C stopped training after the first epoch and
        `out` is None, it is the best model so far, and `training.stopped` says so.

    Raises
    ------
    InputError
        If `out` exists, the configuration is for another cell line, the frame does not fit the kernel, or a
        weight is for an unknown label.
    InterruptedStageError
        If Ctrl-C stopped training after the first epoch; the best weights so far are written.
    DamagedError, OSError
        If the store cannot be read to the end.
    KeyboardInterrupt
        If Ctrl-C stopped training before the end of the first epoch.

    Examples
    --------
    >>> train(open_store("hela.zarr"), load_config("hela"), out="hela-model").training.kept_loss

    """
    if out is not None:
        target(out).refuse_existing(last=DESCRIPTION)
    with heard_by((executor or InProcess()).progress):
        model = fit(cell_line, config)
    if out is not None:
        save_model(model, out)
        training = model.training
        assert training is not None
        if training.stopped == INTERRUPTED:
            raise InterruptedStageError(
                f"training {training.explain()}; the weights of epoch {training.kept_epoch}, "
                f"loss {training.kept_loss:.6f}, are in {out}"
            )
    return model


def fit(cell_line: CellLine, config: Config) -> TrainedModel:
    """Train as `train` does and report progress, but write nothing."""
    _check(cell_line, config)
    settings = config.training
    weights = loss_weights(settings, cell_line.views, cell_line.labels)
    failures: list[Exception] = []
    windows = training_windows(
        cell_line,
        seed=settings.seed,
        batch=settings.batch_windows,
        shuffle_windows=settings.shuffle_windows,
        failures=failures,
    )
    bins, (m, n) = cell_line.shape.bins, (len(labels) for labels in cell_line.labels)
    cells = [(i, j) for i, j in cell_line.cells.tolist()]
    training = PackedTraining(bins, (m, n), cells, config, weights)
    course = EarlyStopping(settings)
    try:
        _run_epochs(training, windows, config, course)
    except KeyboardInterrupt:
        if not course.best_epoch:
            raise
        course.stopped = INTERRUPTED
    except tf.errors.OpError as problem:
        raise failures[0] if failures else problem from None
    autoencoder = build_autoencoder(bins, m, n, config.model, settings.seed)
    autoencoder.set_weights(course.best_weights)
    assert course.stopped is not None
    result = Training(len(course.losses), course.best_epoch, course.best_loss, course.stopped)
    log.info("training stopped (%s) after %d epochs", result.stopped, result.epochs)
    data = fingerprint(cell_line.made_from)
    return TrainedModel(autoencoder, cell_line.labels, config, result, tuple(course.losses), data)


def _check(cell_line: CellLine, config: Config) -> None:
    if config.cell_line != cell_line.name:
        raise InputError(
            f"the configuration is for cell line {config.cell_line!r}, the data for {cell_line.name!r}; "
            "use the same cell line for both"
        )
    wanted = config.store.frame, config.store.bin
    if cell_line.frame != wanted:
        frame, width = cell_line.frame
        raise InputError(
            f"{cell_line.store}: has frames of {frame} bp in bins of {width} bp; the configuration has "
            f"{wanted[0]} and {wanted[1]}; set store.frame and store.bin as the store was built"
        )


def _run_epochs(
    training: PackedTraining, windows: tf.data.Dataset, config: Config, course: EarlyStopping
) -> None:
    """Train one epoch after another until `course` says that training has ended."""
    settings, batches = config.training, iter(windows)
    while not course.stopped:
        on_steps = _steps_listener(f"train, epoch {len(course.losses) + 1}")
        loss = training.epoch(batches, settings.batches_per_epoch, on_steps)
        course.add(loss, training.autoencoder.get_weights)
        detail = f"loss {loss:.6f}, best {course.best_loss:.6f} in epoch {course.best_epoch}"
        tell(Event("train", len(course.losses), settings.max_epochs, detail))


def _steps_listener(stage: str) -> Callable[[int, int], None]:
    """Return a function that reports an epoch's steps now and then, and the last if it reported others."""
    told, is_told = time.monotonic(), False

    def on_steps(done: int, total: int) -> None:
        nonlocal told, is_told
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_EVENTS or (is_told and done == total):
            tell(Event(stage, done, total))
            told, is_told = now, True

    return on_steps
