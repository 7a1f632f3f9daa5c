"""Read and write the arrays of a store: reading reports damage, and writing takes only whole chunks."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.core.sync import sync

from atypeak_scale.errors import DamagedError
from atypeak_scale.registry.variables import Variable, with_views
from atypeak_scale.store.groups import reading_metadata, unfinished_ignored

# A building task writes this many chunks of occupancy, and one chunk of every other array of windows.
OCCUPANCY_CHUNKS_PER_TASK = 8
CATALOGUE_PEAKS_PER_CHUNK = 65_536
REBUILD = "remove the cell line and build it again with 'atypeak-scale build-store'"
# By part of the path of an array of results: what to do if it is damaged.
REMEDIES = {
    "/scores/": "run 'atypeak-scale score' again, and 'atypeak-scale normalize' if it was normalized",
    "/placements/": "remove its group of placements and run 'atypeak-scale score' again",
}
# Attribute of arrays of data, and of groups of results, whose chunks are all written, even those that hold
# only the fill value. One that is not there is lost or, in results, not computed yet. Earlier versions did
# not write them all.
EVERY_CHUNK = "every_chunk_is_written"


def compressors(dtype: npt.DTypeLike) -> list[Any]:
    """Return the codec chain of an array, a checksum last.

    Occupancy uses plain zstd, chosen by the measurements in benchmarks/RESULTS.md; bit planes are for
    numbers.
    """
    if dtype is str:
        return [Crc32cCodec()]
    if dtype is bool:
        return [ZstdCodec(level=5), Crc32cCodec()]
    return [BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"), Crc32cCodec()]


def create_arrays(
    group: zarr.Group,
    variables: Sequence[Variable],
    sizes: Mapping[str, int],
    views: tuple[str, str],
    windows_per_chunk: int,
    rows_per_block: int,
) -> None:
    """Create the arrays of `variables` in an empty group; chunks are whole along every dim but the first."""
    lengths = {
        "occupancy": windows_per_chunk,
        "window": windows_per_chunk * OCCUPANCY_CHUNKS_PER_TASK,
        "empty": windows_per_chunk * OCCUPANCY_CHUNKS_PER_TASK,
        "row": rows_per_block,
        "placement": rows_per_block,
        "sample": 1,
        "source": 1,
        "catalogue": CATALOGUE_PEAKS_PER_CHUNK,
        "whole": max(sizes.values()),
    }
    for variable in variables:
        shape = tuple(sizes[dim] for dim in variable.dims)
        first = max(1, min(lengths[variable.chunks], shape[0]))
        is_text = variable.dtype is str
        created = group.create_array(
            with_views(variable.name, views),
            shape=shape,
            chunks=(first, *(max(1, size) for size in shape[1:])),
            dtype=variable.dtype,
            fill_value="" if is_text else np.nan if variable.dtype in (np.float32, np.float64) else 0,
            compressors=compressors(variable.dtype),
            dimension_names=[with_views(dim, views) for dim in variable.dims],
        )
        until = f"; NaN until {variable.until}" if variable.until else ""
        created.attrs["description"] = variable.description + until
    names = [with_views(variable.name, views) for variable in variables if variable.coordinate]
    if names:
        dims = {*views, "contig"}
        group.attrs["coordinates"] = " ".join(name for name in names if name not in dims)


def array_of(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Return one array of a group."""
    with reading_metadata(f"{group.store_path}/{name}"):
        found = group[name]
    if not isinstance(found, zarr.Array):
        raise DamagedError(f"{group.store_path}/{name}: is no array; remove it and make it again")
    return found


def arrays_in(group: zarr.Group) -> list[zarr.Array[Any]]:
    """Return the arrays directly below a group, by name; one of which Zarr can make nothing is left out."""
    with unfinished_ignored(), reading_metadata(group.store_path):
        return [array for _, array in sorted(group.arrays())]


