"""Read and write BED files as streams; every error names the file and the line.

Method, sections 1.1 and 1.2.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed_lines import HEADER, MAX_DIGITS, parse_lines
from atypeak_scale.catalogue.streams import InputFile, PlainStream, name_of, opened
from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location

BYTES_PER_BLOCK = 1 << 24
CACHED_BYTES = 1 << 17  # looked at in one go, so that they stay in the cache
LONGEST_LINE = 1 << 28  # bytes; a longer one is no text, and would fill the memory
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Beside a tab, blanks are part of no number; Arrow takes them, hexadecimal digits and -0 for one.
BLANKS, MINUS_ZERO = (b" \t", b"\t "), b"\t-0"


@dataclass(frozen=True)
class Coded:
    """A column of texts, most of them repeated.

    values: the distinct texts, UTF-8 bytes, each of some row; codes: int32 (rows,), index into them.
    """

    values: list[bytes]
    codes: npt.NDArray[np.int32]

    def texts(self) -> list[bytes]:
        """Return the text of every row."""
        return [self.values[code] for code in self.codes.tolist()]

    def first_row(self, value: int) -> int:
        """Return the row where a distinct text, by its number, appears first."""
        return int(self._first_rows[value])

    @cached_property
    def _first_rows(self) -> npt.NDArray[np.int64]:
        # All at once, because a file may have as many distinct texts as rows.
        return np.unique(self.codes, return_index=True)[1]


@dataclass(frozen=True)
class BedBlock:
    """Some consecutive intervals of a BED file.

    contig: column 1; start, end: int64 (rows,), bp, 0-based and half-open; columns: the requested columns
    after the third; line: int64 (rows,), line numbers from 1.
    """

    contig: Coded
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    columns: list[Coded]
    line: npt.NDArray[np.int64]


class BedReader:
    """A BED file, local or at a URL, as a stream of blocks; `-` is standard input.

    The first bytes tell whether it is plain, gzip, bgzip, xz or zstd.
    `columns` is the number of columns that every line must have (3 or more); further columns are ignored.
    `remedy` says what to do if a line has fewer, and `argument` is the parameter that this is about.
    After the last block, `input_file` says what was read.
    """

    def __init__(self, path: Location, columns: int, remedy: str = "", argument: str | None = None) -> None:
        self.name = name_of(path)
        self._path = path
        self._columns = columns
        self._remedy, self._argument = remedy and f"; {remedy}", argument
        self.input_file: InputFile | None = None
        self.bytes_read: Callable[[], int] = lambda: 0

    @cached_property
    def others(self) -> dict[str, int]:
        """Peaks, by cell line, that are known of and not read: none, because every line of a file is."""
        return {}

    def fail(self, line: int, message: str, argument: str | None = None) -> InputError:
        """Return the error that names this file and `line`; `argument`: the parameter that fixes it."""
        return InputError(f"{self.name}, line {line}: {message}", argument)

    def __iter__(self) -> Iterator[BedBlock]:
        """Yield blocks of intervals; raise InputError at the first line that is not an interval."""
        with opened(self._path) as stream:
            self.bytes_read = lambda: stream.bytes_read
            rows = 0
            for first, data in _whole_lines(stream):
                block = self._parse(first, data)
                if len(block.line):
                    rows += len(block.line)
                    yield block
            if not rows:
                raise InputError(f"{self.name}: holds no intervals; expected tab-separated BED lines")
            self.input_file = stream.input_file()

    def _parse(self, first: int, data: bytes) -> BedBlock:
        """Parse whole lines; `first` is the number of the first of them."""
        # Of a file, or of several that follow one another. A search for one byte is ten times as fast.
        if BYTE_ORDER_MARK[:1] in data and BYTE_ORDER_MARK in data:
            data = data.removeprefix(BYTE_ORDER_MARK).replace(b"\n" + BYTE_ORDER_MARK, b"\n")
        found = _parsed(data, self._columns)
        if found is None:  # a header, a fault, or lines of different length
            return self._parse_lines(first, data)
        contig, start, end, columns = found
        return BedBlock(contig, start, end, columns, np.arange(first, first + len(start)))

    def _parse_lines(self, first: int, data: bytes) -> BedBlock:
        lines = data.split(b"\n")  # bytes.splitlines ends lines at carriage returns, too
        remedy = self._remedy, self._argument
        texts, start, end, line = parse_lines(lines, first, self._columns, remedy, self.fail)
        contig, *columns = map(_coded, texts)
        return BedBlock(contig, start, end, columns, line)

    def text(self, data: bytes, line: int) -> str:
        """Decode one field; the error names the line if it is not plain text without blanks around it."""
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise self.fail(line, f"{quoted(data)} is not UTF-8 text") from None
        if CONTROL.search(text):
            raise self.fail(line, f"{quoted(text)} holds a control character; remove it")
        if text != text.strip():
            raise self.fail(line, f"{quoted(text)} begins or ends with a blank; remove it")
        return text


def _whole_lines(stream: PlainStream) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first line, some whole lines)."""
    number, parts = 1, [b""]
    while data := stream.read(BYTES_PER_BLOCK):
        end = data.rfind(b"\n") + 1
        parts.append(data[:end])
        if not end and sum(map(len, parts)) > LONGEST_LINE:
            raise InputError(
                f"{stream.name}, line {number}: is longer than {LONGEST_LINE:,} bytes; is it BED?"
            )
        if end:
            lines = b"".join(parts)
            yield number, lines
            number += lines.count(b"\n")
            stream.lines = number - 1
            parts = []
        parts.append(data[end:])
    rest = b"".join(parts)
    if rest:
        yield number, rest


