"""What a store holds, before any model: mean CRM, correlations, overlaps, abundance (SPEC 7.4).

All follows from sums of whole numbers over blocks of windows: how often each source occupies each bin, how
often each two sources occupy the same bin of a window, and the same for the labels of both views. Sums of
sources are linear, so that the correlations of labels follow from those of sources.
"""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from scipy import sparse

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress, run_blocks
from atypeak_scale.storage.locations import Location, absolute
from atypeak_scale.store import schema

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass
class _Counts:
    """Whole numbers over windows; sources of a label count where any of them is occupied.

    occupied: (bins, sources), windows in which a source occupies a bin; together: (sources, sources), cells
    (window, bin) that two sources both occupy; view0, view1: (labels, labels), the same for two labels.
    """

    occupied: IntArray
    together: IntArray
    view0: IntArray
    view1: IntArray

    def __iadd__(self, other: Self) -> Self:
        for field in fields(self):
            total = getattr(self, field.name)
            total += getattr(other, field.name)
        return self


def data_statistics(
    store: Location,
    cell_line: str | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Describe the data of a cell line; no model is needed.

    Dims: bin, source, the two views, and other_source, other_<view> for a second one of the same. Windows are
    those of the store; bins of a frame before the start of a short window count as empty.

    - mean_occupancy (bin, source): share of the windows in which the source occupies the bin; its mean over
      bins is mean_crm (dataset, tr), 0 where there is no such source.
    - correlation_source, correlation_<view>: Pearson over all (window, bin), of occupancy or, for a label, of
      its sum over the label's sources (SPEC 6.2); NaN where that is the same everywhere.
    - jaccard_<view>: (window, bin) that both labels occupy, by any of their sources, over those that at least
      one of them does.
    - bp_source, bp_<view>: occupied bins, by any source of the label, times the bin's width.
    - peaks_source, peaks_<view>: peaks that lie in a window, each once.

    Raises
    ------
    InputError
        Where there is no such store or cell line.

    """
    with connect(cluster, progress) as client:
        return statistics_with(store, cell_line, client, progress)


def statistics_with(
    store: Location, cell_line: str | None, client: Any | None, progress: Progress
) -> xr.Dataset:
    """Describe the data as `data_statistics` does, with a client that is connected already, or None."""
    data = schema.open_cell_line(store, cell_line)
    windows, bins, sources = schema.array(data, "occupancy").shape
    views = schema.views_of(data)
    membership = [_membership(data, view) for view in views]
    sizes = [(bins, sources), (sources, sources), *((m.shape[1], m.shape[1]) for m in membership)]
    # Whole numbers: their sum does not depend on the order in which blocks come.
    counts, peaks = _Counts(*(np.zeros(size, np.int64) for size in sizes)), np.zeros(sources, np.int64)
    of_windows = _blocks(store, data, "occupancy", schema.OCCUPANCY_CHUNKS_PER_TASK)
    of_catalogue = _blocks(store, data, "catalogue_source", 1)
    for _, counted in run_blocks(_count_windows, of_windows, client, stage="windows", progress=progress):
        counts += counted
    for _, found in run_blocks(_count_peaks, of_catalogue, client, stage="catalogue", progress=progress):
        peaks += found
    return _describe(data, counts, peaks, membership, windows * bins)


def _blocks(
    store: Location, data: zarr.Group, name: str, chunks: int
) -> list[tuple[Location, str, int, int]]:
    array = schema.array(data, name)
    length = array.chunks[0] * chunks
    place = absolute(store)  # workers may be somewhere else
    return [(place, data.path, start, start + length) for start in range(0, array.shape[0], length)]


def _membership(data: zarr.Group, view: str) -> IntArray:
    """Return (sources, labels): 1 where a source has the label."""
    labels = schema.array(data, view).shape[0]
    ones: IntArray = np.eye(labels, dtype=np.int64)[schema.read_array(data, f"source_{view}")]
    return ones


def _count_windows(store: Location, data_path: str, start: int, stop: int) -> _Counts:
    data = schema.open_group(store, data_path)
    membership = [_membership(data, view) for view in schema.views_of(data)]
    array = schema.array(data, "occupancy")
    occupied: Any = 0
    products: list[Any] = [0, 0, 0]
    for first in range(start, min(stop, array.shape[0]), array.chunks[0]):
        occupancy = schema.read_array(data, "occupancy", first, min(first + array.chunks[0], stop))
        occupied += occupancy.sum(axis=0)
        # Few cells are occupied, and sparse products of whole numbers are exact.
        of_sources = sparse.csr_array(occupancy.reshape(-1, array.shape[2]), dtype=np.int64)
        of_labels = [
            (of_sources @ sparse.csr_array(matrix)).astype(bool).astype(np.int64) for matrix in membership
        ]
        for number, cells in enumerate((of_sources, *of_labels)):
            products[number] += (cells.T @ cells).toarray()
    return _Counts(occupied, *products)


def _count_peaks(store: Location, data_path: str, start: int, stop: int) -> IntArray:
    data = schema.open_group(store, data_path)
    sources = schema.array(data, "occupancy").shape[2]
    return np.bincount(schema.read_array(data, "catalogue_source", start, stop), minlength=sources)


def pearson(together: IntArray, sums: IntArray, cells: int) -> FloatArray:
    """Return Pearson's correlations (d, d) of d whole numbers over so many cells, NaN where undefined.

    together: (d, d), sums of products of two; sums: (d,), their sums.
    """
    # As Python's whole numbers, which do not overflow: nothing is lost where large numbers cancel.
    sums = sums.astype(object)
    covariance = (cells * together.astype(object) - np.outer(sums, sums)).astype(np.float64)
    variance = np.diag(covariance)
    with np.errstate(invalid="ignore"):
        # The root of the product, not the product of roots: 1 exactly where two are the same.
        correlation: FloatArray = np.clip(covariance / np.sqrt(np.outer(variance, variance)), -1, 1)
    return correlation


def _jaccard(together: IntArray) -> FloatArray:
    own = np.diag(together)
    jaccard: FloatArray = together / (own[:, None] + own - together)
    return jaccard


def _describe(
    data: zarr.Group, counts: _Counts, peaks: IntArray, membership: list[IntArray], cells: int
) -> xr.Dataset:
    (view0, view1), width = schema.views_of(data), int(str(data.attrs["bin"]))
    windows, bins, _ = schema.array(data, "occupancy").shape
    names = np.array([source_name(source) for source in schema.source_labels(data)], object)
    sums = counts.occupied.sum(axis=0)
    of_sources = {
        "mean_occupancy": (("bin", "source"), counts.occupied / windows),
        "mean_crm": ((view0, view1), (membership[0].T * (sums / cells)) @ membership[1]),
        "correlation_source": (("source", "other_source"), pearson(counts.together, sums, cells)),
        "bp_source": ("source", sums * width),
        "peaks_source": ("source", peaks),
    }
    coords: dict[str, Any] = {"bin": np.arange(bins), "source": names, "other_source": names}
    of_labels: dict[str, Any] = {}
    for view, m, together in ((view0, membership[0], counts.view0), (view1, membership[1], counts.view1)):
        coords[f"source_{view}"] = ("source", m.argmax(axis=1))
        coords[view] = coords[f"other_{view}"] = schema.read_array(data, view).astype(object)
        correlation = pearson(m.T @ counts.together @ m, m.T @ sums, cells)
        of_labels |= {
            f"correlation_{view}": ((view, f"other_{view}"), correlation),
            f"jaccard_{view}": ((view, f"other_{view}"), _jaccard(together)),
            f"bp_{view}": (view, np.diag(together) * width),
            f"peaks_{view}": (view, m.T @ peaks),
        }
    attributes = {"cell_line": data.attrs["cell_line"], "windows": windows, "bp_per_bin": width}
    return xr.Dataset({**of_sources, **of_labels}, coords, {**attributes, "views": [view0, view1]})