def read_array(found: zarr.Array[Any], start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
    """Read elements [start, stop) along the first dim.

    Raises
    ------
    DamagedError
        If a chunk does not read back as it was written, or one of data is lost; the error names it. Chunks
        of results may be missing until these are complete; see `refuse_lost`.

    """
    try:
        values = np.asarray(found[start:stop])
        _refuse_lost_data(found, start, values)
        return values
    except (OSError, DamagedError):
        raise
    except Exception as problem:  # every codec has its own errors
        length = found.chunks[0]
        last = min(found.shape[0], found.shape[0] if stop is None else stop)
        for chunk in range(start // length, -(-last // length)):
            if (damage := damage_of(found, (chunk, *[0] * (found.ndim - 1)))) is not None:
                raise DamagedError(damage) from problem
        raise


def damage_of(found: zarr.Array[Any], chunk: tuple[int, ...]) -> str | None:
    """Read one chunk; if it is damaged, return which one it is, the reason and the remedy, else None."""
    try:
        found.get_block_selection(chunk)
    except OSError:
        raise
    except Exception as problem:
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        return _told(found, chunk, f"damaged ({reason})")
    if is_finished(found) and not _is_there(found, chunk):
        return _told(found, chunk, "lost")
    return None


def _told(found: zarr.Array[Any], chunk: tuple[int, ...], state: str) -> str:
    path = f"/{found.path}"
    remedy = next((remedy for part, remedy in REMEDIES.items() if part in path), REBUILD)
    return f"{found.store_path}, chunk {'/'.join(map(str, chunk))}: {state}; {remedy}"


def is_finished(found: zarr.Array[Any]) -> bool:
    """Return whether all chunks must be there: a finished array of a version that writes them all."""
    return EVERY_CHUNK in found.attrs


def mark_finished(group: zarr.Group) -> None:
    """Note on every array of data that all of its chunks are there."""
    for found in arrays_in(group):
        found.attrs[EVERY_CHUNK] = True


def _is_there(found: zarr.Array[Any], chunk: tuple[int, ...]) -> bool:
    return bool(sync((found.store_path / found.metadata.encode_chunk_key(chunk)).exists()))


def _refuse_lost_data(found: zarr.Array[Any], start: int, values: npt.NDArray[Any]) -> None:
    """Raise DamagedError if values that were read from data are fill values because their chunk is lost.

    Only chunks that read as nothing but the fill value are looked for, so that reading costs no more.
    """
    length = found.chunks[0]
    for chunk in range(start // length, -(-(start + len(values)) // length)):
        part = values[max(0, chunk * length - start) : (chunk + 1) * length - start]
        if _is_filled(part) and is_finished(found):
            place = (chunk, *[0] * (found.ndim - 1))
            if not _is_there(found, place):
                raise DamagedError(_told(found, place, "lost"))


def _is_filled(values: npt.NDArray[Any]) -> bool:
    if values.dtype.kind in "fc":
        return bool(np.isnan(values).all())
    return not (values != "").any() if values.dtype.kind in "OTU" else not values.any()


def lost_chunks(found: zarr.Array[Any]) -> list[str]:
    """Return a line for each chunk of an array that is not there."""
    if found.nchunks_initialized == found.nchunks:
        return []
    chunks = product(*map(range, found.cdata_shape))
    return [_told(found, chunk, "lost") for chunk in chunks if not _is_there(found, chunk)]


def refuse_lost(group: zarr.Group) -> None:
    """Raise DamagedError if a chunk of an array of complete results is lost: it would read as fill values."""
    if EVERY_CHUNK not in group.attrs:
        return
    for found in arrays_in(group):
        for told in lost_chunks(found):
            raise DamagedError(told)


def read_elements(found: zarr.Array[Any], index: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
    """Read the elements `index`, in any order, along the first dim, one of their chunks at a time.

    Raises
    ------
    DamagedError
        As `read_array`.

    """
    result = np.empty((len(index), *found.shape[1:]), found.dtype)
    chunk = index // found.chunks[0]
    for number in np.unique(chunk).tolist():
        start, here = number * found.chunks[0], chunk == number
        result[here] = read_array(found, start, start + found.chunks[0])[index[here] - start]
    return result


def write_chunks(target: zarr.Array[Any], start: int, values: npt.NDArray[Any]) -> None:
    """Write `values` from `start` along the first dim, only whole chunks, so that no two tasks share one."""
    length, stop = target.chunks[0], start + len(values)
    if start % length or (stop % length and stop != target.shape[0]):
        raise AssertionError(
            f"[{start}, {stop}) of {target.basename} does not fall on whole chunks of {length}"
        )
    target.with_config({"write_empty_chunks": True})[start:stop] = values


def has_gap(
    found: zarr.Array[Any], start: int, stop: int, asked: npt.NDArray[np.bool_] | None = None
) -> bool:
    """Return whether any of the elements [start, stop) is damaged or not yet computed.

    asked: which of these have a value once computed, bool (stop - start,); None means all.
    """
    try:
        absent = np.isnan(read_array(found, start, stop))
        return bool((absent if asked is None else absent[asked]).any())
    except DamagedError:
        return True
