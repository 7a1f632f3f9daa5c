"""The tables of a store: which peaks lie in which windows, block by block, then numbered (SPEC 2.1 to 2.3).

Tables are files of fixed-size records, so that any range of them is read without the rest.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.overlaps import candidates, overlapping_pairs
from atypeak_scale.catalogue.peaks import PeakSpool
from atypeak_scale.catalogue.windows import Windows, occupied_bins
from atypeak_scale.cluster import Progress, run_blocks
from atypeak_scale.config import StoreSettings
from atypeak_scale.errors import InputError

WINDOWS_PER_OVERLAP_BLOCK = 16_384

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


def overlap_blocks(windows: Windows) -> list[tuple[int, int]]:
    """Cut the windows into ranges of one contig each that never part the windows of a CRM."""
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


def _overlap_block(peaks_file: Path | None, windows_file: Path, frame: int, bin_: int, out: Path) -> int:
    """Write the ROW records of one block, window and peak counted within the block and the contig."""
    windows = np.load(windows_file)
    peaks = np.empty(0, CATALOGUE) if peaks_file is None else np.load(peaks_file, mmap_mode="r")
    place = candidates(peaks["start"], peaks["end"], windows["start"].min(), windows["end"].max())
    near = np.array(peaks[place])
    window, peak = overlapping_pairs(
        windows["start"].copy(), windows["end"].copy(), near["start"].copy(), near["end"].copy()
    )
    rows = np.empty(len(window), ROW)
    rows["window"], rows["peak"], rows["source"] = window, place.start + peak, near["source"][peak]
    rows["first"], rows["last"] = occupied_bins(
        near["start"][peak], near["end"][peak], windows["start"][window], windows["end"][window],
        frame, bin_,
    )  # fmt: skip
    np.save(out, rows)
    return len(rows)


@dataclass(frozen=True)
class Tables:
    """Files of the final WINDOW, ROW and CATALOGUE records, and the sources that are in them."""

    windows: Path
    rows: Path
    catalogue: Path
    sources: list[tuple[str, str]]


def overlap(
    windows: Windows,
    spool: PeakSpool,
    settings: StoreSettings,
    work: Path,
    client: Any,
    progress: Progress,
) -> Tables:
    """Find every peak in every window, by blocks of windows, and leave the tables of the store in `work`.

    Raises
    ------
    InputError
        Where no peak lies in a window.

    """
    blocks = overlap_blocks(windows)
    arguments = []
    for number, (start, stop) in enumerate(blocks):
        block = np.zeros(stop - start, WINDOW)
        for field in ("contig", "start", "end", "crm", "crm_start", "crm_end"):
            block[field] = getattr(windows, field)[start:stop]
        np.save(work / f"windows-{number}.npy", block)
        peaks_file = spool.contigs.get(windows.contigs[windows.contig[start]])
        arguments.append(
            (
                peaks_file,
                work / f"windows-{number}.npy",
                settings.frame,
                settings.bin,
                work / f"rows-{number}.npy",
            )
        )
    found = sum(
        rows for _, rows in run_blocks(_overlap_block, arguments, client, stage="overlap", progress=progress)
    )
    if not found:
        raise InputError(_no_overlap(windows, spool))
    return _number(windows, spool, blocks, work)


def _no_overlap(windows: Windows, spool: PeakSpool) -> str:
    """Say that nothing overlaps, and why, where the contig names tell."""
    of_peaks, of_crms = sorted(spool.contigs), windows.contigs
    message = "no selected peak overlaps a CRM"
    if set(of_peaks) & set(of_crms):
        return f"{message}; check that both files are of one genome assembly"
    hint = f"{message}: no contig is in both files (peaks: {of_peaks[0]}, ...; CRMs: {of_crms[0]}, ...)"
    bare = {name.removeprefix("chr") for name in of_peaks} & {name.removeprefix("chr") for name in of_crms}
    return f"{hint}; they differ by 'chr': rename the contigs of one file" if bare else hint


def _number(windows: Windows, spool: PeakSpool, blocks: list[tuple[int, int]], work: Path) -> Tables:
    """Number windows, peaks and sources that are in some row, and join the blocks' files into three tables.

    One contig at a time: a catalogue peak may lie in windows of several blocks, never of several contigs.
    """
    tables = Tables(work / "windows.raw", work / "rows.raw", work / "catalogue.raw", [])
    n_windows = n_rows = n_peaks = 0
    used = np.zeros(len(spool.sources), bool)
    block_contigs = [int(windows.contig[start]) for start, _ in blocks]
    with tables.windows.open("wb") as windows_out, tables.rows.open("wb") as rows_out, \
            tables.catalogue.open("wb") as catalogue_out:  # fmt: skip
        for contig in dict.fromkeys(block_contigs):
            files = [
                (work / f"windows-{number}.npy", work / f"rows-{number}.npy")
                for number, c in enumerate(block_contigs)
                if c == contig
            ]
            catalogue, index = _catalogue_of_contig(
                contig, spool.peaks(windows.contigs[contig]), [rows for _, rows in files], n_rows
            )
            catalogue.tofile(catalogue_out)
            for windows_file, rows_file in files:
                rows, block = np.load(rows_file), np.load(windows_file)
                kept = np.unique(rows["window"])
                _count_crm_sources(block, rows)
                block[kept].tofile(windows_out)
                rows["window"] = n_windows + np.searchsorted(kept, rows["window"])
                rows["peak"] = n_peaks + index[rows["peak"]]
                used[rows["source"]] = True
                rows.tofile(rows_out)
                n_windows, n_rows = n_windows + len(kept), n_rows + len(rows)
            n_peaks += len(catalogue)
    _renumber_sources(tables, used)
    tables.sources.extend(source for source, is_used in zip(spool.sources, used, strict=True) if is_used)
    return tables


def _catalogue_of_contig(
    contig: int, peaks: npt.NDArray[np.void], rows_files: list[Path], first_row: int
) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64]]:
    """Return the CATALOGUE records of the peaks that lie in a window, and each peak's place in them."""
    first = np.full(len(peaks), np.iinfo(np.int64).max)
    last = np.full(len(peaks), -1)
    for file in rows_files:
        in_block = np.load(file, mmap_mode="r")["peak"]
        rows = np.arange(first_row, first_row + len(in_block))
        np.minimum.at(first, in_block, rows)
        np.maximum.at(last, in_block, rows)
        first_row += len(in_block)
    in_window = last >= 0
    catalogue = np.empty(int(in_window.sum()), CATALOGUE)
    catalogue["contig"] = contig
    catalogue["first_row"], catalogue["last_row"] = first[in_window], last[in_window]
    for field in ("start", "end", "source"):
        catalogue[field] = peaks[field][in_window]
    return catalogue, np.cumsum(in_window) - 1


