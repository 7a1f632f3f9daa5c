"""Everything known about each scored peak, read one block at a time: the columns of `PEAKS`."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.columns import PEAKS
from atypeak_scale.registry.table import Column
from atypeak_scale.store.arrays import array_of, read_array
from atypeak_scale.store.cell_line import Block, CellLine

if TYPE_CHECKING:
    import xarray as xr

Columns = dict[str, npt.NDArray[Any]]
# Columns that are read together.
FACTS = ("contig", "start", "end", "name")  # and both views
CRM_FACTS = ("crm", "crm_start", "crm_end", "other_sources")
PERCENTILE = "percentile"
# What every peak may have.
OF_PEAKS = (*v.PEAK_SCORES, v.SPREAD, *v.SUPPORT_SCORES, v.OVERLAPPING, v.SUPPORT_SPREAD)


class PeakTable:
    """The catalogue peaks of a cell line with their scores; a column is there if its score is.

    After the first read, it holds one float32 for every peak, for the percentiles of final scores.
    """

    def __init__(self, cell_line: CellLine, *results: zarr.Group) -> None:
        """`results`: the open groups of the scores, at most one of each objective."""
        self.cell_line = cell_line
        self._scores = {
            variable.name: group for group in results for variable in OF_PEAKS if variable.name in group
        }

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the table, in order."""
        known = {*FACTS, *CRM_FACTS, *self.cell_line.views, *self._scores}
        known |= {PERCENTILE} if v.FINAL.name in self._scores else set()
        return tuple(column for column in PEAKS.named(self.cell_line.views) if column.name in known)

    def blocks(self) -> list[Block]:
        """Return the blocks of peaks to read; each is whole chunks."""
        return self.cell_line.blocks("peaks")

    def read(self, block: Block) -> Columns:
        """Return the columns of the peaks of a block, (peaks,) each; text as object arrays."""
        columns = {
            **self._facts(block),
            **self._crms(block),
            **{score: self._score(score, block) for score in self._scores},
        }
        if v.FINAL.name in self._scores:
            columns[PERCENTILE] = self._percentiles(block, self._sorted_finals)
        return {column.name: columns[column.name] for column in self.columns}

    def dataset(self) -> "xr.Dataset":
        """Return the whole table lazily, dim `catalogue_peak`, in chunks of a block."""
        # Exports, and runs that are up to date, need none of them.
        import dask
        import dask.array as da
        import xarray as xr

        blocks = self.blocks()
        has_final = v.FINAL.name in self._scores
        finals = dask.delayed(self.sorted_finals)() if has_final else None  # once for all blocks
        parts: dict[str, list[Any]] = {column.name: [] for column in self.columns}
        for block in blocks:
            facts, crms = dask.delayed(self._facts)(block), dask.delayed(self._crms)(block)
            for columns, names in ((facts, (*FACTS, *self.cell_line.views)), (crms, CRM_FACTS)):
                for name in names:
                    parts[name].append(columns[name])
            for score in self._scores:
                parts[score].append(dask.delayed(self._score)(score, block))
            if has_final:
                parts[PERCENTILE].append(dask.delayed(self._percentiles)(block, finals))
        sizes = [block.stop - block.start for block in blocks]
        arrays = {}
        for column in self.columns:
            dtype = np.dtype(object if column.dtype == "text" else column.dtype)
            chunks = [
                da.from_delayed(part, (size,), dtype)
                for part, size in zip(parts[column.name], sizes, strict=True)
            ]
            attributes = {"description": column.description} | ({"units": column.unit} if column.unit else {})
            arrays[column.name] = ("catalogue_peak", da.concatenate(chunks), attributes)
        return xr.Dataset(arrays, attrs={"cell_line": self.cell_line.name, "views": self.cell_line.views})

    def __getstate__(self) -> dict[str, Any]:
        # Without what was read: on a cluster the table travels with every block.
        return {name: self.__dict__[name] for name in ("cell_line", "_scores")}

    def _score(self, score: str, block: Block) -> npt.NDArray[Any]:
        return read_array(array_of(self._scores[score], score), *block)

    def _facts(self, block: Block) -> Columns:
        """Return where the peaks are and whose they are."""
        peaks, (view0, view1) = self.cell_line.peaks(*block), self.cell_line.views
        source, labels = peaks.source, self._labels
        return {
            "contig": np.array(self.cell_line.contigs, object)[peaks.contig],
            "start": peaks.start_bp,
            "end": peaks.end_bp,
            "name": self._names[source],
            view0: labels[source, 0],
            view1: labels[source, 1],
        }

    @cached_property
    def _labels(self) -> npt.NDArray[np.object_]:
        return np.array(self.cell_line.sources, object)

    @cached_property
    def _names(self) -> npt.NDArray[np.object_]:
        names = [peak_name(source, self.cell_line.name) for source in self.cell_line.sources]
        return np.array(names, object)

    def _crms(self, block: Block) -> Columns:
        """Return the CRM of each peak, which is that of its first row, and its other sources there."""
        windows, at = self.cell_line.first_windows(*block)
        return {
            "crm": windows.crm[at],
            "crm_start": windows.crm_start[at],
            "crm_end": windows.crm_end[at],
            # The peak's own source is among them.
            "other_sources": (windows.crm_sources[at] - 1).astype(np.int32),
        }

    @cached_property
    def _sorted_finals(self) -> list[npt.NDArray[np.float32]]:
        return self.sorted_finals()

    def sorted_finals(self) -> list[npt.NDArray[np.float32]]:
        """Return the final scores of each label of the second view, sorted; reads all of them."""
        parts: list[list[npt.NDArray[np.float32]]] = [[] for _ in self.cell_line.labels[1]]
        for block in self.blocks():
            values, label = self._score(v.FINAL.name, block), self._label(block)
            for number in np.unique(label):
                parts[number].append(values[label == number])
        return [np.sort(np.concatenate(part)) if part else np.empty(0, np.float32) for part in parts]

    def _label(self, block: Block) -> npt.NDArray[np.int32]:
        label: npt.NDArray[np.int32] = self.cell_line.cells[self.cell_line.peaks(*block).source, 1]
        return label

    def _percentiles(
        self, block: Block, sorted_finals: list[npt.NDArray[np.float32]]
    ) -> npt.NDArray[np.float32]:
        final, label = self._score(v.FINAL.name, block), self._label(block)
        result = np.empty(len(final), np.float32)
        for number in np.unique(label):
            of_label, everyone = label == number, sorted_finals[number]
            lower = np.searchsorted(everyone, final[of_label], side="left")
            not_higher = np.searchsorted(everyone, final[of_label], side="right")
            result[of_label] = 50.0 * (lower + not_higher) / len(everyone)
        return result
