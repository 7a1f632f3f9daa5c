"""Build the store of one cell line: plan, overlap blocks of windows, write whole chunks, publish by rename.

peaks -> spool, sorted by contig and start          (one pass over the file)
CRMs  -> windows -> overlap blocks, each a task      (rows of peaks in windows, one file a block)
rows  -> chunks, each task writes whole ones         (DESIGN 3, 4)
"""

import hashlib
import json
import tempfile
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.bed import STANDARD_INPUT, InputFile
from atypeak_scale.catalogue.peaks import PeakSpool, spool_peaks
from atypeak_scale.catalogue.windows import Windows, read_windows
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import (
    IN_PROCESS,
    Cluster,
    Event,
    Progress,
    connect,
    no_progress,
    run_blocks,
)
from atypeak_scale.storage import locations
from atypeak_scale.storage.atomic import replacing
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import overlap as tables
from atypeak_scale.store import schema

ROW_CHUNKS_PER_TASK = 8


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
    peaks_outside: int
    sources: int


def refuse_cell_line(store: Location, cell_line: str) -> None:
    """Raise InputError where `store` is something else than a store, or already holds the cell line."""
    if locations.exists(store) and cell_line in schema.cell_lines(store):
        raise InputError(f"{store}: already holds cell line {cell_line!r}; remove it or name another store")


@dataclass(frozen=True)
class _Plan:
    windows: Windows
    spool: PeakSpool
    crm_file: InputFile


def _plan(peaks: Location, crms: Location, config: Config, folder: Path, progress: Progress) -> _Plan:
    if str(peaks) == str(crms) == STANDARD_INPUT:
        raise InputError("peaks and CRMs cannot both be standard input; give one of them as a file")
    windows, crm_file = read_windows(crms, config.store.frame, config.store.min_crm_peaks)
    size = locations.file_size(peaks) or 0  # 0: unknown, of standard input

    def read(done: int) -> None:
        progress(Event("read peaks", done, size))

    spool = spool_peaks(peaks, folder, config.cell_line, config.selection, read)
    return _Plan(windows, spool, crm_file)


def _summary(plan: _Plan, config: Config) -> BuildPlan:
    settings, sources = config.store, len(plan.spool.sources)
    window_bytes = settings.bins * sources
    return BuildPlan(
        cell_line=config.cell_line,
        cell_line_peaks=plan.spool.cell_line_peaks,
        selected_peaks=plan.spool.selected,
        sources=sources,
        windows_at_most=len(plan.windows),
        blocks=len(tables.overlap_blocks(plan.windows)),
        occupancy_bytes_at_most=len(plan.windows) * window_bytes,
        projected_memory_bytes=(
            250_000_000  # the interpreter with its libraries, and one block of the peak file
            + 80 * len(plan.windows)
            + 100 * plan.spool.largest_stretch  # sorting it
            + 4 * settings.windows_per_chunk * window_bytes
        ),
    )


def plan_build(
    peaks: Location, crms: Location, config: Config, progress: Progress = no_progress
) -> BuildPlan:
    """Read the inputs, write nothing, and return what a build would do."""
    config.model.check_frame(config.store.bins)
    with tempfile.TemporaryDirectory(prefix="atypeak-plan-") as folder:
        return _summary(_plan(peaks, crms, config, Path(folder), progress), config)


def build_store(
    peaks: Location,
    crms: Location,
    store: Location,
    config: Config,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
    replace: bool = False,
) -> BuildResult:
    """Build the group of `config.cell_line` in `store` from a peak and a CRM file (SPEC 1, 2; DESIGN 3).

    A new store, or a new cell line of an existing one. It appears whole or not at all. With `replace`, it
    takes the place of a cell line that is there, scores included, once it is whole. A store at a URL is made
    in the folder for temporary files, which workers must see too.

    Raises
    ------
    InputError
        Where an input is wrong, nothing overlaps, or the store already holds the cell line.

    """
    target = locations.absolute(store)  # workers may be somewhere else
    config.model.check_frame(config.store.bins)
    locations.refuse_unwritable(store)
    if not replace:
        refuse_cell_line(store, config.cell_line)
    # Connected first: a wrong address must not cost a reading of the whole catalogue.
    with connect(cluster, progress) as client, locations.workshop(target) as folder:
        work = folder / "work"
        work.mkdir()
        plan = _plan(peaks, crms, config, work, progress)
        found = tables.overlap(plan.windows, plan.spool, config.store, work, client, progress)
        result = _write(plan, found, config, folder / "store", client, progress)
        _publish(folder / "store", target, config.cell_line, replace)
    return BuildResult(store=locations.join(store), cell_line=config.cell_line, **result)


