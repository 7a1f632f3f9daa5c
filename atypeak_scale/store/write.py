"""Write the tables of a store as its arrays, in tasks that each write whole chunks."""

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.config import StoreSettings
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import STORE_VARIABLES, Variable, with_views
from atypeak_scale.store.arrays import (
    CATALOGUE_PEAKS_PER_CHUNK,
    OCCUPANCY_CHUNKS_PER_TASK,
    array_of,
    create_arrays,
    mark_finished,
    write_chunks,
)
from atypeak_scale.store.groups import open_group
from atypeak_scale.store.overlap import CATALOGUE, EMPTY, ROW, WINDOW, Tables, records

ROW_CHUNKS_PER_TASK = 8
_kept = threading.local()  # memory for the occupancy of a chunk, of each thread
# Field of the records -> the array it becomes.
WINDOW_ARRAYS = {
    "contig": v.WINDOW_CONTIG, "start": v.WINDOW_START, "end": v.WINDOW_END, "crm": v.CRM,
    "crm_start": v.CRM_START, "crm_end": v.CRM_END, "crm_sources": v.CRM_SOURCES,
}  # fmt: skip
ROW_ARRAYS = {
    "window": v.ROW_WINDOW, "peak": v.ROW_PEAK, "source": v.ROW_SOURCE, "first": v.ROW_FIRST_BIN,
    "last": v.ROW_LAST_BIN,
}  # fmt: skip
EMPTY_ARRAYS = {"crm": v.EMPTY_CRM, "bp": v.EMPTY_BP}
PEAK_ARRAYS = {
    "contig": v.PEAK_CONTIG, "start": v.PEAK_START, "end": v.PEAK_END, "source": v.PEAK_SOURCE,
    "first_row": v.PEAK_FIRST_ROW, "last_row": v.PEAK_LAST_ROW,
}  # fmt: skip


@dataclass(frozen=True)
class WriteTask:
    """Records [start, stop) of a file, for the group at `path` of a store; `rows`: file of all rows."""

    store: Path
    path: str
    file: Path
    start: int
    stop: int
    rows: Path

    def group(self) -> zarr.Group:
        """Open the group, for writing."""
        return open_group(self.store, self.path, "r+")

    def write(self, values: npt.NDArray[np.void], arrays: dict[str, Variable]) -> None:
        """Write each field of the records as the array that it becomes."""
        group = self.group()
        for field, variable in arrays.items():
            write_chunks(array_of(group, variable.name), self.start, values[field])


@dataclass(frozen=True)
class Sizes:
    """What a build counted."""

    windows: int
    rows: int
    peaks: int
    sources: int


def write_arrays(
    store: Path, path: str, tables: Tables, contigs: list[str], settings: StoreSettings, executor: Executor
) -> Sizes:
    """Create and fill every array of an empty group; return the sizes."""
    views = settings.views
    labels = [sorted({source[view] for source in tables.sources}) for view in (0, 1)]
    sizes = {
        "window": tables.windows.stat().st_size // WINDOW.itemsize,
        "bin": settings.bins,
        "source": len(tables.sources),
        "empty_window": tables.empty.stat().st_size // EMPTY.itemsize,
        "contig": len(contigs),
        "view0": len(labels[0]),
        "view1": len(labels[1]),
        "peak": tables.rows.stat().st_size // ROW.itemsize,
        "catalogue_peak": tables.catalogue.stat().st_size // CATALOGUE.itemsize,
    }
    group = open_group(store, path, "r+")
    create_arrays(group, STORE_VARIABLES, sizes, views, settings.windows_per_chunk, settings.rows_per_block)
    whole = {
        v.CONTIG: np.array(contigs, object),
        v.VIEW0: np.array(labels[0], object),
        v.VIEW1: np.array(labels[1], object),
        v.SOURCE_VIEW0: np.array([labels[0].index(a) for a, _ in tables.sources], np.int32),
        v.SOURCE_VIEW1: np.array([labels[1].index(b) for _, b in tables.sources], np.int32),
    }
    for variable, values in whole.items():
        write_chunks(array_of(group, with_views(variable.name, views)), 0, values)

    def write(function: Callable[[WriteTask], None], file: Path, total: int, length: int, stage: str) -> None:
        tasks = [
            WriteTask(store, path, file, start, min(start + length, total), tables.rows)
            for start in range(0, total, length)
        ]
        executor.run(function, tasks, stage)

    windows = settings.windows_per_chunk * OCCUPANCY_CHUNKS_PER_TASK
    write(_write_windows, tables.windows, sizes["window"], windows, "write windows")
    write(_write_empty, tables.empty, sizes["empty_window"], windows, "write windows")
    rows = settings.rows_per_block * ROW_CHUNKS_PER_TASK
    write(_write_rows, tables.rows, sizes["peak"], rows, "write rows")
    peaks = CATALOGUE_PEAKS_PER_CHUNK
    write(_write_peaks, tables.catalogue, sizes["catalogue_peak"], peaks, "write catalogue")
    mark_finished(group)
    return Sizes(sizes["window"], sizes["peak"], sizes["catalogue_peak"], sizes["source"])


