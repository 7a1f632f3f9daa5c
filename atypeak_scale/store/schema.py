"""The layout of a store: the only place that spells variable names, dims, chunks, codecs and attributes.

One Zarr v3 store; one group for each cell line, each a complete xarray Dataset; results in child groups
`scores/<name>` of it (DESIGN 3). The dims of the two views are named by the views (SPEC 1.4).
"""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.errors import GroupNotFoundError, NodeTypeValidationError, ZarrUserWarning

from atypeak_scale.errors import DamagedError, InputError, nearest
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.remote import zarr_store

SCHEMA_VERSION = 1
LONGEST_NAME = 150  # of a group, in bytes; file systems take 255, and hidden siblings are longer
SCORES = "scores"
METADATA = "zarr.json"  # what makes a folder a group or an array
RESULTS_VERSION = "results_version"  # attribute of a place that holds scores, but no store
NORMALIZATION = "normalization"  # attribute of results that are complete: how they were normalized

# Blocks of the score arrays: one scoring task writes one chunk (DESIGN 4).
ROWS_PER_BLOCK = "rows_per_block"
WINDOWS_PER_CHUNK = "windows_per_chunk"
ChunkRule = Literal["occupancy", "window", "row", "catalogue", "whole"]
# One building task writes so many chunks of occupancy and one chunk of every other array of windows.
OCCUPANCY_CHUNKS_PER_TASK = 8
CATALOGUE_PEAKS_PER_CHUNK = 65_536


@dataclass(frozen=True)
class Variable:
    """One array: its dims (`view0`, `view1` stand for the views), type, chunk rule and meaning."""

    name: str
    dims: tuple[str, ...]
    dtype: npt.DTypeLike
    chunks: ChunkRule
    description: str
    coordinate: bool = False


STORE_VARIABLES = (
    Variable("occupancy", ("window", "bin", "source"), bool, "occupancy",
             "True where a peak of the source covers the bin (SPEC 2.3)"),
    Variable("contig", ("contig",), str, "whole", "contig names, in C order", True),
    Variable("window_contig", ("window",), np.int32, "window", "index into contig", True),
    Variable("window_start", ("window",), np.int64, "window", "start of the window, bp, 0-based", True),
    Variable("window_end", ("window",), np.int64, "window", "end of the window, bp, exclusive", True),
    Variable("crm", ("window",), np.int64, "window", "row of the window's CRM in the CRM file, from 0", True),
    Variable("crm_start", ("window",), np.int64, "window", "start of the window's CRM, bp, 0-based"),
    Variable("crm_end", ("window",), np.int64, "window", "end of the window's CRM, bp, exclusive"),
    Variable("crm_sources", ("window",), np.int32, "window",
             "number of distinct sources with a peak in the window's CRM"),
    Variable("source_view0", ("source",), np.int32, "whole", "index of the source's first label", True),
    Variable("source_view1", ("source",), np.int32, "whole", "index of the source's second label", True),
    Variable("view0", ("view0",), str, "whole", "labels of the first view, sorted", True),
    Variable("view1", ("view1",), str, "whole", "labels of the second view, sorted", True),
    Variable("peak_window", ("peak",), np.int64, "row", "window of the row; rows are sorted by it"),
    Variable("peak_catalogue", ("peak",), np.int64, "row", "index of the row's peak into catalogue_peak"),
    Variable("peak_source", ("peak",), np.int32, "row", "source of the row's peak"),
    Variable("peak_first_bin", ("peak",), np.int32, "row", "first bin that the peak occupies in the window"),
    Variable("peak_last_bin", ("peak",), np.int32, "row", "last bin that it occupies, included"),
    Variable("catalogue_contig", ("catalogue_peak",), np.int32, "catalogue", "index into contig"),
    Variable("catalogue_start", ("catalogue_peak",), np.int64, "catalogue", "start of the peak, bp, 0-based"),
    Variable("catalogue_end", ("catalogue_peak",), np.int64, "catalogue", "end of the peak, bp, exclusive"),
    Variable("catalogue_source", ("catalogue_peak",), np.int32, "catalogue", "source of the peak"),
    Variable("catalogue_first_row", ("catalogue_peak",), np.int64, "catalogue", "first row of the peak"),
    Variable("catalogue_last_row", ("catalogue_peak",), np.int64, "catalogue", "last row of the peak"),
)  # fmt: skip

