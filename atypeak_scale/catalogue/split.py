"""Split peak files by cell line in one pass (method, 1.1)."""

from collections.abc import Sequence

from atypeak_scale.catalogue.aliases import Aliases
from atypeak_scale.catalogue.assemble import WORK, Assembly, assemble, folder_for
from atypeak_scale.catalogue.folder import Catalogue
from atypeak_scale.catalogue.names import CONVENTIONS
from atypeak_scale.catalogue.parts import ReadTask, convention_of, read_parts
from atypeak_scale.catalogue.ranges import ranges_of
from atypeak_scale.catalogue.streams import is_pipe, refuse_repeated
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage.locations import Location


def split_catalogue(
    peaks: Sequence[Location],
    out: Location,
    convention: str | None = None,
    aliases: Aliases | None = None,
    executor: Executor | None = None,
) -> Catalogue:
    """Split peak files by cell line into a catalogue folder.

    A run that was stopped goes on when it is started again. Memory holds some million rows, however many
    the files have.

    Parameters
    ----------
    peaks
        BED files or URLs: plain, gzip, bgzip, xz or zstd; "-" is standard input.
    out
        The new folder.
    convention
        How names are spelled, one of CONVENTIONS; None recognises it from the first names.
    aliases
        Names that mean the same.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Catalogue
        The cell lines, with their numbers of peaks and sources.

    Raises
    ------
    InputError
        If an input is wrong (the error names file and line), or `out` exists and is not the unfinished
        folder of the same split.

    """
    executor = executor or InProcess()
    if convention is not None and convention not in CONVENTIONS:
        raise InputError(f"convention {convention!r}; expected {' or '.join(CONVENTIONS)}", "convention")
    folder = folder_for(out)
    executor.require(0)
    refuse_repeated(peaks)
    ranges = [one for path in peaks for one in ranges_of(path)]
    if convention is None:  # a pipe must recognise it while it is read
        convention = next((convention_of(one) for one in ranges if not is_pipe(one.path)), None)
    aliases = aliases or Aliases()
    work = folder / WORK
    tasks = [ReadTask(one, work, number, convention, aliases) for number, one in enumerate(ranges)]
    return assemble(folder, Assembly(convention, tasks, read_parts), executor)
