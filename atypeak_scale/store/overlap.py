"""Which peaks lie in which windows, block by block, then numbered (method, sections 2.1 to 2.3).

Tables are files of fixed-size records, so any range can be read without the rest.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.overlaps import candidates, overlapping_pairs
from atypeak_scale.catalogue.peaks import PEAK, PeakSpool, map_peaks
from atypeak_scale.catalogue.windows import Windows, occupied_bins
from atypeak_scale.config import StoreSettings
from atypeak_scale.errors import InputError, shortened
from atypeak_scale.execution.executor import Executor

WINDOWS_PER_OVERLAP_BLOCK = 16_384
PEAKS_AT_ONCE = 1 << 18  # read at once to number the peaks in windows

WINDOW = np.dtype(
    [
        ("contig", np.int32),
        ("start", np.int64),
        ("end", np.int64),
        ("crm", np.int64),
        ("crm_start", np.int64),
        ("crm_end", np.int64),
        ("crm_sources", np.int32),
    ]
)
EMPTY = np.dtype([("crm", np.int64), ("bp", np.int32)])
ROW = np.dtype(
    [("window", np.int64), ("peak", np.int64), ("source", np.int32), ("first", np.int32), ("last", np.int32)]
)
CATALOGUE = np.dtype(
    [
        ("contig", np.int32),
        ("start", np.int64),
        ("end", np.int64),
        ("source", np.int32),
        ("first_row", np.int64),
        ("last_row", np.int64),
    ]
)


@dataclass(frozen=True)
class OverlapTask:
    """Files of a block of windows of one contig, and of the contig's peaks; frame and bin in bp."""

    peaks: Path | None
    windows: Path
    frame: int
    bin: int
    out: Path


def overlap_blocks(windows: Windows) -> list[tuple[int, int]]:
    """Cut the windows into ranges, each on one contig, that never split the windows of a CRM."""
    new_crm = np.flatnonzero(np.diff(windows.crm, prepend=-1))
    new_contig = np.flatnonzero(np.diff(windows.contig, prepend=-1))
    blocks = []
    for first, stop in zip(new_contig, [*new_contig[1:], len(windows)], strict=True):
        start = first
        while start < stop:
            later = new_crm[(new_crm >= start + WINDOWS_PER_OVERLAP_BLOCK) & (new_crm < stop)]
            end = later[0] if len(later) else stop
            blocks.append((int(start), int(end)))
            start = end
    return blocks


@dataclass(frozen=True)
class _Block:
    """What one block holds: files of its windows and rows, and the place of its peaks in their contig."""

    windows: Path
    rows: Path
    n_rows: int
    near: slice


def _overlap_block(task: OverlapTask) -> _Block:
    """Write the ROW records of one block; windows count within the block, peaks within the contig."""
    windows = np.load(task.windows)
    peaks = map_peaks(task.peaks)
    place = candidates(peaks["start"], peaks["furthest"], windows["start"].min(), windows["end"].max())
    near = np.array(peaks[place])
    window, peak = overlapping_pairs(
        windows["start"].copy(), windows["end"].copy(), near["start"].copy(), near["end"].copy()
    )
    rows = np.empty(len(window), ROW)
    rows["window"], rows["peak"], rows["source"] = window, place.start + peak, near["source"][peak]
    rows["first"], rows["last"] = occupied_bins(
        near["start"][peak], near["end"][peak], windows["start"][window], windows["end"][window],
        task.frame, task.bin,
    )  # fmt: skip
    np.save(task.out, rows)
    return _Block(task.windows, task.out, len(rows), place)


@dataclass(frozen=True)
class Tables:
    """Files of the final WINDOW, EMPTY, ROW and CATALOGUE records, and the sources in them."""

    windows: Path
    empty: Path
    rows: Path
    catalogue: Path
    sources: list[tuple[str, str]]

    @property
    def peak_count(self) -> int:
        """Number of catalogue peaks that lie in a window."""
        return self.catalogue.stat().st_size // CATALOGUE.itemsize


