"""What the data of a cell line holds, without any model: mean CRM, correlations, overlaps, abundance.

Everything follows from sums of whole numbers over blocks of windows: how often each source occupies each bin,
how often each two sources occupy the same bin of a window, and the same for the labels of both views. Sums
of sources are linear, so the correlations of labels follow from those of sources.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy import sparse

from atypeak_scale.assess.correlation import pearson
from atypeak_scale.assess.results import described
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.results import STATISTICS
from atypeak_scale.store.cell_line import Block, CellLine

CHUNKS_PER_TASK = 8  # of occupancy
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WindowsTask:
    """Consecutive chunks of windows, to be read one at a time."""

    cell_line: CellLine
    chunks: tuple[Block, ...]


@dataclass(frozen=True)
class PeaksTask:
    """A block of catalogue peaks."""

    cell_line: CellLine
    block: Block


@dataclass(frozen=True)
class _Counts:
    """Counts over windows; a label counts if any of its sources is occupied.

    occupied: (bins, sources), windows in which a source occupies a bin; together: (sources, sources), cells
    (window, bin) that two sources both occupy; view0, view1: (labels, labels), the same for two labels.
    """

    occupied: IntArray
    together: IntArray
    view0: IntArray
    view1: IntArray

    def __add__(self, other: "_Counts") -> "_Counts":
        return _Counts(
            self.occupied + other.occupied,
            self.together + other.together,
            self.view0 + other.view0,
            self.view1 + other.view1,
        )


def statistics(cell_line: CellLine, executor: Executor | None = None) -> xr.Dataset:
    """Describe the data of a cell line; no model is needed.

    Windows are those of the store. In a short window, the bins of the frame before its start count as empty.

    Parameters
    ----------
    cell_line
        Whose data is described.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    xarray.Dataset
        Dims: bin, source, the two views, and other_source, other_<view> for the second of a pair.

        - mean_occupancy (bin, source): share of the windows in which the source occupies the bin; its mean
          over bins is mean_crm (dataset, tr), 0 if there is no such source.
        - correlation_source, correlation_<view>: Pearson over all (window, bin), of occupancy or, for a
          label, of its sum over the label's sources (method, section 6.2); NaN if that is the same
          everywhere.
        - jaccard_<view>: (window, bin) that both labels occupy, by any of their sources, over those that at
          least one of them does.
        - bp_source, bp_<view>: occupied bins, by any source of the label, times the bin's width.
        - peaks_source, peaks_<view>: peaks that lie in a window, each once.

    Examples
    --------
    >>> found = statistics(open_store("hela.zarr"))
    >>> found["correlation_tr"].sel(tr="jund", other_tr="atf3")

    """
    executor = executor or InProcess()
    chunks, several = cell_line.blocks("windows"), CHUNKS_PER_TASK
    of_windows = [
        WindowsTask(cell_line, tuple(chunks[first : first + several]))
        for first in range(0, len(chunks), several)
    ]
    counts = executor.reduce(_count_windows, of_windows, "windows")
    of_peaks = [PeaksTask(cell_line, block) for block in cell_line.blocks("peaks")]
    peaks = executor.reduce(_count_peaks, of_peaks, "catalogue")
    return described(_describe(cell_line, counts, peaks), STATISTICS.named(cell_line.views))


def _memberships(cell_line: CellLine) -> tuple[IntArray, IntArray]:
    """Return (sources, labels) for each view: 1 if a source has the label."""
    first, second = (
        np.eye(len(labels), dtype=np.int64)[cell_line.cells[:, view]]
        for view, labels in enumerate(cell_line.labels)
    )
    return first, second


def _count_windows(task: WindowsTask) -> _Counts:
    memberships = [sparse.csr_array(matrix) for matrix in _memberships(task.cell_line)]
    return reduce(add, (_count(task.cell_line.occupancy(*chunk), memberships) for chunk in task.chunks))


def _count(occupancy: npt.NDArray[np.bool_], memberships: list[sparse.csr_array]) -> _Counts:
    # Few cells are occupied, so sparse products are cheap; products of whole numbers are exact.
    of_sources = sparse.csr_array(occupancy.reshape(-1, occupancy.shape[2]), dtype=np.int64)
    of_labels = [(of_sources @ matrix).astype(bool).astype(np.int64) for matrix in memberships]
    products = [(cells.T @ cells).toarray() for cells in (of_sources, *of_labels)]
    return _Counts(occupancy.sum(axis=0), *products)


def _count_peaks(task: PeaksTask) -> IntArray:
    source = task.cell_line.peaks(*task.block).source
    return np.bincount(source, minlength=task.cell_line.shape.sources)


def _jaccard(together: IntArray) -> FloatArray:
    own = np.diag(together)
    jaccard: FloatArray = together / (own[:, None] + own - together)
    return jaccard


def _describe(cell_line: CellLine, counts: _Counts, peaks: IntArray) -> xr.Dataset:
    (view0, view1), (_, width) = cell_line.views, cell_line.frame
    windows, bins, _ = cell_line.shape
    cells, memberships = windows * bins, _memberships(cell_line)
    names = np.array([source_name(source) for source in cell_line.sources], object)
    sums = counts.occupied.sum(axis=0)
    found: dict[str, Any] = {
        "mean_occupancy": (("bin", "source"), counts.occupied / windows),
        "mean_crm": ((view0, view1), (memberships[0].T * (sums / cells)) @ memberships[1]),
        "correlation_source": (("source", "other_source"), pearson(counts.together, sums, cells)),
        "bp_source": ("source", sums * width),
        "peaks_source": ("source", peaks),
    }
    coords: dict[str, Any] = {"bin": np.arange(bins), "source": names, "other_source": names}
    for number, together in enumerate((counts.view0, counts.view1)):
        view, membership = cell_line.views[number], memberships[number]
        coords[f"source_{view}"] = ("source", cell_line.cells[:, number])
        coords[view] = coords[f"other_{view}"] = np.array(cell_line.labels[number], object)
        correlation = pearson(membership.T @ counts.together @ membership, membership.T @ sums, cells)
        found |= {
            f"correlation_{view}": ((view, f"other_{view}"), correlation),
            f"jaccard_{view}": ((view, f"other_{view}"), _jaccard(together)),
            f"bp_{view}": (view, np.diag(together) * width),
            f"peaks_{view}": (view, membership.T @ peaks),
        }
    attributes = {"cell_line": cell_line.name, "windows": windows, "bp_per_bin": width}
    return xr.Dataset(found, coords, {**attributes, "views": [view0, view1]})
