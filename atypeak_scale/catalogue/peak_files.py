"""Files of one experiment's peaks: narrowPeak, broadPeak, BED or bigBed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedBlock, BedReader, Coded
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.streams import opened
from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location, is_url
from atypeak_scale.storage.targets import target

BIGBED = (b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb")
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
    if is_bigbed:
        return _read_bigbed(file)
    columns = _columns(file)
    kind = NARROW if columns == NARROW else BROAD if "broadpeak" in str(file).lower() else 3
    reader, contigs = BedReader(file, kind), ContigNames()
    parts = []
    for block in reader:
        contig = contigs.encode(reader, block)
        parts.append((contig, block.start, block.end, *_extra(reader, block, kind)))
    columns_of = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Peaks(contigs.names, *columns_of)


def _columns(file: Location) -> int:
    """Return the number of columns of the first line of data."""
    for block in BedReader(file, 3):
        line = int(block.line[0])
        break
    with opened(file) as stream:
        rest = b""
        while data := stream.read(1 << 16):
            lines = (rest + data).split(b"\n")
            if len(lines) > line:
                return lines[line - 1].count(b"\t") + 1
            rest += data
    return rest.split(b"\n")[line - 1].count(b"\t") + 1


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
        is_known = offset >= 0
        summit[is_known] = block.start[is_known] + offset[is_known].astype(np.int64)
        wrong = np.flatnonzero(is_known & (summit >= block.end))
        if wrong.size:
            raise reader.fail(
                int(block.line[wrong[0]]),
                f"summit {offset[wrong[0]]:.0f} bp after the start; expected one before the end, or -1",
            )
    return summit, signal


def _numbers(reader: BedReader, block: BedBlock, column: Coded, what: str) -> npt.NDArray[np.float64]:
    values = np.empty(len(column.values))
    for number, text in enumerate(column.values):
        try:
            values[number] = float(text)
        except ValueError:
            line = int(block.line[column.first_row(number)])
            raise reader.fail(
                line, f"{what} {quoted(text.decode(errors='replace'))}; expected a number"
            ) from None
    return values[column.codes]


def _read_bigbed(file: Location) -> Peaks:
    import pybigtools

    if is_url(file):
        raise InputError(f"{file}: is bigBed at a URL; fetch it first")
    contigs: list[str] = []
    rows: list[tuple[Any, ...]] = []
    try:
        with pybigtools.open(str(Path(file))) as bigbed:
            for contig in bigbed.chroms():
                found = list(bigbed.records(contig))
                if found:
                    rows += [(len(contigs), *row) for row in found]
                    contigs.append(contig)
    except (OSError, ValueError, pybigtools.BBIReadError) as problem:
        raise InputError(f"{file}: is damaged or no bigBed ({problem})") from None
    if not rows:
        raise InputError(f"{file}: holds no intervals")
    contig, start, end = (np.array([row[column] for row in rows], np.int64) for column in range(3))
    summit, signal = np.full(len(rows), NO_SUMMIT), np.full(len(rows), np.nan)
    if len(rows[0]) == NARROW:
        signal = np.array([row[SIGNAL] for row in rows], np.float64)
        offset = np.array([row[SUMMIT] for row in rows], np.int64)
        summit = np.where(offset >= 0, start + offset, NO_SUMMIT)
    return Peaks(contigs, contig, start, end, summit, signal)