SCORE_VARIABLES = (
    Variable("rebuilt_score", ("peak",), np.float32, "row",
             "largest A over the bins of the row (SPEC 4.1); NaN until scored"),
    Variable("raw", ("catalogue_peak",), np.float32, "catalogue",
             "mean of the peak's rebuilt scores over its windows (SPEC 4.2); NaN until scored"),
    Variable("k_normalized", ("catalogue_peak",), np.float32, "catalogue",
             "raw times the weight of the source (SPEC 5.4); NaN until normalized"),
    Variable("final", ("catalogue_peak",), np.float32, "catalogue",
             "750 is the mean of the second view's label (SPEC 5.6), not clipped; NaN until normalized"),
    Variable("k1", ("source",), np.float64, "whole", "weight within the group (SPEC 5.1)"),
    Variable("k2", ("source",), np.float64, "whole", "weight between groups (SPEC 5.2)"),
    Variable("k3", ("source",), np.float64, "whole", "weight of overlapping groups (SPEC 5.3)"),
    Variable("weight", ("source",), np.float64, "whole", "k, the weight applied (SPEC 5.4)"),
    Variable("weight_flag", ("source",), str, "whole", "what was done to the weight, if anything"),
    Variable("sampled_windows", ("source",), np.int64, "whole", "sampled windows with a peak of the source"),
    Variable("theta_mean", ("source",), np.float64, "whole", "mean occupancy mu(theta) (SPEC 5.2)"),
    Variable("theta_error", ("source",), np.float64, "whole", "standard error of theta_mean"),
    Variable("eta_mean", ("source",), np.float64, "whole", "mean negative occupancy mu(eta) (SPEC 5.3)"),
    Variable("eta_error", ("source",), np.float64, "whole", "standard error of eta_mean"),
    Variable("view1_peaks", ("view1",), np.int64, "whole", "number of peaks of the label"),
    Variable("view1_mean", ("view1",), np.float64, "whole", "mean of their k-normalized scores (SPEC 5.6)"),
    Variable("view1_sd", ("view1",), np.float64, "whole", "their standard deviation, with n - 1"),
    Variable("view1_flag", ("view1",), str, "whole", "why their final scores are all 750, if they are"),
)  # fmt: skip

ENSEMBLE_VARIABLES = (
    *SCORE_VARIABLES,
    Variable("spread", ("catalogue_peak",), np.float32, "catalogue",
             "standard deviation, n - 1, of the final scores that the models give (SPEC 3.4)"),
)  # fmt: skip


