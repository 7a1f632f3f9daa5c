"""Read all of a store and say what is damaged: every chunk's checksum, and what the arrays say of each other.

A chunk that was lost is read as its fill value without an error, as such chunks are not written. So the
occupancy is compared with the rows that it was made from, and complete results must have no gap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import zarr

from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress, run_blocks
from atypeak_scale.score.result_groups import results as results_of
from atypeak_scale.storage.locations import Location, absolute
from atypeak_scale.store import schema
from atypeak_scale.store.build import rasterize
from atypeak_scale.store.overlap import ROW

CHUNKS_AT_ONCE = 64
PEAK_SCORES = ("rebuilt_score", "raw", "k_normalized", "final")
REBUILD = "remove the cell line and build it again with 'atypeak-scale build-store'"


@dataclass(frozen=True)
class Verified:
    """How much was read, and one line for everything that is wrong."""

    arrays: int
    chunks: int
    damages: list[str]


def verify_store(
    store: Location,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
    results: Location | None = None,
) -> Verified:
    """Read every chunk of every array of a store, results included; of those at another place, too.

    Raises
    ------
    InputError
        Where there is no store, or the results are of another.

    """
    names = list(schema.cell_lines(store).values())
    path = absolute(store)  # workers may be somewhere else
    groups = [schema.open_group(path, name) for name in names]
    scores = [(path, found) for group in groups for found in results_of(group).values()]
    arrays = [(path, array) for group in groups for array in _arrays(group)]
    if results is not None and absolute(results) != path:
        other = absolute(results)
        elsewhere = [(other, found) for group in groups for found in results_of(group, other).values()]
        scores += elsewhere
        arrays += [(other, array) for _, found in elsewhere for array in _arrays(found)]
    blocks = [
        (place, array.path, start, min(start + CHUNKS_AT_ONCE, array.nchunks))
        for place, array in arrays
        for start in range(0, array.nchunks, CHUNKS_AT_ONCE)
    ]
    with connect(cluster, progress) as client:
        read = dict(run_blocks(damaged_chunks, blocks, client, stage="read", progress=progress))
        damages = [damage for index in sorted(read) for damage in read[index]]
        if not damages:
            pairs = [(path, group.path, chunk) for group in groups for chunk in _occupancy_chunks(group)]
            compared = dict(run_blocks(disagreement, pairs, client, stage="compare", progress=progress))
            whole = [(place, array.path) for place, group in scores for array in _complete(group)]
            complete = dict(run_blocks(gaps, whole, client, stage="results", progress=progress))
            damages = [found[i] for found in (compared, complete) for i in sorted(found) if found[i]]
    return Verified(len(arrays), sum(array.nchunks for _, array in arrays), damages)


def _arrays(group: Any) -> Iterator[zarr.Array[Any]]:
    for _, array in sorted(group.arrays()):
        yield array
    for child in schema.children(group).values():
        yield from _arrays(child)


def _complete(scores: zarr.Group) -> Iterator[zarr.Array[Any]]:
    if schema.NORMALIZATION in scores.attrs:
        yield from (schema.array(scores, name) for name in PEAK_SCORES)


def _occupancy_chunks(group: Any) -> range:
    occupancy = schema.array(group, "occupancy")
    return range(-(-occupancy.shape[0] // occupancy.chunks[0]))


def damaged_chunks(store: Location, path: str, start: int, stop: int) -> list[str]:
    """Return a line for every damaged one of the chunks [start, stop) of an array, in C order."""
    array = schema.array(schema.open_group(store), path)
    grid = list(product(*map(range, array.cdata_shape)))
    return [damage for chunk in grid[start:stop] if (damage := schema.damage_of(array, chunk)) is not None]


def gaps(store: Location, path: str) -> str:
    """Return a line where an array of complete results has peaks without a value, else ''."""
    group = schema.open_group(store, path.rpartition("/")[0])
    array = schema.array(group, path.rpartition("/")[2])
    length = array.chunks[0]
    for start in range(0, array.shape[0], length):
        if np.isnan(schema.read_array(group, array.basename, start, start + length)).any():
            return (
                f"{array.store_path}, chunk {start // length}: lost; run 'atypeak-scale score' and "
                "'atypeak-scale normalize' again"
            )
    return ""


def disagreement(store: Location, name: str, chunk: int) -> str:
    """Return a line where a chunk of occupancy is not what the rows of its windows say, else ''."""
    group = schema.open_group(store, name)
    occupancy = schema.array(group, "occupancy")
    first = chunk * occupancy.chunks[0]
    stop = min(first + occupancy.chunks[0], occupancy.shape[0])
    where = f"{store}/{name}"
    try:
        low, high = _rows_of(group, first, stop)
        fields = ("peak_window", "peak_catalogue", "peak_source", "peak_first_bin", "peak_last_bin")
        rows = np.zeros(high - low, ROW)
        for field, column in zip(ROW.names or (), fields, strict=True):
            rows[field] = schema.read_array(group, column, low, high)
        expected = rasterize(rows, first, (stop - first, *occupancy.shape[1:]))
        found = schema.read_array(group, "occupancy", first, stop)
    except (IndexError, ValueError, DamagedError) as problem:
        return f"{where}: rows of windows {first} to {stop} make no sense ({problem}); {REBUILD}"
    if not np.array_equal(expected, found):
        return f"{where}/occupancy, chunk {chunk}: is not what the rows of its windows say; {REBUILD}"
    return ""


def _rows_of(group: zarr.Group, first: int, stop: int) -> tuple[int, int]:
    """Return the rows [low, high) of windows [first, stop), by bisection over the sorted rows."""
    window = schema.array(group, "peak_window")

    def bisect(wanted: int) -> int:
        low, high = 0, window.shape[0]
        while low < high:
            middle = (low + high) // 2
            if int(np.asarray(window[middle : middle + 1])[0]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low

    return bisect(first), bisect(stop)
