"""Everything known about each scored peak, read one block at a time: the columns of `PEAKS`."""

from functools import cached_property
from typing import Any

import dask
import dask.array as da
import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr

from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.columns import PEAKS, SPREAD_COLUMN
from atypeak_scale.registry.table import Column
from atypeak_scale.store.arrays import array_of, read_array
from atypeak_scale.store.cell_line import Block, CellLine

Columns = dict[str, npt.NDArray[Any]]


class PeakTable:
    """The catalogue peaks of a cell line with their scores.

    After the first read, it holds one float32 for every peak, for the percentiles.
    """

    def __init__(self, cell_line: CellLine, results: zarr.Group) -> None:
        """`results`: the open group of the scores."""
        self.cell_line, self._results = cell_line, results
        self._scores = [variable for variable in (*v.PEAK_SCORES, v.SPREAD) if variable.name in results]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table, in order."""
        spread = (SPREAD_COLUMN,) if v.SPREAD in self._scores else ()
        return (*PEAKS.named(self.cell_line.views), *spread)

    def blocks(self) -> list[Block]:
        """Return the blocks of peaks to read; each is whole chunks."""
        return self.cell_line.blocks("peaks")

    def read(self, block: Block) -> Columns:
        """Return the columns of the peaks of a block, (peaks,) each; text as object arrays."""
        peaks = self.cell_line.peaks(*block)
        source, view = peaks.source, self.cell_line.views
        scores = {score.name: self._read(score, block) for score in self._scores}
        names, labels = self._names, self._labels
        label = self.cell_line.cells[source, 1]
        columns = {
            "contig": np.array(self.cell_line.contigs, object)[peaks.contig],
            "start": peaks.start_bp,
            "end": peaks.end_bp,
            "name": names[source],
            view[0]: labels[source, 0],
            view[1]: labels[source, 1],
            **self._crms(peaks.first_row),
            **scores,
            "percentile": self._percentiles(label, scores[v.FINAL.name]),
        }
        return {column.name: columns[column.name] for column in self.columns}

    def dataset(self) -> xr.Dataset:
        """Return the whole table lazily, dim `catalogue_peak`, one chunk per block."""
        parts = [dask.delayed(self.read)(block) for block in self.blocks()]
        sizes = [block.stop - block.start for block in self.blocks()]
        arrays = {}
        for column in self.columns:
            dtype = np.dtype(object if column.dtype == "text" else column.dtype)
            blocks = [
                da.from_delayed(part[column.name], (size,), dtype)
                for part, size in zip(parts, sizes, strict=True)
            ]
            attributes = {"description": column.description} | ({"units": column.unit} if column.unit else {})
            arrays[column.name] = ("catalogue_peak", da.concatenate(blocks), attributes)
        return xr.Dataset(arrays, attrs={"cell_line": self.cell_line.name, "views": self.cell_line.views})

    def _read(self, variable: v.Variable, block: Block) -> npt.NDArray[Any]:
        return read_array(array_of(self._results, variable.name), *block)

    @cached_property
    def _labels(self) -> npt.NDArray[np.object_]:
        return np.array(self.cell_line.sources, object)

    @cached_property
    def _names(self) -> npt.NDArray[np.object_]:
        names = [peak_name(source, self.cell_line.name) for source in self.cell_line.sources]
        return np.array(names, object)

    def _crms(self, first_row: npt.NDArray[np.int64]) -> Columns:
        """Return the CRM of each peak (that of its first row) and the number of other sources there."""
        low = int(first_row.min())
        window = self.cell_line.rows(low, int(first_row.max()) + 1).window[first_row - low]
        low = int(window.min())
        windows = self.cell_line.windows(low, int(window.max()) + 1)
        at = window - low
        return {
            "crm": windows.crm[at],
            "crm_start": windows.crm_start[at],
            "crm_end": windows.crm_end[at],
            # The peak's own source is among them.
            "other_sources": (windows.crm_sources[at] - 1).astype(np.int32),
        }

    @cached_property
    def _sorted_finals(self) -> list[npt.NDArray[np.float32]]:
        """Final scores of each label of the second view, sorted."""
        parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in self.cell_line.labels[1]]
        for block in self.blocks():
            values = self._read(v.FINAL, block)
            label = self.cell_line.cells[self.cell_line.peaks(*block).source, 1]
            for number in np.unique(label):
                parts[number].append(values[label == number])
        return [np.sort(np.concatenate(part)) if part else np.empty(0, np.float32) for part in parts]

    def _percentiles(
        self, label: npt.NDArray[np.int32], final: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        result = np.empty(len(final), np.float32)
        for number in np.unique(label):
            of_label, everyone = label == number, self._sorted_finals[number]
            lower = np.searchsorted(everyone, final[of_label], side="left")
            not_higher = np.searchsorted(everyone, final[of_label], side="right")
            result[of_label] = 50.0 * (lower + not_higher) / len(everyone)
        return result
