"""Consecutive windows, rows or peaks; a column is read on first use, and kept."""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable
from atypeak_scale.store.arrays import array_of, read_array

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


class _Range:
    """Elements [start, stop) of the arrays of a group."""

    def __init__(self, group: zarr.Group, start: int, stop: int) -> None:
        self._group, self.start, self.stop = group, start, stop

    def _read(self, variable: Variable) -> npt.NDArray[Any]:
        return read_array(array_of(self._group, variable.name), self.start, self.stop)


class WindowRange(_Range):
    """Windows; positions in bp, `crm` the row of the window's CRM in the CRM file."""

    @cached_property
    def contig(self) -> Int32Array:
        """Index into the contigs."""
        return self._read(v.WINDOW_CONTIG)

    @cached_property
    def start_bp(self) -> Int64Array:
        """Start of each window, bp, 0-based."""
        return self._read(v.WINDOW_START)

    @cached_property
    def end_bp(self) -> Int64Array:
        """End of each window, bp, exclusive."""
        return self._read(v.WINDOW_END)

    @cached_property
    def crm(self) -> Int64Array:
        """Row of each window's CRM in the CRM file."""
        return self._read(v.CRM)

    @cached_property
    def crm_start(self) -> Int64Array:
        """Start of each window's CRM, bp, 0-based."""
        return self._read(v.CRM_START)

    @cached_property
    def crm_end(self) -> Int64Array:
        """End of each window's CRM, bp, exclusive."""
        return self._read(v.CRM_END)

    @cached_property
    def crm_sources(self) -> Int32Array:
        """Number of distinct sources with a peak in each window's CRM."""
        return self._read(v.CRM_SOURCES)


class RowRange(_Range):
    """Rows, each a peak in a window; sorted by window."""

    @cached_property
    def window(self) -> Int64Array:
        """Window of each row."""
        return self._read(v.ROW_WINDOW)

    @cached_property
    def peak(self) -> Int64Array:
        """Catalogue peak of each row."""
        return self._read(v.ROW_PEAK)

    @cached_property
    def source(self) -> Int32Array:
        """Source of each row's peak."""
        return self._read(v.ROW_SOURCE)

    @cached_property
    def first_bin(self) -> Int32Array:
        """First bin that the peak occupies in the window."""
        return self._read(v.ROW_FIRST_BIN)

    @cached_property
    def last_bin(self) -> Int32Array:
        """Last bin that it occupies, included."""
        return self._read(v.ROW_LAST_BIN)


class PeakRange(_Range):
    """Catalogue peaks that lie in a window, by contig and start; positions in bp."""

    @cached_property
    def contig(self) -> Int32Array:
        """Index into the contigs."""
        return self._read(v.PEAK_CONTIG)

    @cached_property
    def start_bp(self) -> Int64Array:
        """Start of each peak, bp, 0-based."""
        return self._read(v.PEAK_START)

    @cached_property
    def end_bp(self) -> Int64Array:
        """End of each peak, bp, exclusive."""
        return self._read(v.PEAK_END)

    @cached_property
    def source(self) -> Int32Array:
        """Source of each peak."""
        return self._read(v.PEAK_SOURCE)

    @cached_property
    def first_row(self) -> Int64Array:
        """First row of each peak."""
        return self._read(v.PEAK_FIRST_ROW)

    @cached_property
    def last_row(self) -> Int64Array:
        """Last row of each peak."""
        return self._read(v.PEAK_LAST_ROW)