def _write_windows(task: WriteTask) -> None:
    task.write(records(task.file, WINDOW, task.start, task.stop), WINDOW_ARRAYS)
    rows = np.memmap(task.rows, ROW, mode="r")
    occupancy = array_of(task.group(), v.OCCUPANCY.name)
    for first in range(task.start, task.stop, occupancy.chunks[0]):
        last = min(first + occupancy.chunks[0], task.stop)
        # NumPy's bisection would copy the whole column.
        of_chunk = slice(bisect_left(rows["window"], first), bisect_left(rows["window"], last))
        chunk = np.array(rows[of_chunk])
        shape = (last - first, *occupancy.shape[1:])
        bins = chunk["first"], chunk["last"]
        with drawn(chunk["window"] - first, chunk["source"], *bins, shape) as cells:
            write_chunks(occupancy, first, cells)


def _cells(
    window: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
    shape: tuple[int, ...],
) -> npt.NDArray[np.int64]:
    """Return the place of every bin of every row in the flat occupancy; ValueError if a row is outside."""
    windows, bins, sources = shape
    for column, low, size in ((window, window, windows), (source, source, sources), (last, first, bins)):
        if len(column) and not (low.min() >= 0 and column.max() < size):
            raise ValueError(f"a row is outside an occupancy of shape {shape}")
    lengths = (last - first + 1).astype(np.int64)
    begins = (window.astype(np.int64) * bins + first) * sources + source
    # As few passes as possible: there are about a thousand places in a window.
    places = np.arange(0, int(lengths.sum()) * sources, sources)
    places += np.repeat(begins - (np.cumsum(lengths) - lengths) * sources, lengths)
    return places


def rasterize(
    window: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
    shape: tuple[int, ...],
) -> npt.NDArray[np.bool_]:
    """Return the occupancy (window, bin, source) of rows, (rows,) each; first and last bin are included."""
    occupancy = np.zeros(shape, bool)
    occupancy.reshape(-1)[_cells(window, source, first, last, shape)] = True
    return occupancy


@contextmanager
def drawn(
    window: npt.NDArray[np.int64],
    source: npt.NDArray[np.int32],
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
    shape: tuple[int, ...],
) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield what `rasterize` returns, in memory that the next call in this thread uses again.

    Memory new from the system costs several times as much as compressing it, because windows are almost
    empty. So a thread keeps that of its last chunk and clears only what was drawn, until `forget` is called.
    """
    # Taken, and put back only when it is clean again, so that nothing is left in it if the block ends early.
    flat: npt.NDArray[np.bool_] | None = vars(_kept).pop("cells", None)
    size = math.prod(shape)
    if flat is None or len(flat) < size:
        flat = np.zeros(size, bool)
    at = _cells(window, source, first, last, shape)
    flat[at] = True
    yield flat[:size].reshape(shape)
    flat[at] = False
    _kept.cells = flat


def forget() -> None:
    """Give back the memory that this thread keeps for `drawn`."""
    vars(_kept).clear()


def _write_empty(task: WriteTask) -> None:
    task.write(records(task.file, EMPTY, task.start, task.stop), EMPTY_ARRAYS)


def _write_rows(task: WriteTask) -> None:
    forget()  # rows follow windows, on a worker too
    task.write(records(task.file, ROW, task.start, task.stop), ROW_ARRAYS)


def _write_peaks(task: WriteTask) -> None:
    task.write(records(task.file, CATALOGUE, task.start, task.stop), PEAK_ARRAYS)
