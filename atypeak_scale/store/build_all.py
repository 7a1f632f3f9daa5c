"""Build every cell line of a catalogue into one store."""

from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

from atypeak_scale.catalogue.folder import open_catalogue
from atypeak_scale.catalogue.peak_names import NothingNewError
from atypeak_scale.catalogue.streams import InputFile, is_pipe, refuse_pipe
from atypeak_scale.catalogue.windows import Windows, read_windows
from atypeak_scale.config import Config
from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage import locations, targets
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.build import BuildResult, build_in_windows
from atypeak_scale.store.groups import groups_of_cell_lines


@dataclass(frozen=True)
class LineTask:
    """A cell line to build; its name is in the configuration.

    append: whether it gets the sources that it lacks if the store has it; call: what tells the tasks of one
    `build_all` from those of another.
    """

    peaks: Location
    crms: Location
    store: Location
    config: Config
    append: bool
    call: str


@dataclass(frozen=True)
class LineOutcome:
    """What became of a cell line: the sizes of what was written, or why nothing was.

    Both are None if there was nothing to append.
    """

    cell_line: str
    built: BuildResult | None
    problem: str | None


def build_all(
    peaks: Location,
    crms: Location,
    store: Location,
    config: Config,
    min_peaks: int = 0,
    executor: Executor | None = None,
    append: bool = False,
) -> list[LineOutcome]:
    """Build every cell line of a catalogue that has enough peaks into one store.

    A task is a cell line, so with several workers as many are built at once. Those that the store has are
    left as they are: a run that was stopped goes on when it is started again. One that fails does not stop
    the others.

    Parameters
    ----------
    peaks
        The folder that `split_catalogue` or `make_catalogue` made.
    crms
        BED file of CRMs.
    store
        Folder of a store, new or not.
    config
        Selection and geometry, the same for all; its cell line is not used.
    min_peaks
        Cell lines with fewer peaks are left out.
    executor
        Where the work runs; None means this process.
    append
        Whether cell lines that the store has get the sources that they lack.

    Returns
    -------
    list of LineOutcome
        The largest first; without `append`, of the cell lines that were not in the store.

    Raises
    ------
    InputError
        If the catalogue or the CRMs are wrong, no cell line has enough peaks, or nothing can be written.

    """
    executor = executor or InProcess()
    config.model.check_frame(config.store.bins)
    wanted = [line.name for line in open_catalogue(peaks).largest_first(min_peaks)]
    where = locations.absolute(store)
    targets.target(where).refuse_unwritable()
    known = groups_of_cell_lines(where) if targets.target(where).exists() else {}
    executor.require(0)
    call = uuid4().hex
    refuse_pipe(crms, executor.is_elsewhere)
    crms = crms if is_pipe(crms) else locations.absolute(crms)
    _windows(crms, config.store.frame, config.store.min_crm_peaks, call)  # refuses bad CRMs before any work
    tasks = [
        LineTask(
            locations.absolute(peaks), crms, where,
            config.model_copy(update={"cell_line": name}), append, call,
        )
        for name in wanted if append or name not in known
    ]  # fmt: skip
    found = {
        task.config.cell_line: outcome for task, outcome in executor.map(build_line, tasks, "cell lines")
    }
    return [found[name] for name in wanted if name in found]


@lru_cache(maxsize=1)
def _windows(crms: Location, frame: int, min_crm_peaks: int, call: str) -> tuple[Windows, InputFile]:
    """Return the windows, which every task of a process needs; the next call may find another file there."""
    return read_windows(crms, frame, min_crm_peaks)


def build_line(task: LineTask) -> LineOutcome:
    """Build a cell line, or say why it cannot be built."""
    settings, name = task.config.store, task.config.cell_line
    try:
        windows = _windows(task.crms, settings.frame, settings.min_crm_peaks, task.call)
        built = build_in_windows(task.peaks, windows, task.store, task.config, task.append)
        return LineOutcome(name, built, None)
    except NothingNewError:
        return LineOutcome(name, None, None)
    except AtypeakError as problem:
        return LineOutcome(name, None, str(problem))
