"""Windows of CRMs and the bins that peaks occupy in them (method, sections 2.1 to 2.3)."""

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.accounts import CrmAccount, tell_repeated_regions
from atypeak_scale.catalogue.bed import BedBlock, BedReader
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.repeats import repeated
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location

MIN_CRM_PEAKS = "min_crm_peaks"  # the setting that `read_regions` gets as `min_peaks`
EVERY_CRM = f"set {MIN_CRM_PEAKS} to 0"
LONGEST_CRM = 10_000_000  # bp; anything longer is a mistake, and would be cut into millions of windows
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Regions:
    """Intervals of a BED file, by contig (names in C order), then by start and end; no two are the same.

    contigs: the contig names; contig: index into them; start, end: bp; row: line of data in the file, from 0,
    counted before filtering. All arrays are int64 (regions,). account: what became of every row of the file.
    """

    contigs: list[str]
    contig: IntArray
    start: IntArray
    end: IntArray
    row: IntArray
    account: CrmAccount

    def on(self, contig: str) -> slice:
        """Return the slice of a contig's regions; empty if it has none."""
        code = bisect_left(self.contigs, contig)
        if contig not in self.contigs[code : code + 1]:
            return slice(0, 0)
        return slice(*np.searchsorted(self.contig, [code, code + 1]).tolist())


@dataclass(frozen=True)
class Windows:
    """Windows, grouped by contig (names in C order), then CRM by start, then by position.

    contigs: the contig names; contig: index into them; start, end: bp; crm: row of the CRM in its file,
    from 0; crm_start, crm_end: bp. All arrays are int64 (windows,). account: what became of the CRMs.
    """

    contigs: list[str]
    contig: IntArray
    start: IntArray
    end: IntArray
    crm: IntArray
    crm_start: IntArray
    crm_end: IntArray
    account: CrmAccount

    def __len__(self) -> int:
        """Return the number of windows."""
        return len(self.start)


def cut_windows(start: IntArray, end: IntArray, frame: int) -> tuple[IntArray, IntArray, IntArray]:
    """Cut intervals from their start into consecutive windows of `frame` bp, the last one shorter.

    Method, section 2.1.

    Returns (index of the interval, window start, window end), each int64 (windows,), in bp.
    """
    pieces = -(-(end - start) // frame)
    interval, piece = repeated(pieces)
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

    `min_peaks` filters on column 5; with 0 the column may be absent. Of rows with the same interval the first
    is used, and a warning tells the number of the others.

    Raises
    ------
    InputError
        If a line is not an interval (the error names it), or if the filter leaves none.

    """
    remedy = f"give the number of peaks in column 5, or {EVERY_CRM}"
    reader = BedReader(path, 5 if min_peaks else 3, remedy, MIN_CRM_PEAKS)
    contigs, rows = _read_rows(reader, min_peaks)
    keep = rows["keep"]
    if not keep.any():
        raise InputError(
            f"{reader.name}: no CRM has {min_peaks} peaks or more in column 5; lower {MIN_CRM_PEAKS}",
            MIN_CRM_PEAKS,
        )
    assert reader.input_file is not None
    row = np.flatnonzero(keep)
    contig, start, end, line = (rows[name][row] for name in ("contig", "start", "end", "line"))
    order = np.lexsort((end, start, contig))  # stable: of equal ones, the first of the file comes first
    repeats = np.zeros(len(order), bool)
    repeats[1:] = np.all([np.diff(values[order]) == 0 for values in (contig, start, end)], axis=0)
    repeated = int(repeats.sum())
    if repeated:
        tell_repeated_regions(reader.name, repeated, int(line[order[repeats]].min()))
    order = order[~repeats]
    account = CrmAccount(len(keep), len(order), len(keep) - len(row), repeated)
    return Regions(contigs, contig[order], start[order], end[order], row[order], account), reader.input_file


def _read_rows(reader: BedReader, min_peaks: int) -> tuple[list[str], dict[str, IntArray]]:
    """Return the contig names in C order and the columns of all rows, each int64 (rows,).

    They are contig (index into the names), start, end, line, and keep: whether the row has so many peaks.
    """
    contigs = ContigNames()
    parts: dict[str, list[IntArray]] = {name: [] for name in ("contig", "start", "end", "line", "keep")}
    for block in reader:
        parts["contig"].append(contigs.encode(reader, block))
        _refuse_long(reader, block)
        for name in ("start", "end", "line"):
            parts[name].append(getattr(block, name))
        few = _peak_counts(reader, block) < min_peaks if min_peaks else 0
        parts["keep"].append(np.where(few, 0, np.ones(len(block.line), np.int64)))
    rows = {name: np.concatenate(part) for name, part in parts.items()}
    rank = np.argsort(np.argsort(np.array(contigs.names, object), kind="stable"))
    return sorted(contigs.names), {**rows, "contig": rank[rows["contig"]]}


def _refuse_long(reader: BedReader, block: BedBlock) -> None:
    length = block.end - block.start
    at = int(np.argmax(length))
    if length[at] > LONGEST_CRM:
        raise reader.fail(
            int(block.line[at]), f"a CRM of {length[at]:,} bp; expected at most {LONGEST_CRM:,} bp"
        )


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
        crms.account,
    )
    return windows, input_file


def _peak_counts(reader: BedReader, block: BedBlock) -> npt.NDArray[np.float64]:
    """Return the number in column 5 of every row: float64 (rows,)."""
    column = block.columns[1]
    counts = np.empty(len(column.values))
    for number, text in enumerate(column.values):
        try:
            counts[number] = float(text)
            if not np.isfinite(counts[number]):
                raise ValueError
        except ValueError:
            found = text.decode(errors="replace")
            message = f"column 5 is {quoted(found)}; expected the CRM's number of peaks"
            line = int(block.line[column.first_row(number)])
            raise reader.fail(line, f"{message}; to use every CRM, {EVERY_CRM}", MIN_CRM_PEAKS) from None
    return counts[column.codes]