def _parsed(
    data: bytes, count: int
) -> tuple[Coded, npt.NDArray[np.int64], npt.NDArray[np.int64], list[Coded]] | None:
    """Parse whole lines at once; None if one of them may be no interval as `parse_lines` reads it."""
    import pyarrow as pa
    import pyarrow.csv

    if (
        (b"\r" in data and data.count(b"\r") != data.count(b"\r\n"))
        or (b" " in data and any(each in data for each in BLANKS))
        or _has_hexadecimal(data)
    ):
        return None
    text = pa.dictionary(pa.int32(), pa.binary())
    names = [f"f{number}" for number in range(count)]
    types = dict.fromkeys(names, text) | {"f1": pa.int64(), "f2": pa.int64()}
    try:
        table = pyarrow.csv.read_csv(
            pa.py_buffer(data if data.endswith(b"\n") else data + b"\n"),
            pyarrow.csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, autogenerate_column_names=True
            ),
            pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False, ignore_empty_lines=False),
            pyarrow.csv.ConvertOptions(
                check_utf8=False, column_types=types, null_values=[], include_columns=names
            ),
        ).combine_chunks()
    except pa.ArrowException:
        return None
    start, end = (table[name].to_numpy() for name in ("f1", "f2"))
    contig, *columns = (_of_arrow(table[name]) for name in names if types[name] == text)
    is_interval = (
        start.min() >= 0
        and not (start.min() == 0 and MINUS_ZERO in data)
        and end.max() < 10**MAX_DIGITS
        and bool((start < end).all())
        and not any(not name.strip() or HEADER.match(name + b"\t") for name in contig.values)
    )
    return (contig, start, end, columns) if is_interval else None


def _has_hexadecimal(data: bytes) -> bool:
    """Return whether a field begins like a hexadecimal number; faster than to search for its letters."""
    if b"x" not in data and b"X" not in data:
        return False
    text = np.frombuffer(data, np.uint8)
    for start in range(0, len(text), CACHED_BYTES):
        part = text[start : start + CACHED_BYTES + 2]
        begins = (part[:-2] == ord("\t")) & (part[1:-1] == ord("0"))
        if (begins & (part[2:] | 0x20 == ord("x"))).any():
            return True
    return False


def _of_arrow(column: Any) -> Coded:
    whole = column.chunk(0)
    return Coded(whole.dictionary.to_pylist(), whole.indices.to_numpy())


def _coded(texts: list[bytes]) -> Coded:
    values = dict.fromkeys(texts)
    code = {value: number for number, value in enumerate(values)}
    return Coded(list(values), np.fromiter(map(code.__getitem__, texts), np.int32, len(texts)))


def track_line(name: str, description: str) -> str:
    """Return a UCSC track line that shades by score; names from files cannot break out of the quotes."""
    name, description = (re.sub(r'["\x00-\x1f\x7f]', "_", text) for text in (name, description))
    return f'track name="{name}" description="{description}" useScore=1\n'


def write_bed6(
    out: TextIO, contigs: Iterable[str], starts: Iterable[int], ends: Iterable[int], names: Iterable[str],
    scores: Iterable[int],
) -> None:  # fmt: skip
    """Append BED6 lines without strand; positions in bp, scores are whole numbers from 0 to 1000."""
    out.writelines(
        f"{contig}\t{start}\t{end}\t{name}\t{score}\t.\n"
        for contig, start, end, name, score in zip(contigs, starts, ends, names, scores, strict=True)
    )