def _write(
    plan: _Plan, found: tables.Tables, config: Config, store: Path, client: Any, progress: Progress
) -> dict[str, int]:
    views, settings = config.store.views, config.store
    labels = [sorted({source[view] for source in found.sources}) for view in (0, 1)]
    sizes = {
        "window": found.windows.stat().st_size // tables.WINDOW.itemsize,
        "bin": settings.bins,
        "source": len(found.sources),
        "contig": len(plan.windows.contigs),
        "view0": len(labels[0]),
        "view1": len(labels[1]),
        "peak": found.rows.stat().st_size // tables.ROW.itemsize,
        "catalogue_peak": found.catalogue.stat().st_size // tables.CATALOGUE.itemsize,
    }
    peaks_outside = plan.spool.selected - sizes["catalogue_peak"]
    root = zarr.create_group(store, attributes={"schema_version": schema.SCHEMA_VERSION})
    name = schema.group_name(config.cell_line)
    group = root.create_group(name, attributes=_attributes(plan, config, peaks_outside))
    schema.create_arrays(
        group, schema.STORE_VARIABLES, sizes, views, settings.windows_per_chunk, settings.rows_per_block
    )
    whole = {
        "contig": np.array(plan.windows.contigs, object),
        views[0]: np.array(labels[0], object),
        views[1]: np.array(labels[1], object),
        f"source_{views[0]}": np.array([labels[0].index(a) for a, _ in found.sources], np.int32),
        f"source_{views[1]}": np.array([labels[1].index(b) for _, b in found.sources], np.int32),
    }
    for array, values in whole.items():
        schema.array(group, array)[:] = values
    for stage, function, file, dtype, length in (
        (
            "write windows",
            _write_windows,
            found.windows,
            tables.WINDOW,
            settings.windows_per_chunk * schema.OCCUPANCY_CHUNKS_PER_TASK,
        ),
        ("write rows", _write_rows, found.rows, tables.ROW, settings.rows_per_block * ROW_CHUNKS_PER_TASK),
        (
            "write catalogue",
            _write_catalogue,
            found.catalogue,
            tables.CATALOGUE,
            schema.CATALOGUE_PEAKS_PER_CHUNK,
        ),
    ):
        _write_table(function, file, dtype, length, (store, name, found.rows), client, stage, progress)
    return {
        "windows": sizes["window"],
        "rows": sizes["peak"],
        "peaks": sizes["catalogue_peak"],
        "peaks_outside": peaks_outside,
        "sources": sizes["source"],
    }


def _write_table(
    function: Callable[..., int], file: Path, dtype: np.dtype[np.void], length: int, common: tuple[Any, ...],
    client: Any, stage: str, progress: Progress,
) -> None:  # fmt: skip
    records = file.stat().st_size // dtype.itemsize
    blocks = [(file, start, min(start + length, records), *common) for start in range(0, records, length)]
    for _ in run_blocks(function, blocks, client, stage=stage, progress=progress):
        pass


def _attributes(plan: _Plan, config: Config, peaks_outside: int) -> dict[str, Any]:
    return {
        "cell_line": config.cell_line,
        "views": list(config.store.views),
        "frame": config.store.frame,
        "bin": config.store.bin,
        "windows_in_crms": len(plan.windows),
        "cell_line_peaks": plan.spool.cell_line_peaks,
        "peaks_outside_windows": peaks_outside,
        "made_from": made_from(config, plan.spool.input_file, plan.crm_file),
        "versions": {
            name: version(name) for name in ("atypeak-scale", "zarr", "numcodecs", "numpy", "pyranges")
        },
    }


