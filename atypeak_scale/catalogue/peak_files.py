"""Files of one experiment's peaks: narrowPeak, broadPeak, BED or bigBed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedBlock, BedReader, Coded
from atypeak_scale.catalogue.bigbed import bed_of_bigbed
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.streams import BIGBED, opened
from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location, is_url, local_path
from atypeak_scale.storage.targets import target

NARROW, BROAD = 10, 9  # columns
SIGNAL, SUMMIT = 6, 9  # columns of both, and of narrowPeak, from 0
NO_SUMMIT = -1
EXTRA_OF_PEAKS = ("summit", "signal")


@dataclass(frozen=True)
class Peaks:
    """The peaks of a file, in its order.

    contigs: names; contig: index into them, int64 (peaks,); start, end: int64 (peaks,), bp; summit: int64
    (peaks,), bp, NO_SUMMIT if there is none; signal: float64 (peaks,), NaN if there is none.
    """

    contigs: list[str]
    contig: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    summit: npt.NDArray[np.int64]
    signal: npt.NDArray[np.float64]


def read_peaks(file: Location) -> Peaks:
    """Read a file of peaks. Ten columns are narrowPeak; a name that holds broadPeak is believed.

    Raises
    ------
    InputError
        If it is something else (the error names the line), or empty.

    """
    with target(file).open_bytes() as stream:
        is_bigbed = stream.read(4) in BIGBED
    if not is_bigbed:
        return _read_bed(file, file)[0]
    if is_url(file):
        raise InputError(f"{file}: is bigBed at a URL; fetch it first")
    with bed_of_bigbed(local_path(file)) as (bed, rows):
        peaks, read = _read_bed(bed, file)
    if read != rows:
        raise InputError(f"{file}: {rows - read:,} of {rows:,} rows are no intervals; rename its contigs")
    return peaks


def _read_bed(file: Location, shown: Location) -> tuple[Peaks, int]:
    """Return the peaks of a BED file, and their number; `shown` is what to call the file."""
    columns = _columns(file, shown)
    kind = NARROW if columns == NARROW else BROAD if "broadpeak" in str(shown).lower() else 3
    reader, contigs = _reader(file, shown, kind), ContigNames()
    parts = []
    for block in reader:
        contig = contigs.encode(reader, block)
        parts.append((contig, block.start, block.end, *_extra(reader, block, kind)))
    columns_of = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Peaks(contigs.names, *columns_of), len(columns_of[0])


def _reader(file: Location, shown: Location, columns: int) -> BedReader:
    reader = BedReader(file, columns)
    reader.name = str(shown)
    return reader


def _columns(file: Location, shown: Location) -> int:
    """Return the number of columns of the first line of data."""
    before = 0  # line ends
    for block in _reader(file, shown, 3):
        before = int(block.line[0]) - 1
        break
    tabs = 0
    with opened(file) as stream:
        while data := stream.read(1 << 16):
            lines = data.split(b"\n", before + 1)
            if len(lines) <= before:
                before -= len(lines) - 1
                continue
            tabs += lines[before].count(b"\t")
            if len(lines) > before + 1:
                break
            before = 0
    return tabs + 1


def _extra(
    reader: BedReader, block: BedBlock, kind: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return summit and signal of the rows of a block."""
    rows = len(block.start)
    summit, signal = np.full(rows, NO_SUMMIT), np.full(rows, np.nan)
    if kind >= BROAD:
        signal = _numbers(reader, block, block.columns[SIGNAL - 3], "signal")
    if kind == NARROW:
        offset = _numbers(reader, block, block.columns[SUMMIT - 3], "summit")
        is_known = offset != NO_SUMMIT
        is_inside = (offset >= 0) & (offset < block.end - block.start) & (offset == np.floor(offset))
        wrong = np.flatnonzero(is_known & ~is_inside)
        if wrong.size:
            raise reader.fail(
                int(block.line[wrong[0]]),
                f"summit {offset[wrong[0]]:.15g} bp after the start; expected a whole number, "
                "before the end, or -1",
            )
        summit[is_known] = block.start[is_known] + offset[is_known].astype(np.int64)
    return summit, signal


def _numbers(reader: BedReader, block: BedBlock, column: Coded, what: str) -> npt.NDArray[np.float64]:
    values = np.empty(len(column.values))
    for number, text in enumerate(column.values):
        try:
            values[number] = float(text.replace(b"_", b"?"))  # of which Python would take no notice
        except ValueError:
            line = int(block.line[column.first_row(number)])
            raise reader.fail(
                line, f"{what} {quoted(text.decode(errors='replace'))}; expected a number"
            ) from None
    return values[column.codes]
