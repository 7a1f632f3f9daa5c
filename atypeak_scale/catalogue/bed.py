"""Read and write BED files as streams; every error names the file and the line.

Method, sections 1.1 and 1.2.
"""

import gzip
import hashlib
import io
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import compress
from typing import BinaryIO, TextIO, cast

import numpy as np
import numpy.typing as npt

from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.storage.url import reaching

STANDARD_INPUT = "-"
BYTES_PER_BLOCK = 1 << 22
MAX_DIGITS = 18  # always fits in a signed 64-bit integer
HEADER = re.compile(rb"#|(track|browser)\s")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# First bytes of headers and blank lines; few contig names begin with them.
MAYBE_NO_DATA = frozenset((b"", b"#", b"t", b"b", b" ", b"\t", b"\r", b"\n"))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# What other files begin with, what they are, and what makes BED lines of them.
FOREIGN = (
    (b"BZh", "bzip2", "bzcat FILE"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstdcat FILE"),
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE"),
    (b"\xff\xfe", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xeb\xf2\x89\x87", "bigBed", "bigBedToBed FILE /dev/stdout"),
    (b"\x87\x89\xf2\xeb", "bigBed", "bigBedToBed FILE /dev/stdout"),
    (b"\x26\xfc\x8f\x88", "bigWig", ""),
    (b"\x88\x8f\xfc\x26", "bigWig", ""),
    (b"PAR1", "Parquet", ""),
)
TAR = slice(257, 262)  # where tar archives say `ustar`
BGZF_HEADER = 18  # bytes
BGZF_EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


@dataclass(frozen=True)
class InputFile:
    """What identifies the content of an input: size in bytes and SHA-256, of the file as it is stored."""

    size: int
    sha256: str


def identify(file: Location) -> InputFile:
    """Return size and SHA-256 of a file, as after reading all of it."""
    with target(file).open_bytes() as raw:
        hashing = _HashingReader(raw, str(file))
        while hashing.read(1 << 20):
            pass
    return hashing.input_file()


def require_file(file: Location | None, argument: str) -> Location:
    """Return a file that is there and can be read more than once; `argument` is the parameter that names it.

    Raises
    ------
    InputError
        If no file is named, there is none, or it is a pipe or a folder.

    """
    if file is None:
        raise InputError(f"no {argument} file; set inputs.{argument} in the config, or name it", argument)
    if target(file).file_size() is None:
        there = target(file).exists()
        problem = "is no regular file, and it is read twice" if there else "no such file"
        raise InputError(f"{file}: {problem}; name the right one", argument)
    return file


class _HashingReader(io.RawIOBase):
    """Passes bytes on and remembers their hash, their number, and what a bgzip part ended with.

    after_bgzip: the bytes after the last end-of-file block of bgzip, up to the size of a header; None before.
    """

    def __init__(self, raw: BinaryIO, name: str) -> None:
        self._raw, self._name = raw, name
        self._hash = hashlib.sha256()
        self.size = 0
        self.after_bgzip: bytes | None = None
        self._tail = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        data = b""
        with reaching(self._name):  # so that a lost connection does not look like a damaged file
            # A pipe gives as few bytes as it likes, but the first ones tell what the file is.
            while len(data) < len(buffer) and (more := self._raw.read(len(buffer) - len(data))):
                data += more
        buffer[: len(data)] = data
        self._hash.update(data)
        self.size += len(data)
        self._look_for_end_of_bgzip(data)
        return len(data)

    def _look_for_end_of_bgzip(self, data: bytes) -> None:
        """Note where the last end-of-file block ends, which may straddle two reads."""
        seen = self._tail + data
        end = seen.rfind(BGZF_EMPTY_BLOCK)
        if end >= 0:
            self.after_bgzip = seen[end + len(BGZF_EMPTY_BLOCK) :][:BGZF_HEADER]
        elif self.after_bgzip is not None:
            self.after_bgzip = (self.after_bgzip + data)[:BGZF_HEADER]
        self._tail = seen[1 - len(BGZF_EMPTY_BLOCK) :]

    def input_file(self) -> InputFile:
        return InputFile(self.size, self._hash.hexdigest())


def _is_bgzip(header: bytes) -> bool:
    return header[:4] == b"\x1f\x8b\x08\x04" and header[12:14] == b"BC"


@dataclass(frozen=True)
class BedBlock:
    """Some consecutive intervals of a BED file.

    contig: UTF-8 bytes of column 1; start, end: int64 (rows,), bp, 0-based and half-open; columns: the
    requested columns after the third, UTF-8 bytes; line: int64 (rows,), line numbers from 1.
    """

    contig: list[bytes]
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    columns: list[list[bytes]]
    line: npt.NDArray[np.int64]


class BedReader:
    """A BED file, local or at a URL, as a stream of blocks; `-` is standard input.

    The first bytes tell whether it is plain, gzip, bgzip or xz.
    `columns` is the number of columns that every line must have (3 or more); further columns are ignored.
    `remedy` says what to do if a line has fewer, and `argument` is the parameter that this is about.
    After the last block, `input_file` says what was read.
    """

    def __init__(self, path: Location, columns: int, remedy: str = "", argument: str | None = None) -> None:
        self.name = "standard input" if str(path) == STANDARD_INPUT else str(path)
        self._path = path
        self._columns = columns
        self._remedy, self._argument = remedy and f"; {remedy}", argument
        self.input_file: InputFile | None = None
        self.bytes_read: Callable[[], int] = lambda: 0

    def fail(self, line: int, message: str, argument: str | None = None) -> InputError:
        """Return the error that names this file and `line`; `argument`: the parameter that fixes it."""
        return InputError(f"{self.name}, line {line}: {message}", argument)

    def _open(self) -> BinaryIO:
        if str(self._path) == STANDARD_INPUT:
            if sys.stdin is None:
                raise InputError("standard input is closed; name a file, or give the data through a pipe")
            return sys.stdin.buffer
        try:
            return target(self._path).open_bytes()
        except OSError as problem:
            raise InputError(f"{self.name}: cannot be read: {problem.strerror}") from None

    def __iter__(self) -> Iterator[BedBlock]:
        """Yield blocks of intervals; raise InputError at the first line that is not an interval."""
        with self._open() as raw:
            hashing = _HashingReader(raw, self.name)
            self.bytes_read = lambda: hashing.size
            rows = 0
            for first, lines in self._line_blocks(io.BufferedReader(hashing, 1 << 20), hashing):
                block = self._parse(first, lines)
                if len(block.line):
                    rows += len(block.line)
                    yield block
            if not rows:
                raise InputError(f"{self.name}: holds no intervals; expected tab-separated BED lines")
            self.input_file = hashing.input_file()

    def _line_blocks(
        self, buffered: io.BufferedReader, hashing: _HashingReader
    ) -> Iterator[tuple[int, list[bytes]]]:
        """Yield (number of the first line, lines), decompressed."""
        magic = buffered.peek(BGZF_HEADER)[:BGZF_HEADER]
        stream: io.BufferedReader = buffered
        if magic[:2] == b"\x1f\x8b":
            stream = io.BufferedReader(cast(io.RawIOBase, gzip.open(buffered)), 1 << 20)
        elif magic[:6] == b"\xfd7zXZ\x00":
            stream = io.BufferedReader(cast(io.RawIOBase, lzma.open(buffered)), 1 << 20)
        number = 1
        try:
            self._refuse_foreign(stream)
            while lines := stream.readlines(BYTES_PER_BLOCK):
                yield number, lines
                number += len(lines)
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as problem:
            raise InputError(
                f"{self.name}, after line {number - 1}: the compressed file is truncated or damaged "
                f"({problem}); fetch it again"
            ) from None
        # Members of gzip may follow one another. Those of bgzip end with a block of their own.
        if _is_bgzip(magic) and (hashing.after_bgzip is None or _is_bgzip(hashing.after_bgzip)):
            raise InputError(
                f"{self.name}, after line {number - 1}: the bgzip file is truncated "
                "(its end-of-file block is missing); fetch it again"
            )

    def _refuse_foreign(self, stream: io.BufferedReader) -> None:
        """Raise InputError if the text, decompressed, begins as another kind of file does."""
        start = stream.peek(TAR.stop)
        if start[TAR] == b"ustar":
            raise InputError(f"{self.name}: is a tar archive; extract it: tar -xOf FILE > new.bed")
        for magic, what, command in FOREIGN:
            if start.startswith(magic):
                remedy = f"; convert it: {command} > new.bed" if command else ""
                raise InputError(
                    f"{self.name}: is {what}; expected BED, plain or compressed by gzip, bgzip or xz{remedy}"
                )

    def _refuse_lone_returns(self, first: int, lines: list[bytes]) -> None:
        """Raise InputError for a carriage return within a line: it ends a line on old systems, not here."""
        returns = b"".join(lines).count(b"\r")
        if not returns or returns == sum(line.endswith(b"\r\n") for line in lines):
            return
        at = next((at for at, line in enumerate(lines) if b"\r" in line.removesuffix(b"\n")[:-1]), None)
        if at is not None:
            raise self.fail(
                first + at,
                "a carriage return stands within the line; if lines end with carriage returns alone, "
                "convert them: tr '\\r' '\\n' < FILE > new.bed",
            )

    def _parse(self, first: int, lines: list[bytes]) -> BedBlock:
        self._refuse_lone_returns(first, lines)
        if first == 1 and lines[0].startswith(BYTE_ORDER_MARK):
            lines[0] = lines[0].removeprefix(BYTE_ORDER_MARK)
        count = self._columns
        is_data = [
            line[:1] not in MAYBE_NO_DATA or bool(line.strip() and not HEADER.match(line)) for line in lines
        ]
        numbers = first + np.flatnonzero(is_data)
        # One flat list, because the garbage collector would walk a list per line again and again.
        fields = [
            field
            for line in compress(lines, is_data)
            for field in line.rstrip(b"\r\n").split(b"\t", count)[:count]
        ]
        if len(fields) < count * len(numbers):
            found = (line.rstrip(b"\r\n").count(b"\t") + 1 for line in compress(lines, is_data))
            number, columns_found = next(pair for pair in zip(numbers, found, strict=True) if pair[1] < count)
            raise self.fail(
                int(number),
                f"{columns_found} tab-separated columns; expected at least {count} "
                f"({', '.join(('contig', 'start', 'end', 'name', 'score')[:count])}){self._remedy}",
                self._argument,
            )
        contig, start, end, *columns = (fields[column::count] for column in range(count))
        starts = self._coordinates(start, numbers, "start")
        ends = self._coordinates(end, numbers, "end")
        reversed_ = np.flatnonzero(ends <= starts)
        if reversed_.size:
            at = reversed_[0]
            raise self.fail(
                numbers[at], f"start {starts[at]}, end {ends[at]}; expected an end greater than the start"
            )
        return BedBlock(contig, starts, ends, columns, numbers)

    def _coordinates(
        self, texts: list[bytes], numbers: npt.NDArray[np.int64], what: str
    ) -> npt.NDArray[np.int64]:
        if all(map(bytes.isdigit, texts)) and (not texts or max(map(len, texts)) <= MAX_DIGITS):
            return np.fromiter(map(int, texts), np.int64, len(texts))
        at = next(i for i, text in enumerate(texts) if not text.isdigit() or len(text) > MAX_DIGITS)
        found = texts[at].decode(errors="replace")
        raise self.fail(numbers[at], f"{what} {quoted(found)}; expected a whole number of bp, 0 or more")

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
