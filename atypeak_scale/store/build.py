"""Build the store of one cell line: plan, overlap blocks of windows, write whole chunks, publish by rename.

peaks -> spool, sorted by contig and start          (one pass over the file)
CRMs  -> windows -> overlap blocks, each a task      (rows of peaks in windows, one file a block)
rows  -> chunks, each task writes whole ones
"""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import zarr

from atypeak_scale.catalogue.accounts import CrmAccount, PeakAccount
from atypeak_scale.catalogue.folder import peaks_file
from atypeak_scale.catalogue.peaks import PeakSpool, spool_peaks
from atypeak_scale.catalogue.streams import STANDARD_INPUT, InputFile
from atypeak_scale.catalogue.windows import Windows, read_windows
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage import locations, targets
from atypeak_scale.storage.atomic import real, replacing
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store.append import account_with, made_with, refuse_other_settings, with_peaks_of
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.groups import (
    DATA,
    METADATA,
    SCHEMA_VERSION,
    STORE_VERSION,
    consolidate,
    create_root,
    group_name,
    groups_of_cell_lines,
)
from atypeak_scale.store.overlap import overlap, overlap_blocks
from atypeak_scale.store.write import write_arrays


@dataclass(frozen=True)
class BuildPlan:
    """What a build will do, known before anything is written."""

    cell_line: str
    cell_line_peaks: int
    selected_peaks: int
    sources: int
    windows_at_most: int
    blocks: int
    occupancy_bytes_at_most: int
    projected_memory_bytes: int


@dataclass(frozen=True)
class BuildResult:
    """What a build wrote."""

    store: Location
    cell_line: str
    windows: int
    rows: int
    peaks: int
    sources: int
    rows_of_peaks: PeakAccount
    rows_of_crms: CrmAccount


def refuse_cell_line(store: Location, cell_line: str) -> None:
    """Raise InputError if `store` exists but is not a store, or already holds the cell line.

    One whose name differs in case alone is refused too: on some file systems both would be one folder.
    """
    if not targets.target(store).exists():
        return
    known = groups_of_cell_lines(store)
    if cell_line in known:
        raise InputError(f"{store}: already holds cell line {cell_line!r}; remove it or name another store")
    group = group_name(cell_line).casefold()
    same = next((name for name, of_name in known.items() if of_name.casefold() == group), None)
    if same is not None:
        told = f"holds cell line {same!r}, which differs from {cell_line!r} in case alone"
        raise InputError(f"{store}: {told}; name another store")


@dataclass(frozen=True)
class _Inputs:
    """account: what became of the rows of the peaks, by how many are used; made_from: as the store says."""

    windows: Windows
    spool: PeakSpool
    account: Callable[[int], PeakAccount]
    made_from: dict[str, Any]


def _read_inputs(
    peaks: Location,
    crms: Location,
    config: Config,
    folder: Path,
    executor: Executor,
    extended: CellLine | None = None,
) -> _Inputs:
    if str(peaks) == str(crms) == STANDARD_INPUT:
        raise InputError("peaks and CRMs cannot both be standard input; give one of them as a file")
    windows = read_windows(crms, config.store.frame, config.store.min_crm_peaks)
    return _read_peaks(peaks, windows, config, folder, executor, extended)


def _read_peaks(
    peaks: Location,
    windows: tuple[Windows, InputFile],
    config: Config,
    folder: Path,
    executor: Executor,
    extended: CellLine | None,
) -> _Inputs:
    """Read the peaks; those of new sources are put beside those of a cell line that is `extended`."""
    size = targets.target(peaks_file(peaks, config.cell_line)).file_size() or 0  # 0: unknown
    (all_windows, crm_file), known = windows, () if extended is None else extended.sources
    if extended is not None:
        refuse_other_settings(extended, config, crm_file)

    def read(done: int) -> None:
        executor.tell("read peaks", done, size)

    spool = spool_peaks(
        peaks, folder, config.cell_line, config.selection, all_windows.contigs, read, known
    )  # fmt: skip
    if extended is None:
        made_from = store_provenance(config, spool.input_file, crm_file)
        return _Inputs(all_windows, spool, spool.account, made_from)
    return _Inputs(
        all_windows,
        with_peaks_of(extended, spool, folder),
        partial(account_with, extended, spool),
        made_with(extended, config, spool.input_file),
    )