def _renumber_sources(tables: Tables, used: npt.NDArray[np.bool_]) -> None:
    """Leave out the sources that have no peak in any window; the others keep their order."""
    code = np.cumsum(used, dtype=np.int32) - 1
    for file, dtype in ((tables.rows, ROW), (tables.catalogue, CATALOGUE)):
        table = np.memmap(file, dtype, mode="r+")
        for start in range(0, len(table), 1 << 20):
            table["source"][start : start + (1 << 20)] = code[table["source"][start : start + (1 << 20)]]
        table.flush()


def _count_crm_sources(windows: npt.NDArray[np.void], rows: npt.NDArray[np.void]) -> None:
    """Fill `crm_sources`: distinct sources over all windows of a CRM; a block holds whole CRMs."""
    pairs = np.unique(np.stack([windows["crm"][rows["window"]], rows["source"].astype(np.int64)]), axis=1)
    crms, counts = np.unique(pairs[0], return_counts=True)
    place, of_window = np.unique(windows["crm"], return_inverse=True)
    of_crm = np.zeros(len(place), np.int32)
    of_crm[np.searchsorted(place, crms)] = counts
    windows["crm_sources"] = of_crm[of_window]


def records(file: Path, dtype: np.dtype[np.void], start: int, stop: int) -> npt.NDArray[np.void]:
    """Read records [start, stop) of a table."""
    return np.fromfile(file, dtype, stop - start, offset=start * dtype.itemsize)
