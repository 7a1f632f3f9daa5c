"""Read all of a store and report damage: check every chunk's checksum, and whether the arrays agree.

A lost chunk reads as its fill value without an error. All chunks are written, so those that are not there are
told. Stores of earlier versions did not write chunks that hold only the fill value: so the occupancy is also
compared with the rows that it was made from, and complete scores must have no gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.variables import (
    EMPTY_BP,
    EMPTY_CRM,
    P_RANDOM,
    PEAK_SCORES,
    PLACED_NETWORK,
    REBUILT_SCORE,
    ROW_NETWORK,
    STORE_VARIABLES,
    SUPPORT,
    Variable,
    with_views,
)
from atypeak_scale.storage.locations import Location, absolute
from atypeak_scale.store.arrays import (
    EVERY_CHUNK,
    REBUILD,
    array_of,
    arrays_in,
    damage_of,
    lost_chunks,
    read_array,
)
from atypeak_scale.store.cell_line import Block, CellLine, cell_lines
from atypeak_scale.store.groups import PLACEMENTS, SCORES, children, open_group
from atypeak_scale.store.result_groups import UNKNOWN, all_results, is_complete
from atypeak_scale.store.write import rasterize

CHUNKS_AT_ONCE = 64
# Arrays of complete results in which every value is a number.
NO_GAPS = (REBUILT_SCORE, *PEAK_SCORES, ROW_NETWORK, PLACED_NETWORK, SUPPORT, P_RANDOM)


@dataclass(frozen=True)
class Verified:
    """How much was read, and one line for each problem."""

    arrays: int
    chunks: int
    damages: list[str]


@dataclass(frozen=True)
class ChunksTask:
    """Chunks [start, stop) of an array, in C order."""

    location: Location
    path: str
    start: int
    stop: int


@dataclass(frozen=True)
class OccupancyTask:
    """A chunk of the occupancy of a cell line."""

    cell_line: CellLine
    block: Block


@dataclass(frozen=True)
class ResultTask:
    """An array of complete results.

    has_every_chunk: whether chunks that are not there are lost; unknown: names of the sources that the model
    does not know.
    """

    cell_line: CellLine
    location: Location
    path: str
    has_every_chunk: bool
    unknown: tuple[str, ...]


def verify(store: Location, results: Location | None = None, executor: Executor | None = None) -> Verified:
    """Read every chunk of every array of a store and its scores, and of scores in another place.

    Parameters
    ----------
    store
        Folder or URL.
    results
        Another place with scores of the same store.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Verified
        `damages` is empty if nothing is damaged.

    Raises
    ------
    InputError
        If there is no store, or the scores belong to another one.

    Examples
    --------
    >>> verify("hela.zarr").damages

    """
    executor = executor or InProcess()
    lines = cell_lines(store)
    location = absolute(store)  # workers may have another working directory
    found = [(line, location, group) for line in lines for group in all_results(line).values()]
    arrays = [(location, array) for line in lines for array in _arrays(line.group())]
    if results is not None and absolute(results) != location:
        other = absolute(results)
        found += [(line, other, group) for line in lines for group in all_results(line, other).values()]
        arrays += [
            (other, array)
            for line in lines
            for kind in (SCORES, PLACEMENTS)
            for group in all_results(line, other, kind).values()
            for array in _arrays(group)
        ]
    executor.require(0)
    chunks = [
        ChunksTask(place, array.path, start, min(start + CHUNKS_AT_ONCE, array.nchunks))
        for place, array in arrays
        for start in range(0, array.nchunks, CHUNKS_AT_ONCE)
    ]
    damages = [told for line in lines for told in _lost_arrays(line)]
    damages += executor.reduce(damaged_chunks, chunks, "read") if chunks and not damages else []
    if not damages:
        compared = [OccupancyTask(line, block) for line in lines for block in line.blocks("windows")]
        complete = [
            ResultTask(line, place, array.path, EVERY_CHUNK in group.attrs, _unknown(group))
            for line, place, group in found
            if is_complete(group)
            for array in arrays_in(group)
        ]
        damages = executor.reduce(disagreement, compared, "compare") if compared else []
        damages += executor.reduce(gaps, complete, "results") if complete else []
    return Verified(len(arrays), sum(array.nchunks for _, array in arrays), damages)


def _lost_arrays(cell_line: CellLine) -> list[str]:
    """Return a line for each array of data that is not there, or of whose metadata Zarr can make nothing."""
    found = {array.basename for array in arrays_in(cell_line.group())}
    # Earlier versions kept nothing of windows without a peak.
    expected = [v for v in STORE_VARIABLES if v not in (EMPTY_CRM, EMPTY_BP) or cell_line.has_empty_windows]
    names = [with_views(variable.name, cell_line.views) for variable in expected]
    place = f"{cell_line.store}/{cell_line.path}"
    return [
        f"{place}/{name}: lost, or its metadata is damaged; {REBUILD}" for name in names if name not in found
    ]


def _arrays(group: zarr.Group) -> Iterator[zarr.Array[Any]]:
    yield from arrays_in(group)
    for child in children(group).values():
        yield from _arrays(child)


def damaged_chunks(task: ChunksTask) -> list[str]:
    """Return a line for every damaged chunk among some chunks of an array."""
    array = array_of(open_group(task.location), task.path)
    grid = list(product(*map(range, array.cdata_shape)))
    return [
        damage for chunk in grid[task.start : task.stop] if (damage := damage_of(array, chunk)) is not None
    ]


def gaps(task: ResultTask) -> list[str]:
    """Return a line for every lost chunk of an array of complete results, or if peaks have no value in it."""
    array = array_of(open_group(task.location), task.path)
    if task.has_every_chunk and (lost := lost_chunks(array)):
        return lost
    variable = next((score for score in NO_GAPS if score.name == array.basename), None)
    if variable is None:
        return []
    length = array.chunks[0]
    for start in range(0, array.shape[0], length):
        stop = min(start + length, array.shape[0])
        absent = np.isnan(read_array(array, start, stop))
        if absent.any() and (absent & _has_value(task, variable, start, stop)).any():
            return [
                f"{array.store_path}, chunk {start // length}: lost; run 'atypeak-scale score' and "
                "'atypeak-scale normalize' again"
            ]
    return []


def _unknown(results: zarr.Group) -> tuple[str, ...]:
    attributes: dict[str, Any] = dict(results.attrs)
    return tuple(attributes.get(UNKNOWN, ()))


def _has_value(task: ResultTask, variable: Variable, start: int, stop: int) -> npt.NDArray[np.bool_]:
    """Return which of the elements [start, stop) of an array have a value: bool (stop - start,)."""
    line = task.cell_line
    if not task.unknown:
        return np.ones(stop - start, bool)
    if variable.dims[0] == "placement":  # whose sources are elsewhere
        return np.zeros(stop - start, bool)
    unknown = [number for number, one in enumerate(line.sources) if source_name(one) in task.unknown]
    return ~np.isin(line.source_of(variable.dims[0], start, stop), unknown)


def disagreement(task: OccupancyTask) -> list[str]:
    """Return a line if a chunk of occupancy does not match the rows of its windows."""
    cell_line, (first, stop) = task.cell_line, task.block
    where = f"{cell_line.store}/{cell_line.path}"
    try:
        rows = cell_line.rows(*cell_line.rows_of_windows(first, stop))
        shape = (stop - first, *cell_line.shape[1:])
        expected = rasterize(rows.window - first, rows.source, rows.first_bin, rows.last_bin, shape)
        found = cell_line.occupancy(first, stop)
    except (IndexError, ValueError, DamagedError) as problem:
        return [f"{where}: rows of windows {first} to {stop} contradict each other ({problem}); {REBUILD}"]
    if not np.array_equal(expected, found):
        chunk = first // (cell_line.blocks("windows")[0].stop)
        return [f"{where}/occupancy, chunk {chunk}: does not match the rows of its windows; {REBUILD}"]
    return []