def _line_to_extend(store: Location, cell_line: str) -> CellLine | None:
    """Return the cell line of a store that new sources are added to, None if it has no such line."""
    if targets.target(store).exists() and cell_line in groups_of_cell_lines(store):
        return open_store(store, cell_line)
    return None


def _plan(inputs: _Inputs, config: Config) -> BuildPlan:
    settings, sources = config.store, len(inputs.spool.sources)
    window_bytes = settings.bins * sources
    return BuildPlan(
        cell_line=config.cell_line,
        cell_line_peaks=inputs.spool.cell_line_peaks,
        selected_peaks=inputs.spool.selected + sum(inputs.spool.other_contigs.values()),
        sources=sources,
        windows_at_most=len(inputs.windows),
        blocks=len(overlap_blocks(inputs.windows)),
        occupancy_bytes_at_most=len(inputs.windows) * window_bytes,
        projected_memory_bytes=(
            250_000_000  # the interpreter and its libraries, and one block of the peak file
            + 80 * len(inputs.windows)
            + 100 * inputs.spool.largest_stretch  # sorting it
            + 4 * settings.windows_per_chunk * window_bytes
        ),
    )


def plan_build(
    peaks: Location,
    crms: Location,
    config: Config,
    executor: Executor | None = None,
    append_to: Location | None = None,
) -> BuildPlan:
    """Read the inputs and return what a build would do, without writing anything.

    append_to: the store that new sources would be added to.
    """
    config.model.check_frame(config.store.bins)
    extended = None if append_to is None else _line_to_extend(append_to, config.cell_line)
    with tempfile.TemporaryDirectory(prefix="atypeak-plan-") as folder:
        read = _read_inputs(peaks, crms, config, Path(folder), executor or InProcess(), extended)
        return _plan(read, config)


def build_store(
    peaks: Location,
    crms: Location,
    store: Location,
    config: Config,
    replace: bool = False,
    executor: Executor | None = None,
    append: bool = False,
) -> BuildResult:
    """Build the data of `config.cell_line` in `store` from a peak and a CRM file (method, sections 1, 2).

    This makes a new store, or adds a cell line to an existing one. It appears whole or not at all.

    Parameters
    ----------
    peaks, crms
        BED files: plain, gzip, bgzip, xz or zstd, or URLs; "-" is standard input. Peaks may be the folder
        that `split_catalogue` or `make_catalogue` made.
    store
        Folder or URL. For a URL, it is first made in the folder for temporary files, which workers must see
        too.
    config
        Cell line, selection and geometry of the store.
    replace
        If the cell line exists, replace it and its scores once the new one is complete.
    executor
        Where the work runs; None means this process.
    append
        If the cell line exists, add the sources that it lacks. Its arrays are then those of a store built
        from all peaks at once; the peaks that it has are read from it, and their file is not needed.

    Returns
    -------
    BuildResult
        The sizes of what was written; `open_store` opens it.

    Raises
    ------
    InputError
        If an input is wrong, nothing overlaps, or the store already holds the cell line. With `append`: if
        the line has other CRMs or settings, results of its own, or every source already.

    """
    executor = executor or InProcess()
    config.model.check_frame(config.store.bins)
    extends = append and _line_to_extend(store, config.cell_line) is not None
    if not replace and not extends:
        refuse_cell_line(store, config.cell_line)
    targets.target(store).refuse_unwritable()
    # Connect first: a wrong address must not cost a pass over the whole catalogue.
    executor.require(0)

    def read(folder: Path) -> _Inputs:
        extended = open_store(store, config.cell_line) if extends else None
        return _read_inputs(peaks, crms, config, folder, executor, extended)

    return _build(read, store, config, replace or extends, executor)