def overlap(
    windows: Windows, spool: PeakSpool, settings: StoreSettings, work: Path, executor: Executor
) -> Tables:
    """Find every peak in every window, by blocks of windows, and write the tables of the store to `work`.

    Raises
    ------
    InputError
        If no peak lies in a window.

    """
    blocks = overlap_blocks(windows)
    tasks = []
    for number, (start, stop) in enumerate(blocks):
        block = np.zeros(stop - start, WINDOW)
        for field in ("contig", "start", "end", "crm", "crm_start", "crm_end"):
            block[field] = getattr(windows, field)[start:stop]
        file = work / f"windows-{number}.npy"
        np.save(file, block)
        peaks = spool.contigs.get(windows.contigs[windows.contig[start]])
        out = work / f"rows-{number}.npy"
        tasks.append(OverlapTask(peaks, file, settings.frame, settings.bin, out))
    found = {task.out: block for task, block in executor.map(_overlap_block, tasks, "overlap")}
    if not any(block.n_rows for block in found.values()):
        raise InputError(_no_overlap(windows, spool))
    by_contig: defaultdict[int, list[_Block]] = defaultdict(list)
    for task, (start, _) in zip(tasks, blocks, strict=True):
        by_contig[int(windows.contig[start])].append(found[task.out])
    return _number(windows.contigs, spool, by_contig, work)


def _no_overlap(windows: Windows, spool: PeakSpool) -> str:
    """Say that nothing overlaps, and why, if the contig names show it."""
    of_peaks, of_crms = sorted([*spool.contigs, *spool.other_contigs]), windows.contigs
    message = "no selected peak overlaps a CRM"
    if set(of_peaks) & set(of_crms):
        return f"{message}; check that both files use the same genome assembly"
    first, other = shortened(of_peaks[0]), shortened(of_crms[0])
    hint = f"{message}: no contig is in both files (peaks: {first}, ...; CRMs: {other}, ...)"
    bare = {name.removeprefix("chr") for name in of_peaks} & {name.removeprefix("chr") for name in of_crms}
    return f"{hint}; they differ by 'chr': rename the contigs of one file" if bare else hint


def _number(contigs: list[str], spool: PeakSpool, blocks: dict[int, list[_Block]], work: Path) -> Tables:
    """Number the windows, peaks and sources that have a row, and join the blocks' files into three tables.

    It works on one contig at a time: a catalogue peak may lie in several blocks, but never on several
    contigs.
    """
    windows_file, empty, rows_file, catalogue_file = (
        work / f"{name}.raw" for name in ("windows", "empty", "rows", "catalogue")
    )
    tables = Tables(windows_file, empty, rows_file, catalogue_file, [])
    n_windows = n_rows = n_peaks = 0
    used = np.zeros(len(spool.sources), bool)
    with tables.windows.open("wb") as windows_out, tables.rows.open("wb") as rows_out, \
            tables.catalogue.open("wb") as catalogue_out, tables.empty.open("wb") as empty_out:  # fmt: skip
        for contig, of_contig in blocks.items():
            peaks = spool.contigs.get(contigs[contig])
            in_window = np.zeros(len(map_peaks(peaks)), bool)
            for start in range(0, len(in_window), PEAKS_AT_ONCE):
                assert peaks is not None
                # Read, not mapped: mapped pages count as memory once they have been touched.
                part = records(peaks, PEAK, start, min(start + PEAKS_AT_ONCE, len(in_window)))
                catalogue, is_in = _catalogue_part(contig, part, start, of_contig, n_rows)
                in_window[start : start + len(part)] = is_in
                catalogue.tofile(catalogue_out)
            counted = 0
            for block in of_contig:
                rows, block_windows = np.load(block.rows), np.load(block.windows)
                kept = np.unique(rows["window"])
                _count_crm_sources(block_windows, rows)
                block_windows[kept].tofile(windows_out)
                _empty_records(np.delete(block_windows, kept)).tofile(empty_out)
                rows["window"] = n_windows + np.searchsorted(kept, rows["window"])
                # Blocks are in order, and so are the starts of their peaks.
                n_peaks += int(in_window[counted : block.near.start].sum())
                counted = block.near.start
                place = np.cumsum(in_window[block.near]) - 1
                rows["peak"] = n_peaks + place[rows["peak"] - block.near.start]
                used[rows["source"]] = True
                rows.tofile(rows_out)
                n_windows, n_rows = n_windows + len(kept), n_rows + len(rows)
            n_peaks += int(in_window[counted:].sum())
    _renumber_sources(tables, used)
    tables.sources.extend(source for source, is_used in zip(spool.sources, used, strict=True) if is_used)
    return tables


