"""Train the autoencoder of one cell line from its store (method, sections 3.2 and 3.3)."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.cluster import Event, Progress, no_progress
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED
from atypeak_scale.model.files import TrainedModel, Training, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.training.early_stopping import EarlyStopping
from atypeak_scale.model.training.loss import loss_weights
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.storage.locations import Location, refuse_existing
from atypeak_scale.store import schema
from atypeak_scale.store.build import fingerprint
from atypeak_scale.store.stream import training_windows

log = logging.getLogger(__name__)

SECONDS_BETWEEN_EVENTS = 5.0  # within an epoch, about


@dataclass(frozen=True)
class _Data:
    """What training must know of a cell line beside its windows."""

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


def _check_frame(data: _Data, config: Config) -> None:
    wanted = config.store.frame, config.store.bin
    if data.frame != wanted:
        raise InputError(
            f"{data.store}: has frames of {data.frame[0]} bp in bins of {data.frame[1]} bp; the "
            f"configuration has {wanted[0]} and {wanted[1]}; set store.frame and store.bin as the store was "
            "built"
        )


def train(store: Location, config: Config, progress: Progress = no_progress) -> TrainedModel:
    """Train the autoencoder of `config.cell_line` (method, section 3).

    Parameters
    ----------
    store : str or Path
        Store of the cell line.
    config : Config
        Settings; `training.seed` decides initial weights, dropout and the order of windows.
    progress : function
        Told of each epoch's end, as stage `train`, and of the steps of an epoch that takes longer than some
        seconds, as stage `train, epoch N`.

    Returns
    -------
    TrainedModel
        With the weights of the best epoch. Stopped by Ctrl-C after the first epoch, it is the best so far,
        and `training.stopped` says so.

    Raises
    ------
    InputError
        If the store lacks the cell line, its frame does not fit the kernel, or a weight names no label.
    DamagedError, OSError
        If the store cannot be read to the end.
    KeyboardInterrupt
        If it is interrupted before the end of the first epoch.

    """
    data = _describe(store, config.cell_line)
    _check_frame(data, config)
    settings = config.training
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
    m, n = (len(labels) for labels in data.labels)
    training = PackedTraining(data.bins, (m, n), data.cells, config, weights)
    course = EarlyStopping(settings)
    try:
        _run_epochs(training, windows, config, course, progress)
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
    return TrainedModel(autoencoder, data.labels, config, result, tuple(course.losses), data.fingerprint)


def _run_epochs(
    training: PackedTraining,
    windows: tf.data.Dataset,
    config: Config,
    course: EarlyStopping,
    progress: Progress,
) -> None:
    """Train epoch after epoch until `course` says that it is enough."""
    settings, batches = config.training, iter(windows)
    while not course.stopped:
        on_steps = _steps_listener(f"train, epoch {len(course.losses) + 1}", progress)
        loss = training.epoch(batches, settings.batches_per_epoch, on_steps)
        course.add(loss, training.autoencoder.get_weights)
        detail = f"loss {loss:.6f}, best {course.best_loss:.6f} in epoch {course.best_epoch}"
        progress(Event("train", len(course.losses), settings.max_epochs, detail))


def _steps_listener(stage: str, progress: Progress) -> Callable[[int, int], None]:
    """Return a function that tells of an epoch's steps now and then, and of the last if it told of others."""
    told, is_told = time.monotonic(), False

    def on_steps(done: int, total: int) -> None:
        nonlocal told, is_told
        now = time.monotonic()
        if now - told >= SECONDS_BETWEEN_EVENTS or (is_told and done == total):
            progress(Event(stage, done, total))
            told, is_told = now, True

    return on_steps


def train_and_save(
    store: Location,
    config: Config,
    folder: Location,
    progress: Progress = no_progress,
    keep_interrupted: bool = True,
) -> Training:
    """Train and write the model to a new folder; an existing one is refused before training begins.

    Parameters
    ----------
    store, config, progress
        As `train` takes them.
    folder : str or Path
        New folder for the model.
    keep_interrupted : bool
        Whether a model that Ctrl-C stopped after its first epoch is written. One of several that are trained
        together is not, so that it is trained again.

    Returns
    -------
    Training
        How the training ended.

    Raises
    ------
    InputError
        If `folder` exists, or as `train` does.
    InterruptedStageError
        If Ctrl-C stopped it after the first epoch, and the best weights so far are written.
    KeyboardInterrupt
        If Ctrl-C stopped it, and nothing is written.

    """
    refuse_existing(folder, last=DESCRIPTION)
    model = train(store, config, progress)
    training = model.training
    assert training is not None
    interrupted = training.stopped == INTERRUPTED
    if interrupted and not keep_interrupted:
        raise KeyboardInterrupt
    save_model(model, folder)
    if interrupted:
        raise InterruptedStageError(
            f"training {training.explain()}; the weights of epoch {training.kept_epoch}, "
            f"loss {training.kept_loss:.6f}, are in {folder}"
        )
    return training