def compressors(dtype: npt.DTypeLike) -> list[Any]:
    """Return the codec chain of an array, a checksum last.

    Occupancy takes plain zstd, by the measurements in benchmarks/RESULTS.md; bit planes are for numbers.
    """
    if dtype is str:
        return [Crc32cCodec()]
    if dtype is bool:
        return [ZstdCodec(level=5), Crc32cCodec()]
    return [BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"), Crc32cCodec()]


def group_name(name: str) -> str:
    """Return a group name for a label from a file: percent-encoded, so that it cannot choose a path."""
    quoted = quote(name, safe="+ ")
    if len(quoted) > LONGEST_NAME:
        quoted = f"{quoted[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    # Names of Zarr's own, and hidden ones.
    if quoted.startswith((".", "__")) or quoted == "zarr.json":
        return f"%{ord(quoted[0]):02X}{quoted[1:]}"
    return quoted


def variable_name(variable: Variable, views: tuple[str, str]) -> str:
    """Return the stored name: `source_view0` of views (dataset, tr) is `source_dataset`."""
    return _with_views(variable.name, views)


def _with_views(name: str, views: tuple[str, str]) -> str:
    """Put the views' names where `view0` and `view1` stand as whole words."""
    return "_".join(
        dict(zip(("view0", "view1"), views, strict=True)).get(word, word) for word in name.split("_")
    )


def create_arrays(
    group: zarr.Group,
    variables: tuple[Variable, ...],
    sizes: Mapping[str, int],
    views: tuple[str, str],
    windows_per_chunk: int,
    rows_per_block: int,
) -> None:
    """Create the arrays of `variables` in an empty group; chunks are whole along every dim but the first."""
    lengths = {
        "occupancy": windows_per_chunk,
        "window": windows_per_chunk * OCCUPANCY_CHUNKS_PER_TASK,
        "row": rows_per_block,
        "catalogue": CATALOGUE_PEAKS_PER_CHUNK,
        "whole": max(sizes.values()),
    }
    for variable in variables:
        shape = tuple(sizes[dim] for dim in variable.dims)
        first = max(1, min(lengths[variable.chunks], shape[0]))
        is_text = variable.dtype is str
        array = group.create_array(
            variable_name(variable, views),
            shape=shape,
            chunks=(first, *(max(1, size) for size in shape[1:])),
            dtype=variable.dtype,
            fill_value="" if is_text else np.nan if variable.dtype in (np.float32, np.float64) else 0,
            compressors=compressors(variable.dtype),
            dimension_names=[_with_views(dim, views) for dim in variable.dims],
        )
        array.attrs["description"] = variable.description
    names = [variable_name(variable, views) for variable in variables if variable.coordinate]
    if names:
        dims = {*views, "contig"}
        group.attrs["coordinates"] = " ".join(name for name in names if name not in dims)


def open_group(store: Location, path: str = "", mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """Open a group of a store, local or at a URL, by its path within it."""
    # Of a format that is not named, Zarr looks for the files of every version.
    return zarr.open_group(zarr_store(store), path=path, mode=mode, zarr_format=3, use_consolidated=False)


@contextmanager
def _unfinished_ignored() -> Iterator[None]:
    """Let Zarr list groups beside what a killed upload left, without warning of that."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        yield


def children(group: zarr.Group) -> dict[str, zarr.Group]:
    """Return the groups directly below a group, by name, sorted."""
    with _unfinished_ignored():
        return dict(sorted(group.groups()))


def open_root(place: Location) -> zarr.Group | None:
    """Open the group at a place; None where there is none.

    Raises
    ------
    InputError
        Where a URL cannot be reached.

    """
    try:
        return open_group(place)
    except (FileNotFoundError, GroupNotFoundError, NodeTypeValidationError, ValueError):
        return None
    except OSError as problem:
        if not locations.is_url(place):
            raise
        raise InputError(f"{place}: {problem.strerror}") from None


def _open_store(store: Location) -> zarr.Group:
    root = open_root(store)
    if root is None:
        raise InputError(f"{store}: not a store; make one with 'atypeak-scale build-store'")
    if RESULTS_VERSION in root.attrs:
        raise InputError(f"{store}: holds only scores; name their store, and this place with --results")
    found = root.attrs.get("schema_version")
    if found != SCHEMA_VERSION:
        raise InputError(
            f"{store}: schema version {found}, this program reads version {SCHEMA_VERSION}; "
            "build the store again with this version of atypeak-scale, or use the version that wrote it"
        )
    return root


def cell_lines(store: Location) -> dict[str, str]:
    """Return cell line -> name of its group.

    Raises
    ------
    InputError
        Where there is no store, it cannot be reached, or it has another schema version.

    """
    groups = children(_open_store(store)).items()
    return {
        str(group.attrs["cell_line"]): name
        for name, group in groups
        if "cell_line" in group.attrs and not name.startswith(".")
    }


def create_root(place: Location, version: str = "schema_version") -> None:
    """Make an empty store, or, with `RESULTS_VERSION`, a place for scores, where there is none."""
    zarr.open_group(zarr_store(place), mode="a", zarr_format=3, attributes={version: SCHEMA_VERSION})


def consolidate(store: Location) -> None:
    """Consolidate the metadata of a store after a group of it is finished.

    For readers that look there first, as xarray does by default. This program itself never reads it, so
    that a command killed before this line leaves nothing that it could not find.
    """
    # Consolidation is outside the Zarr v3 specification; a reader without it reads the arrays one by one.
    with _unfinished_ignored():
        zarr.consolidate_metadata(zarr_store(store))


def open_cell_line(store: Location, cell_line: str | None, mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """Open the group of a cell line; None means the only one of the store.

    Raises
    ------
    InputError
        Where there is no store, it has another schema version, or the cell line is not (the only one) in it.

    """
    names = cell_lines(store)
    if cell_line is None:
        if len(names) != 1:
            raise InputError(
                f"{store}: holds {len(names)} cell lines ({', '.join(sorted(names))}); "
                "name one with --cell-line"
            )
        cell_line = next(iter(names))
    if cell_line not in names:
        raise InputError(f"{store}: has no cell line {cell_line!r}; {nearest(cell_line, names)}")
    return open_group(store, names[cell_line], mode)


def source_labels(group: zarr.Group) -> list[tuple[str, str]]:
    """Return (first label, second label) of every source of a cell line's group."""
    view0, view1 = views_of(group)
    first, second = read_array(group, view0), read_array(group, view1)
    return [
        (str(first[i]), str(second[j]))
        for i, j in zip(
            read_array(group, f"source_{view0}"), read_array(group, f"source_{view1}"), strict=True
        )
    ]


def views_of(group: zarr.Group) -> tuple[str, str]:
    """Return the names of the two views of a cell line's group."""
    views = group.attrs["views"]
    assert isinstance(views, list)
    return str(views[0]), str(views[1])


def frame_of(group: zarr.Group) -> tuple[int, int]:
    """Return the frame and the bin of a cell line's windows, in bp."""
    attributes: dict[str, Any] = dict(group.attrs)
    return int(attributes["frame"]), int(attributes["bin"])


def labels_of(group: zarr.Group) -> tuple[list[str], list[str]]:
    """Return the labels of the two views of a cell line's group, sorted."""
    first, second = (list(map(str, read_array(group, view))) for view in views_of(group))
    return first, second


def array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    """Return one array of a group."""
    found = group[name]
    assert isinstance(found, zarr.Array)
    return found


def read_array(group: zarr.Group, name: str, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
    """Read elements [start, stop) along the first dim of one array.

    Raises
    ------
    DamagedError
        Naming the chunk that is not what was written.

    """
    found = array(group, name)
    try:
        return np.asarray(found[start:stop])
    except OSError:
        raise
    except Exception as problem:  # every codec has errors of its own
        length = found.chunks[0]
        last = min(found.shape[0], found.shape[0] if stop is None else stop)
        for chunk in range(start // length, -(-last // length)):
            if (damage := damage_of(found, (chunk, *[0] * (found.ndim - 1)))) is not None:
                raise DamagedError(damage) from problem
        raise


def damage_of(found: zarr.Array[Any], chunk: tuple[int, ...]) -> str | None:
    """Read one chunk; return what is wrong with it, which one it is and how to mend it, or None."""
    try:
        found.get_block_selection(chunk)
    except OSError:
        raise
    except Exception as problem:
        reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        is_result = f"/{SCORES}/" in f"/{found.path}"
        remedy = "run 'atypeak-scale score' again" if is_result else (
            "remove the cell line and build it again with 'atypeak-scale build-store'"
        )  # fmt: skip
        where = "/".join(map(str, chunk))
        return f"{found.store_path}, chunk {where}: damaged ({reason}); {remedy}"
    return None


def read_elements(group: zarr.Group, name: str, index: npt.NDArray[np.integer[Any]]) -> npt.NDArray[Any]:
    """Read the elements `index`, in any order, along the first dim, one chunk that holds some at a time.

    Raises
    ------
    DamagedError
        As `read_array`.

    """
    found = array(group, name)
    result = np.empty((len(index), *found.shape[1:]), found.dtype)
    chunk = index // found.chunks[0]
    for number in np.unique(chunk).tolist():
        start, here = number * found.chunks[0], chunk == number
        result[here] = read_array(group, name, start, start + found.chunks[0])[index[here] - start]
    return result


def write_chunks(group: zarr.Group, name: str, start: int, values: npt.NDArray[Any]) -> None:
    """Write `values` from `start` along the first dim; only whole chunks, so that no two tasks share one."""
    target = array(group, name)
    length, stop = target.chunks[0], start + len(values)
    if start % length or (stop % length and stop != target.shape[0]):
        raise AssertionError(f"[{start}, {stop}) of {name} does not fall on whole chunks of {length}")
    target[start:stop] = values