def made_from(config: Config, peaks: InputFile, crms: InputFile) -> dict[str, Any]:
    """Return what determines the content of a store: settings and the identity of the input files."""
    return {
        "cell_line": config.cell_line,
        "selection": config.selection.model_dump(mode="json"),
        "store": config.store.model_dump(mode="json"),
        "peaks": asdict(peaks),
        "crms": asdict(crms),
    }


def fingerprint(values: Any) -> str:
    """Return the SHA-256 of anything that JSON can spell."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _write_windows(file: Path, start: int, stop: int, store: Path, name: str, rows_file: Path) -> int:
    group = schema.open_group(store, name, "r+")
    windows = tables.records(file, tables.WINDOW, start, stop)
    for field in tables.WINDOW.names or ():
        name_of = field if field.startswith("crm") else f"window_{field}"
        schema.write_chunks(group, name_of, start, windows[field])
    rows = np.memmap(rows_file, tables.ROW, mode="r")
    occupancy = schema.array(group, "occupancy")
    for first in range(start, stop, occupancy.chunks[0]):
        last = min(first + occupancy.chunks[0], stop)
        # numpy's bisection would copy the whole column.
        of_chunk = slice(bisect_left(rows["window"], first), bisect_left(rows["window"], last))
        shape = (last - first, *occupancy.shape[1:])
        schema.write_chunks(group, "occupancy", first, rasterize(np.array(rows[of_chunk]), first, shape))
    return stop - start


def rasterize(rows: npt.NDArray[np.void], start: int, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return the occupancy (window, bin, source) of ROW records, window 0 being `start` (SPEC 2.4)."""
    lengths = rows["last"] - rows["first"] + 1
    row = np.repeat(np.arange(len(rows)), lengths)
    bins = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths - rows["first"], lengths)
    occupancy = np.zeros(shape, bool)
    occupancy[rows["window"][row] - start, bins, rows["source"][row]] = True
    return occupancy


def _write_rows(file: Path, start: int, stop: int, store: Path, name: str, _: Path) -> int:
    group = schema.open_group(store, name, "r+")
    rows = tables.records(file, tables.ROW, start, stop)
    for array, field in (("peak_window", "window"), ("peak_catalogue", "peak"), ("peak_source", "source"),
                         ("peak_first_bin", "first"), ("peak_last_bin", "last")):  # fmt: skip
        schema.write_chunks(group, array, start, rows[field])
    return stop - start


def _write_catalogue(file: Path, start: int, stop: int, store: Path, name: str, _: Path) -> int:
    group = schema.open_group(store, name, "r+")
    records = tables.records(file, tables.CATALOGUE, start, stop)
    for field in tables.CATALOGUE.names or ():
        schema.write_chunks(group, f"catalogue_{field}", start, records[field])
    return stop - start


def _publish(built: Path, target: Location, cell_line: str, replace: bool) -> None:
    """Give a finished store, or its one group, its final name."""
    name = schema.group_name(cell_line)
    if locations.is_url(target):
        if not replace:
            refuse_cell_line(target, cell_line)  # which somebody else may have built meanwhile
        schema.create_root(target)
        # What is replaced, or what a killed upload left; readers know a group by its metadata.
        locations.remove(locations.join(target, name, schema.METADATA))
        locations.remove(locations.join(target, name))
        locations.publish(built / name, locations.join(target, name), last=schema.METADATA)
    else:
        _rename(built, locations.local_path(target), name)
    schema.consolidate(target)


def _rename(built: Path, target: Path, name: str) -> None:
    """Move a finished store, or its one group in place of any of that name, to its final name."""
    if target.exists():
        with replacing(target / name) as new:
            (built / name).rename(new)
    else:
        built.rename(target)
