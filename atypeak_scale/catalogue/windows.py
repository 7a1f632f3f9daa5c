"""Windows of CRMs and the bins that peaks occupy in them (method, sections 2.1 to 2.3)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedReader, InputFile
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location

MIN_CRM_PEAKS = "min_crm_peaks"  # the setting that `read_regions` gets as `min_peaks`
EVERY_CRM = f"set {MIN_CRM_PEAKS} to 0"
LONGEST_CRM = 10_000_000  # bp; anything longer is a mistake, and would be cut into millions of windows
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Regions:
    """Intervals of a BED file, by contig (names in C order), then by start and end.

    contigs: the contig names; contig: index into them; start, end: bp; row: line of data in the file, from 0,
    counted before filtering. All arrays are int64 (regions,).
    """

    contigs: list[str]
    contig: IntArray
    start: IntArray
    end: IntArray
    row: IntArray

    def on(self, contig: str) -> slice:
        """Return the slice of a contig's regions; empty if it has none."""
        if contig not in self.contigs:
            return slice(0, 0)
        code = self.contigs.index(contig)
        return slice(*np.searchsorted(self.contig, [code, code + 1]).tolist())


@dataclass(frozen=True)
class Windows:
    """Windows, grouped by contig (names in C order), then CRM by start, then by position.

    contigs: the contig names; contig: index into them; start, end: bp; crm: row of the CRM in its file,
    from 0; crm_start, crm_end: bp. All arrays are int64 (windows,).
    """

    contigs: list[str]
    contig: IntArray
    start: IntArray
    end: IntArray
    crm: IntArray
    crm_start: IntArray
    crm_end: IntArray

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.start)


def cut_windows(start: IntArray, end: IntArray, frame: int) -> tuple[IntArray, IntArray, IntArray]:
    """Cut intervals from their start into consecutive windows of `frame` bp, the last one shorter.

    Method, section 2.1.

    Returns (index of the interval, window start, window end), each int64 (windows,), in bp.
    """
    pieces = -(-(end - start) // frame)
    interval = np.repeat(np.arange(len(start)), pieces)
    piece = np.arange(len(interval)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    window_start = start[interval] + piece * frame
    return interval, window_start, np.minimum(window_start + frame, end[interval])


def occupied_bins(
    peak_start: IntArray,
    peak_end: IntArray,
    window_start: IntArray,
    window_end: IntArray,
    frame: int,
    bin_: int,
) -> tuple[IntArray, IntArray]:
    """Return the first and last bin (both included) that each peak occupies in its window.

    Method, section 2.3.

    All arrays are int64 (rows,), positions in bp. Every peak must overlap its window.
    """
    frame_start = window_end - frame
    first = (np.maximum(peak_start, window_start) - frame_start) // bin_
    last = (np.minimum(peak_end, window_end) - 1 - frame_start) // bin_
    return first, last


def read_regions(path: Location, min_peaks: int = 0) -> tuple[Regions, InputFile]:
    """Read CRMs, or any regions of interest, from a BED file (method, section 1.2).

    `min_peaks` filters on column 5; with 0 the column may be absent.

    Raises
    ------
    InputError
        If a line is not an interval (the error names it), or if the filter leaves none.

    """
    remedy = f"give the number of peaks in column 5, or {EVERY_CRM}"
    reader = BedReader(path, 5 if min_peaks else 3, remedy, MIN_CRM_PEAKS)
    names: dict[bytes, int] = {}
    contig_parts, start_parts, end_parts, keep_parts = [], [], [], []
    for block in reader:
        codes = []
        for name, line in zip(block.contig, block.line, strict=True):
            if name not in names:
                reader.text(name, line)
                names[name] = len(names)
            codes.append(names[name])
        if (block.end - block.start).max() > LONGEST_CRM:
            at = int(np.argmax(block.end - block.start))
            raise reader.fail(
                int(block.line[at]),
                f"a CRM of {block.end[at] - block.start[at]:,} bp; expected at most {LONGEST_CRM:,} bp",
            )
        contig_parts.append(np.array(codes, np.int64))
        start_parts.append(block.start)
        end_parts.append(block.end)
        keep_parts.append(_peak_counts(reader, block.columns[1], block.line) >= min_peaks if min_peaks
                          else np.ones(len(codes), bool))  # fmt: skip
    keep = np.concatenate(keep_parts)
    if not keep.any():
        raise InputError(
            f"{reader.name}: no CRM has {min_peaks} peaks or more in column 5; lower {MIN_CRM_PEAKS}",
            MIN_CRM_PEAKS,
        )
    assert reader.input_file is not None
    contigs = sorted(name.decode() for name in names)
    rank = np.array([contigs.index(name.decode()) for name in names], np.int64)
    row = np.flatnonzero(keep)
    contig = rank[np.concatenate(contig_parts)[row]]
    start, end = np.concatenate(start_parts)[row], np.concatenate(end_parts)[row]
    order = np.lexsort((end, start, contig))
    return Regions(contigs, contig[order], start[order], end[order], row[order]), reader.input_file


def read_windows(path: Location, frame: int, min_peaks: int) -> tuple[Windows, InputFile]:
    """Read a CRM file as `read_regions` does and cut its CRMs into windows (method, 1.2, 2.1)."""
    crms, input_file = read_regions(path, min_peaks)
    crm, window_start, window_end = cut_windows(crms.start, crms.end, frame)
    windows = Windows(
        crms.contigs,
        crms.contig[crm],
        window_start,
        window_end,
        crms.row[crm],
        crms.start[crm],
        crms.end[crm],
    )
    return windows, input_file


def _peak_counts(reader: BedReader, texts: list[bytes], lines: IntArray) -> npt.NDArray[np.float64]:
    counts = np.empty(len(texts))
    for row, text in enumerate(texts):
        try:
            counts[row] = float(text)
            if not np.isfinite(counts[row]):
                raise ValueError
        except ValueError:
            found = text.decode(errors="replace")
            message = (
                f"column 5 is {found!r}; expected the CRM's number of peaks; to use every CRM, {EVERY_CRM}"
            )
            raise reader.fail(int(lines[row]), message, MIN_CRM_PEAKS) from None
    return counts