def build_in_windows(
    peaks: Location, windows: tuple[Windows, InputFile], store: Location, config: Config, append: bool
) -> BuildResult:
    """Build a cell line as `build_store` does, in this process, with CRMs that were read before."""
    extends = append and _line_to_extend(store, config.cell_line) is not None
    if not extends:
        refuse_cell_line(store, config.cell_line)
    executor = InProcess()

    def read(folder: Path) -> _Inputs:
        extended = open_store(store, config.cell_line) if extends else None
        return _read_peaks(peaks, windows, config, folder, executor, extended)

    return _build(read, store, config, extends, executor)


def _build(
    read: Callable[[Path], _Inputs], store: Location, config: Config, replace: bool, executor: Executor
) -> BuildResult:
    target = locations.absolute(store)  # workers may have another working directory
    with (
        sole_writer(target, f"{config.cell_line}/{DATA}"),
        targets.target(target).staging_folder() as folder,
    ):
        work, built = folder / "work", folder / "store"
        work.mkdir()
        inputs = read(work)
        tables = overlap(inputs.windows, inputs.spool, config.store, work, executor)
        accounts = inputs.account(tables.peak_count), inputs.windows.account
        root = zarr.create_group(built, attributes={STORE_VERSION: SCHEMA_VERSION})
        path = group_name(config.cell_line)
        root.create_group(path, attributes=_attributes(inputs, config, *accounts))
        sizes = write_arrays(built, path, tables, inputs.windows.contigs, config.store, executor)
        # Builds of other cell lines may end at the same time; each is a moment.
        with sole_writer(target, "cell lines", wait=True):
            _publish(built, target, config.cell_line, replace)
    return BuildResult(
        locations.join(store),
        config.cell_line,
        sizes.windows,
        sizes.rows,
        sizes.peaks,
        sizes.sources,
        *accounts,
    )


def _attributes(inputs: _Inputs, config: Config, peaks: PeakAccount, crms: CrmAccount) -> dict[str, Any]:
    return {
        "cell_line": config.cell_line,
        "views": list(config.store.views),
        "frame": config.store.frame,
        "bin": config.store.bin,
        "windows_in_crms": len(inputs.windows),
        "accounts": {"peaks": asdict(peaks), "crms": asdict(crms)},
        "made_from": inputs.made_from,
        "versions": {
            name: version(name) for name in ("atypeak-scale", "zarr", "numcodecs", "numpy", "pyranges")
        },
    }


def store_provenance(config: Config, peaks: InputFile, crms: InputFile) -> dict[str, Any]:
    """Return what determines the content of a store: the settings and the identity of the input files."""
    return {
        "cell_line": config.cell_line,
        "selection": config.selection.record(),
        "store": config.store.model_dump(mode="json"),
        "peaks": asdict(peaks),
        "crms": asdict(crms),
    }


def _publish(built: Path, target: Location, cell_line: str, replace: bool) -> None:
    """Give a finished store, or its one group, its final name."""
    name = group_name(cell_line)
    if not replace:
        refuse_cell_line(target, cell_line)  # somebody else may have built it in the meantime
    if locations.is_url(target):
        create_root(target)
        # Remove the old group, or the remains of a killed upload; readers look for the metadata of a group.
        targets.target(locations.join(target, name, METADATA)).remove()
        targets.target(locations.join(target, name)).remove()
        targets.target(locations.join(target, name)).publish(built / name, last=METADATA)
    else:
        _rename(built, real(locations.local_path(target)), name)
    consolidate(target)


def _rename(built: Path, target: Path, name: str) -> None:
    """Move a finished store to its final name, or its one group, replacing any group of that name."""
    if target.exists():
        with replacing(target / name) as new:
            (built / name).rename(new)
    else:
        built.rename(target)
