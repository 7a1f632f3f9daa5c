"""A store without one of its sources, made from the store itself; as if built without the source's peaks."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.names import Source, source_name
from atypeak_scale.config import StoreSettings
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage.atomic import new_folder
from atypeak_scale.storage.locations import Location, local_path
from atypeak_scale.store.cell_line import CellLine, open_store, require_source
from atypeak_scale.store.groups import SCHEMA_VERSION, STORE_VERSION, consolidate
from atypeak_scale.store.overlap import CATALOGUE, EMPTY, ROW, WINDOW, Tables
from atypeak_scale.store.write import PEAK_ARRAYS, ROW_ARRAYS, WINDOW_ARRAYS, write_arrays

WITHOUT = "without"  # in what a store was made from: the sources that were left out

BoolArray = npt.NDArray[np.bool_]


def without_source(
    cell_line: CellLine, source: Source, out: Location, executor: Executor | None = None
) -> CellLine:
    """Make a store of a cell line without the peaks of one source; it appears whole or not at all.

    Windows that are left without a peak join those without any. Memory holds some numbers for each window,
    and for rows and peaks those of a block; temporary files hold 8 bytes for each row and each peak.

    Parameters
    ----------
    cell_line
        The data.
    source
        Both labels of the source to leave out.
    out
        A new folder.
    executor
        Where the arrays are written; None means this process.

    Returns
    -------
    CellLine
        The handle of the new store. What it says of peaks outside of windows is that of the old one.

    Raises
    ------
    InputError
        If there is no such source, no other one, or `out` exists; if the store does not know its windows
        without a peak.

    """
    require_source(cell_line, source_name(source))
    if len(cell_line.sources) == 1:
        raise InputError(f"{cell_line.store}: has no other source than {source_name(source)}")
    settings = StoreSettings(**cell_line.made_from["store"])
    with new_folder(local_path(out)) as folder:
        work = folder / ".work"
        work.mkdir()
        tables = _Without(cell_line, cell_line.sources.index(source), work).tables()
        attributes = {**cell_line.attributes, "made_from": made_without(cell_line, source)}
        attributes.pop("accounts", None)  # of files; this store is made from another
        zarr.create_group(folder, attributes={STORE_VERSION: SCHEMA_VERSION})
        root = zarr.open_group(folder, mode="r+")
        root.create_group(cell_line.path, attributes=attributes)
        contigs = list(cell_line.contigs)
        write_arrays(folder, cell_line.path, tables, contigs, settings, executor or InProcess())
        for file in work.iterdir():
            file.unlink()
        work.rmdir()
        consolidate(folder)
    return open_store(out, cell_line.name)


def made_without(cell_line: CellLine, source: Source) -> dict[str, Any]:
    """Return what the store without a source is made from."""
    others = [*cell_line.made_from.get(WITHOUT, []), source_name(source)]
    return {**cell_line.made_from, WITHOUT: others}


class _Without:
    """Writes the tables of a store without the source of that number to files in a folder."""

    def __init__(self, cell_line: CellLine, left_out: int, work: Path) -> None:
        self._cell_line, self._left_out = cell_line, left_out
        names = ("windows", "empty", "rows", "catalogue")
        self._files = {name: work / f"{name}.raw" for name in names}
        # Numbers of rows and peaks without the source: of those that are left, their own.
        self._new_row = self._numbers(work / "new-rows.raw", cell_line.row_count)
        self._new_peak = self._numbers(work / "new-peaks.raw", cell_line.peak_count)

    @staticmethod
    def _numbers(file: Path, size: int) -> "np.memmap[Any, np.dtype[np.int64]]":
        return np.memmap(file, np.int64, mode="w+", shape=(size,))

    def tables(self) -> Tables:
        """Write the four tables."""
        windows = self._cell_line.shape.windows
        has_row, had_source = np.zeros(windows, bool), np.zeros(windows, bool)
        rows = 0
        for block in self._cell_line.blocks("rows"):
            of_block = self._cell_line.rows(*block)
            is_kept = of_block.source != self._left_out
            has_row[of_block.window[is_kept]] = True
            had_source[of_block.window[~is_kept]] = True
            self._new_row[slice(*block)] = rows + np.cumsum(is_kept) - 1
            rows += int(is_kept.sum())
        self._write_catalogue()
        self._write_rows(np.cumsum(has_row) - 1)
        self._write_windows(has_row, had_source)
        sources = list(self._cell_line.sources)
        del sources[self._left_out]
        return Tables(
            self._files["windows"],
            self._files["empty"],
            self._files["rows"],
            self._files["catalogue"],
            sources,
        )

    def _renumbered(self, source: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        return np.where(source > self._left_out, source - 1, source)

    def _write_catalogue(self) -> None:
        peaks = 0
        with self._files["catalogue"].open("wb") as out:
            for block in self._cell_line.blocks("peaks"):
                records = self._records(block, CATALOGUE, PEAK_ARRAYS)
                is_kept = records["source"] != self._left_out
                self._new_peak[slice(*block)] = peaks + np.cumsum(is_kept) - 1
                peaks += int(is_kept.sum())
                records = records[is_kept]
                records["source"] = self._renumbered(records["source"])
                for field in ("first_row", "last_row"):
                    records[field] = self._new_row[records[field]]
                records.tofile(out)

    def _write_rows(self, new_window: npt.NDArray[np.int64]) -> None:
        with self._files["rows"].open("wb") as out:
            for block in self._cell_line.blocks("rows"):
                records = self._records(block, ROW, ROW_ARRAYS)
                records = records[records["source"] != self._left_out]
                records["source"] = self._renumbered(records["source"])
                records["window"] = new_window[records["window"]]
                records["peak"] = self._new_peak[records["peak"]]
                records.tofile(out)

    def _write_windows(self, has_row: BoolArray, had_source: BoolArray) -> None:
        crms_of_source = self._crms_where(had_source)
        old_crm, old_bp = self._cell_line.empty_windows()
        old = np.empty(len(old_crm), EMPTY)
        old["crm"], old["bp"] = old_crm, old_bp
        with self._files["windows"].open("wb") as out, self._files["empty"].open("wb") as empty_out:
            old.tofile(empty_out)
            for block in self._cell_line.blocks("windows"):
                records = self._records(block, WINDOW, WINDOW_ARRAYS)
                records["crm_sources"] -= np.isin(records["crm"], crms_of_source)
                is_kept = has_row[slice(*block)]
                records[is_kept].tofile(out)
                emptied = np.empty(int((~is_kept).sum()), EMPTY)
                emptied["crm"] = records["crm"][~is_kept]
                emptied["bp"] = (records["end"] - records["start"])[~is_kept]
                emptied.tofile(empty_out)

    def _crms_where(self, had_source: BoolArray) -> npt.NDArray[np.int64]:
        """Return the CRMs that have a window with a peak of the source."""
        parts = [
            np.unique(self._cell_line.windows(*block).crm[had_source[slice(*block)]])
            for block in self._cell_line.blocks("windows")
        ]
        return np.unique(np.concatenate(parts))

    def _records(
        self, block: tuple[int, int], dtype: np.dtype[np.void], arrays: dict[str, Any]
    ) -> npt.NDArray[np.void]:
        """Read a block of windows, rows or peaks as records."""
        records = np.empty(block[1] - block[0], dtype)
        for field, variable in arrays.items():
            records[field] = self._cell_line.read(variable, *block)
        return records