def _empty_records(windows: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return the EMPTY records of windows without a peak."""
    empty = np.empty(len(windows), EMPTY)
    empty["crm"], empty["bp"] = windows["crm"], windows["end"] - windows["start"]
    return empty


def _catalogue_part(
    contig: int, peaks: npt.NDArray[np.void], start: int, blocks: list[_Block], first_row: int
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.bool_]]:
    """Return the CATALOGUE records of those of consecutive peaks that are in a window, and their places.

    start: place of the first peak in its contig; first_row: number of the first row of the contig.
    """
    first = np.full(len(peaks), np.iinfo(np.int64).max)
    last = np.full(len(peaks), -1)
    for block in blocks:
        if block.near.start < start + len(peaks) and start < block.near.stop:
            peak = np.load(block.rows)["peak"] - start
            here = np.flatnonzero((peak >= 0) & (peak < len(peaks)))
            np.minimum.at(first, peak[here], first_row + here)
            np.maximum.at(last, peak[here], first_row + here)
        first_row += block.n_rows
    in_window = last >= 0
    catalogue = np.empty(int(in_window.sum()), CATALOGUE)
    catalogue["contig"] = contig
    catalogue["first_row"], catalogue["last_row"] = first[in_window], last[in_window]
    for field in ("start", "end", "source"):
        catalogue[field] = peaks[field][in_window]
    return catalogue, in_window


def _renumber_sources(tables: Tables, used: npt.NDArray[np.bool_]) -> None:
    """Drop the sources without a peak in any window; the others keep their order."""
    code = np.cumsum(used, dtype=np.int32) - 1
    for file, dtype in ((tables.rows, ROW), (tables.catalogue, CATALOGUE)):
        with file.open("r+b") as table:
            for start in range(0, file.stat().st_size, PEAKS_AT_ONCE * dtype.itemsize):
                table.seek(start)
                part = np.fromfile(table, dtype, PEAKS_AT_ONCE)
                part["source"] = code[part["source"]]
                table.seek(start)
                part.tofile(table)


def _count_crm_sources(windows: npt.NDArray[np.void], rows: npt.NDArray[np.void]) -> None:
    """Fill in `crm_sources`, the distinct sources over all windows of a CRM; a block holds whole CRMs."""
    pairs = np.unique(np.stack([windows["crm"][rows["window"]], rows["source"].astype(np.int64)]), axis=1)
    crms, counts = np.unique(pairs[0], return_counts=True)
    place, of_window = np.unique(windows["crm"], return_inverse=True)
    of_crm = np.zeros(len(place), np.int32)
    of_crm[np.searchsorted(place, crms)] = counts
    windows["crm_sources"] = of_crm[of_window]


def records(file: Path, dtype: np.dtype[np.void], start: int, stop: int) -> npt.NDArray[np.void]:
    """Read records [start, stop) of a table."""
    return np.fromfile(file, dtype, stop - start, offset=start * dtype.itemsize)
