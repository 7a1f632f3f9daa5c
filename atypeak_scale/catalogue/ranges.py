"""Ranges of a BED file that tasks read side by side: of bytes, or of bgzip blocks.

A range gives the lines that begin in it: it leaves out what comes before its first line end, unless it is
the first range, and goes on beyond its end to the next line end.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from isal import igzip, isal_zlib

from atypeak_scale.catalogue.bed import LONGEST_LINE, BedBlock, BedReader
from atypeak_scale.catalogue.streams import BGZF_EMPTY_BLOCK, BGZF_HEADER, is_bgzip, is_pipe, opened
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location, is_url, local_path
from atypeak_scale.storage.targets import target

BYTES_PER_RANGE = 256 << 20  # of text
BGZIP_BYTES_PER_RANGE = 48 << 20
CHUNK = 1 << 23
EVERYTHING = 1 << 62


@dataclass(frozen=True)
class FileRange:
    """Bytes [start, stop) of a file as it is stored; without a stop, the file is one stream."""

    path: Location
    start: int = 0
    stop: int | None = None


def ranges_of(path: Location) -> list[FileRange]:
    """Cut a file into ranges if it is plain text or bgzip on this machine; otherwise it is one range."""
    if is_pipe(path):  # which can be opened only once
        return [FileRange(path)]
    with opened(path) as stream:  # names other kinds of files
        is_plain, of_bgzip = stream.is_plain, stream.is_bgzip
    if is_url(path):
        return [FileRange(path)]
    size = target(path).file_size() or 0
    if is_plain:
        starts = list(range(0, size, BYTES_PER_RANGE))
    elif of_bgzip:
        starts = _bgzip_starts(local_path(path))
    else:
        starts = [0]
    if len(starts) < 2:
        return [FileRange(path)]
    return [FileRange(path, a, b) for a, b in zip(starts, [*starts[1:], size], strict=True)]


def _bgzip_starts(path: Path) -> list[int]:
    """Return where blocks begin, about BGZIP_BYTES_PER_RANGE apart; [0] if not all of the file is bgzip."""
    starts, at, size = [0], 0, path.stat().st_size
    with path.open("rb") as file:
        file.seek(-len(BGZF_EMPTY_BLOCK), os.SEEK_END)
        if file.read() != BGZF_EMPTY_BLOCK:
            return [0]  # truncated: whoever reads it as one stream says so
        while at < size:
            length = _block_length(file, at)
            if length is None:
                return [0]
            if at - starts[-1] >= BGZIP_BYTES_PER_RANGE:
                starts.append(at)
            at += length
    return starts


def _block_length(file: BinaryIO, at: int) -> int | None:
    file.seek(at)
    header = file.read(BGZF_HEADER)
    return int.from_bytes(header[16:18], "little") + 1 if is_bgzip(header) else None


def reader_of(one: FileRange, columns: int) -> BedReader:
    """Return the reader of a range."""
    if one.stop is None:
        return BedReader(one.path, columns)
    return RangeReader(one, columns)


class RangeReader(BedReader):
    """A range of a BED file as a stream of blocks. Lines are counted only if an error must name one."""

    def __init__(self, one: FileRange, columns: int) -> None:
        super().__init__(one.path, columns)
        self._range, self._file = one, local_path(one.path)

    def fail(self, line: int, message: str, argument: str | None = None) -> InputError:
        """Return the error that names this file and the line, counted from the start of the range."""
        return super().fail(line + self._lines_before(), message, argument)

    def _lines_before(self) -> int:
        """Return the number of line ends up to the first line of the range."""
        if not self._range.start:
            return 0
        with self._file.open("rb") as file:
            # The range before this one ends with the line end that this one leaves out.
            ends = sum(data.count(b"\n") for data in self._text(file, 0, self._range.start))
            return ends + self._up_to_line_end(file, self._range.start).count(b"\n")

    def __iter__(self) -> Iterator[BedBlock]:
        """Yield blocks of intervals; raise InputError at the first line that is not an interval."""
        with self._file.open("rb") as file:
            number = 1
            for lines in self._line_blocks(file):
                block = self._parse(number, lines)
                number += lines.count(b"\n")
                if len(block.line):
                    yield block

    def _line_blocks(self, file: BinaryIO) -> Iterator[bytes]:
        start, stop = self._range.start, self._range.stop or 0
        is_inside = not start  # whether the line end before the first line was seen
        rest = b""
        for data in self._text(file, start, stop):
            begin = 0 if is_inside else data.find(b"\n") + 1
            if not is_inside and not begin:
                continue
            is_inside = True
            end = data.rfind(b"\n") + 1
            if end > begin:
                yield rest + data[begin:end]
                rest = data[end:]
            else:
                rest += data[begin:]
        if is_inside:
            last = rest + self._up_to_line_end(file, stop)
            if last:
                yield last

    def _up_to_line_end(self, file: BinaryIO, start: int) -> bytes:
        """Return what follows a byte up to the first line end, or all of it."""
        found = b""
        for data in self._text(file, start, EVERYTHING):
            end = data.find(b"\n") + 1
            if end:
                return found + data[:end]
            found += data
            if len(found) > LONGEST_LINE:
                raise InputError(f"{self.name}: has a line longer than {LONGEST_LINE:,} bytes; is it BED?")
        return found

    def _text(self, file: BinaryIO, start: int, stop: int) -> Iterator[bytes]:
        """Yield the text of bytes [start, stop) of the file, decompressed."""
        file.seek(0)
        of_bgzip = is_bgzip(file.read(BGZF_HEADER))
        at = start
        while at < stop:
            if of_bgzip:
                packed, at = _blocks(file, at, stop)
                data = _inflated(self.name, packed)
            else:
                file.seek(at)
                data = file.read(min(CHUNK, stop - at))
                at += len(data)
            if not data and not (of_bgzip and packed):  # an empty block is not the end
                return
            yield data


def _blocks(file: BinaryIO, at: int, stop: int) -> tuple[bytes, int]:
    """Return some whole bgzip blocks from `at`, and where they end; nothing at the end of the file."""
    end = at
    while end < stop and end - at < CHUNK // 8:
        length = _block_length(file, end)
        if length is None:
            break
        end += length
    file.seek(at)
    return file.read(end - at), end


def _inflated(name: str, packed: bytes) -> bytes:
    try:
        return bytes(igzip.decompress(packed))  # type: ignore[no-untyped-call]
    except (EOFError, OSError, isal_zlib.error) as problem:  # type: ignore[misc]
        raise InputError(f"{name}: the compressed file is damaged ({problem}); fetch it again") from None
