"""Train the autoencoder of one cell line from its store (method, sections 3.2, 3.3 and 9.2)."""

import logging
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.folds import is_kept_out
from atypeak_scale.config import Config, for_support
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import Event, heard_by, tell
from atypeak_scale.keras_backend import own_settings, tf
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED
from atypeak_scale.model.files import TrainedModel, Training, save_model
from atypeak_scale.model.halves import is_trained_on, refuse_both_halves
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.sizes import filters_that_exist
from atypeak_scale.model.training.all_epochs import AllEpochs
from atypeak_scale.model.training.descent import Descent
from atypeak_scale.model.training.early_stopping import EarlyStopping
from atypeak_scale.model.training.loss import loss_weights
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.model.training.plan import plan_training
from atypeak_scale.model.training.support_training import SupportTraining
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.stream import OfCrms, has_windows, some_windows, training_windows

log = logging.getLogger(__name__)

SECONDS_BETWEEN_EVENTS = 5.0  # within an epoch, roughly
MOST_VALIDATION_WINDOWS = 2048

Course = EarlyStopping | AllEpochs
Prepared = tuple[Descent, tf.data.Dataset, Course]


def train(
    cell_line: CellLine, config: Config, out: Location | None = None, executor: Executor | None = None
) -> TrainedModel:
    """Train the autoencoder of a cell line (article, Autoencoder model; method, sections 3 and 9.2).

    Parameters
    ----------
    cell_line
        The data.
    config
        Settings for the same cell line. `training.objective` says what the network learns: to rebuild what it
        sees (`article`), or to predict the sources that it does not see (`support`). `training.seed` decides
        the initial weights, the dropout or the masks, the order of windows, and for support which CRMs are
        kept out.
    out
        New folder or URL for the model; None keeps it in memory.
    executor
        Its `progress` receives the end of each epoch, as stage `train`. If an epoch takes more than a few
        seconds, it also receives its steps, as stage `train, epoch N`. Training itself runs in this process.
        If it has a memory limit, the gradients of a batch are added up in parts that fit.

    Returns
    -------
    TrainedModel
        The model with the weights of the best epoch, or of the last one for support. If Ctrl-C stopped
        training after the first epoch and `out` is None, it is the best or last so far, and
        `training.stopped` says so. The configuration of a model of support is that of `for_support`.

    Raises
    ------
    InputError
        If `out` exists, the configuration is for another cell line, the frame does not fit the kernel, or a
        weight is for an unknown label. For support, if every CRM is kept out, or two networks are asked for.
    InterruptedStageError
        If Ctrl-C stopped training after the first epoch; the weights kept so far are written.
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
        model = fit(cell_line, config, None if executor is None else executor.process_bytes)
    if out is not None:
        save_model(model, out)
        training = model.training
        assert training is not None
        if training.stopped == INTERRUPTED:
            raise InterruptedStageError(
                f"training {training.explain()}; {training.explain_kept()}, are in {out}"
            )
    return model


@own_settings()
def fit(cell_line: CellLine, config: Config, memory_limit: int | None = None) -> TrainedModel:
    """Train as `train` does and report progress, but write nothing; memory_limit: bytes."""
    at_once = plan_training(cell_line, config, memory_limit).windows_at_once
    failures: list[Exception] = []
    prepare = _article
    if config.training.objective == "support":
        refuse_both_halves(config)
        config, prepare = for_support(config), _support
    training, windows, course = prepare(cell_line, config, failures)
    training.windows_at_once = at_once
    try:
        _run_epochs(training, windows, config, course)
    except KeyboardInterrupt:
        if not course.kept_epoch:
            raise
        course.stopped = INTERRUPTED
    except tf.errors.OpError as problem:
        raise failures[0] if failures else problem from None
    del training, windows  # the optimizer holds two further copies of the weights
    bins, shape, cells = _geometry(cell_line)
    filters = filters_that_exist(config.model, shape, cells)
    autoencoder = build_autoencoder(bins, *shape, config.model, config.training.seed, cells=filters)
    autoencoder.set_weights(course.kept_weights)
    result = _result(course)
    log.info("training stopped (%s) after %d epochs", result.stopped, result.epochs)
    told = f"{result.explain()}; {result.explain_kept()}"
    tell(Event("train", result.epochs, config.training.max_epochs, told, is_last=True))
    return TrainedModel(
        autoencoder,
        cell_line.labels,
        config,
        result,
        tuple(course.losses),
        fingerprint(cell_line.made_from),
        validation_history=tuple(course.validation_losses),
    )


def _article(cell_line: CellLine, config: Config, failures: list[Exception]) -> Prepared:
    """Prepare the article's training: rebuild what the network sees (method, sections 3.2 and 3.3)."""
    settings = config.training
    weights = loss_weights(settings, cell_line.views, cell_line.labels)
    windows = _windows(cell_line, config, failures)
    return PackedTraining(*_geometry(cell_line), config, weights), windows, EarlyStopping(settings)


def _support(cell_line: CellLine, config: Config, failures: list[Exception]) -> Prepared:
    """Prepare the training of support: predict what is masked (method, section 9.2)."""
    settings, share = config.training, config.support.kept_out

    def is_kept(crm: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        return is_kept_out(crm, share, settings.seed)

    is_used = partial(is_trained_on, config=config)
    if not has_windows(cell_line, is_used):
        raise InputError(
            f"{cell_line.store}: every CRM is kept out of training, so there is nothing to train on; lower "
            "support.kept_out, or use another seed"
        )
    windows = _windows(cell_line, config, failures, is_used)
    kept_out = some_windows(cell_line, is_kept, MOST_VALIDATION_WINDOWS, settings.seed)
    # The same share of both is left out of training, so it leaves their ratio.
    empty = cell_line.attributes["windows_in_crms"] / cell_line.shape.windows - 1
    training = SupportTraining(*_geometry(cell_line), config, empty, kept_out)
    return training, windows, AllEpochs(settings.max_epochs, training.validation_loss)


def _windows(
    cell_line: CellLine, config: Config, failures: list[Exception], is_used: OfCrms | None = None
) -> tf.data.Dataset:
    settings = config.training
    return training_windows(
        cell_line,
        seed=settings.seed,
        batch=settings.batch_windows,
        shuffle_windows=settings.shuffle_windows,
        failures=failures,
        is_used=is_used,
    )


def _geometry(cell_line: CellLine) -> tuple[int, tuple[int, int], list[tuple[int, int]]]:
    """Return the bins of a window, the numbers of labels, and the labels of each source."""
    m, n = (len(labels) for labels in cell_line.labels)
    return cell_line.shape.bins, (m, n), [(i, j) for i, j in cell_line.cells.tolist()]


def _result(course: Course) -> Training:
    """Return how a training ended, and warn if it was too long or too short."""
    assert course.stopped is not None
    validation = None
    if isinstance(course, AllEpochs):
        if (advice := course.advice()) is not None:
            log.warning("%s", advice)
        last = course.validation_losses[-1]
        validation = last if np.isfinite(last) else None
    return Training(len(course.losses), course.kept_epoch, course.kept_loss, course.stopped, validation)


def _run_epochs(training: Descent, windows: tf.data.Dataset, config: Config, course: Course) -> None:
    """Train one epoch after another until `course` says that training has ended."""
    settings, batches = config.training, iter(windows)
    while not course.stopped:
        on_steps = _steps_listener(f"train, epoch {len(course.losses) + 1}")
        loss = training.epoch(batches, settings.batches_per_epoch, on_steps)
        course.add(loss, training.autoencoder.get_weights)
        tell(Event("train", len(course.losses), settings.max_epochs, course.detail()))


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
