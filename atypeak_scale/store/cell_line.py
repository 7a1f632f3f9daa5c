"""The handle of a cell line's data: it opens the store when asked, and keeps nothing open."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.names import Source, source_name
from atypeak_scale.config import StoreSettings
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable, with_views
from atypeak_scale.storage.locations import Location, absolute
from atypeak_scale.storage.remote import zarr_store
from atypeak_scale.store.arrays import array_of, read_array, read_elements
from atypeak_scale.store.groups import group_name, groups_of_cell_lines, open_group, the_cell_line
from atypeak_scale.store.ranges import PeakRange, RowRange, WindowRange

if TYPE_CHECKING:
    import xarray as xr

Kind = Literal["windows", "rows", "peaks"]
# The array whose chunks are the blocks of a kind.
_BLOCKED = {"windows": v.OCCUPANCY, "rows": v.ROW_WINDOW, "peaks": v.PEAK_SOURCE}


class PeakRows(NamedTuple):
    """The rows of consecutive peaks: they lie in `rows`, those for which `mine` is True.

    mine: bool (rows,); peak: int64 (rows that are mine,), the peak of each, counted from the first.
    """

    rows: "Block"
    mine: npt.NDArray[np.bool_]
    peak: npt.NDArray[np.int64]


class Shape(NamedTuple):
    """Sizes of the occupancy."""

    windows: int
    bins: int
    sources: int


class Block(NamedTuple):
    """Consecutive windows, rows or peaks [start, stop), which are whole chunks of their arrays."""

    start: int
    stop: int


def cut(total: int, length: int) -> list[Block]:
    """Cut `total` elements into blocks of `length`; the last may be shorter."""
    return [Block(start, min(start + length, total)) for start in range(0, total, length)]


@dataclass(frozen=True)
class CellLine:
    """The data of one cell line of a store.

    store: an absolute path or a URL; name: name of the cell line. Facts are read once and cached in the
    process; a pickled handle holds only these two names.
    """

    store: Location
    name: str

    def __getstate__(self) -> dict[str, Any]:
        return {"store": self.store, "name": self.name}

    @property
    def path(self) -> str:
        """Path of the cell line's group within the store."""
        return group_name(self.name)

    def group(self) -> zarr.Group:
        """Open the cell line's group, for reading."""
        return open_group(self.store, self.path)

    def _array(self, variable: Variable) -> zarr.Array[Any]:
        return array_of(self.group(), with_views(variable.name, self.views))

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """What the store says about the cell line: settings, inputs, counts, versions."""
        return dict(self.group().attrs)

    @cached_property
    def views(self) -> tuple[str, str]:
        """Names of the two views, which are dims of the tensor."""
        first, second = self.attributes["views"]
        return str(first), str(second)

    @property
    def made_from(self) -> dict[str, Any]:
        """Settings and identity of the input files that the data was made from."""
        made: dict[str, Any] = self.attributes["made_from"]
        return made

    @property
    def frame(self) -> tuple[int, int]:
        """Width of a window's frame and of a bin, bp."""
        return int(self.attributes["frame"]), int(self.attributes["bin"])

    @cached_property
    def labels(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels of the two views, sorted."""
        first, second = (tuple(map(str, self.read(view))) for view in (v.VIEW0, v.VIEW1))
        return first, second

    @cached_property
    def cells(self) -> npt.NDArray[np.int32]:
        """Indices of the first and the second label of each source: int32 (sources, 2)."""
        return np.stack([self.read(v.SOURCE_VIEW0), self.read(v.SOURCE_VIEW1)], axis=1)

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Both labels of each source."""
        first, second = self.labels
        return tuple((first[i], second[j]) for i, j in self.cells.tolist())

    @cached_property
    def contigs(self) -> tuple[str, ...]:
        """Names of the contigs, in C order."""
        return tuple(map(str, self.read(v.CONTIG)))

    @cached_property
    def shape(self) -> Shape:
        """Numbers of windows, bins and sources."""
        return Shape(*self._array(v.OCCUPANCY).shape)

    @cached_property
    def row_count(self) -> int:
        """Number of (peak, window) rows."""
        return self._array(v.ROW_WINDOW).shape[0]

    @cached_property
    def peak_count(self) -> int:
        """Number of peaks that lie in a window."""
        return self._array(v.PEAK_SOURCE).shape[0]

    @cached_property
    def rows_per_block(self) -> int:
        """Rows, or placements, that one scoring task scores."""
        chunk: int = self._array(v.ROW_WINDOW).chunks[0]
        # Fewer rows than a block have one short chunk, and many more placements.
        return chunk if chunk < self.row_count else max(chunk, StoreSettings().rows_per_block)

    @cached_property
    def crm_count(self) -> int:
        """One more than the largest row number in the CRM file that has a window."""
        return 1 + max(int(self.read(v.CRM, *block).max()) for block in self._blocks_of(v.CRM))

    def read(self, variable: Variable, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Read elements [start, stop) of an array along its first dim.

        Raises
        ------
        DamagedError
            If a chunk does not read back as it was written; the error names it.

        """
        return read_array(self._array(variable), start, stop)

    def occupancy(self, start: int, stop: int) -> npt.NDArray[np.bool_]:
        """Read windows [start, stop): bool (windows, bins, sources)."""
        return self.read(v.OCCUPANCY, start, stop)

    def some_occupancy(self, windows: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
        """Read some windows, in any order: bool (windows, bins, sources)."""
        return read_elements(self._array(v.OCCUPANCY), windows)

    def windows(self, start: int, stop: int) -> WindowRange:
        """Return windows [start, stop); each column is read on first use."""
        return WindowRange(self.group(), start, stop)

    @property
    def window_count(self) -> int:
        """Number of windows of the CRMs used, those without a peak included."""
        return int(self.attributes["windows_in_crms"])

    @property
    def has_empty_windows(self) -> bool:
        """Whether the store was built by a version that keeps the windows without a peak."""
        return v.EMPTY_CRM.name in self.group()

    def empty_windows(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return the CRM and the length, bp, of every window without a peak: (empty windows,) each.

        Raises
        ------
        InputError
            If the store was built by a version that did not keep them.

        """
        if not self.has_empty_windows:
            raise InputError(
                f"{self.store}: was built by a version that did not keep the windows without a peak; "
                "build the store again"
            )
        return self.read(v.EMPTY_CRM), self.read(v.EMPTY_BP)

    def rows(self, start: int, stop: int) -> RowRange:
        """Return (peak, window) rows [start, stop); each column is read on first use."""
        return RowRange(self.group(), start, stop)

    def rows_of_windows(self, start: int, stop: int) -> Block:
        """Return the rows of windows [start, stop), by bisection over the sorted rows."""
        window = self._array(v.ROW_WINDOW)

        def first_row(wanted: int) -> int:
            low, high = 0, window.shape[0]
            while low < high:
                middle = (low + high) // 2
                if int(read_array(window, middle, middle + 1)[0]) < wanted:
                    low = middle + 1
                else:
                    high = middle
            return low

        return Block(first_row(start), first_row(stop))

    def peaks(self, start: int, stop: int) -> PeakRange:
        """Return catalogue peaks [start, stop); each column is read on first use."""
        return PeakRange(self.group(), start, stop)

    def source_of(self, dim: str, start: int, stop: int) -> npt.NDArray[np.int32]:
        """Return the source of elements [start, stop) of `peak`, the rows, or of `catalogue_peak`."""
        part = self.rows(start, stop) if dim == "peak" else self.peaks(start, stop)
        return part.source

    def rows_of_peaks(self, start: int, stop: int) -> PeakRows:
        """Return where the rows of catalogue peaks [start, stop) are."""
        peaks = self.peaks(start, stop)
        rows = Block(int(peaks.first_row.min()), int(peaks.last_row.max()) + 1)
        peak = self.rows(*rows).peak - start
        mine = (peak >= 0) & (peak < stop - start)
        return PeakRows(rows, mine, peak[mine])

    def first_windows(self, start: int, stop: int) -> tuple[WindowRange, npt.NDArray[np.int64]]:
        """Return windows, and which of them is the first of each of catalogue peaks [start, stop)."""
        first_row = self.peaks(start, stop).first_row
        low = int(first_row.min())
        window = self.rows(low, int(first_row.max()) + 1).window[first_row - low]
        low = int(window.min())
        return self.windows(low, int(window.max()) + 1), window - low

    def crms_of_peaks(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return the row, in the CRM file, of the (first) CRM of catalogue peaks [start, stop)."""
        windows, at = self.first_windows(start, stop)
        crm: npt.NDArray[np.int64] = windows.crm[at]
        return crm

    def peak_starts(self, peaks: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
        """Return the starts, bp, of some catalogue peaks, in any order."""
        return read_elements(self._array(v.PEAK_START), peaks)

    def blocks(self, kind: Kind, chunks: int = 1) -> list[Block]:
        """Cut the windows, rows or peaks into blocks of `chunks` whole chunks; the last may be shorter."""
        return self._blocks_of(_BLOCKED[kind], chunks)

    def _blocks_of(self, variable: Variable, chunks: int = 1) -> list[Block]:
        array = self._array(variable)
        return cut(array.shape[0], array.chunks[0] * chunks)

    @property
    def data(self) -> "xr.Dataset":
        """Every array of the cell line with its labels, lazily."""
        # Commands that read arrays need not wait for xarray.
        import xarray as xr

        data: xr.Dataset = xr.open_zarr(zarr_store(self.store), group=self.path, consolidated=False)
        return data

    @property
    def tensor(self) -> "xr.DataArray":
        """Occupancy of every cell, lazily: bool (window, bin, first view, second view)."""
        from atypeak_scale.store.tensor import to_tensor

        return to_tensor(self.data)


def open_store(store: Location, cell_line: str | None = None) -> CellLine:
    """Return the handle of a cell line of a store; `cell_line` may be left out if there is only one.

    Raises
    ------
    InputError
        If there is no such store or cell line, or the store has another schema version.

    Examples
    --------
    >>> hela = open_store("hela.zarr")
    >>> hela.tensor.sel(tr="ctcf").mean("window")

    """
    # Workers may have another working directory, so the handle holds no relative path.
    return CellLine(absolute(store), the_cell_line(store, cell_line))


def cell_lines(store: Location) -> list[CellLine]:
    """Return the handles of all cell lines of a store, by name; raise the errors that `open_store` raises."""
    names = sorted(groups_of_cell_lines(store))
    return [CellLine(absolute(store), name) for name in names]


def require_source(cell_line: CellLine, name: str) -> int:
    """Return the number of a source, by its name `dataset.TR`; an InputError names the nearest."""
    known = [source_name(source) for source in cell_line.sources]
    if name not in known:
        raise InputError(f"{cell_line.store}: has no source {name!r}; {nearest(name, known)}")
    return known.index(name)
