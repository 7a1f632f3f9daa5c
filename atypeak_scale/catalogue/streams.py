"""Input files as streams of plain bytes: what identifies them, and what they are compressed by."""

import hashlib
import io
import lzma
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from isal import igzip_threaded, isal_zlib

from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location, is_url, local_path
from atypeak_scale.storage.targets import target
from atypeak_scale.storage.url import reaching

STANDARD_INPUT = "-"
GZIP, XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
# Parallel compressors begin with a frame that is to be skipped.
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([number, 0x2A, 0x4D, 0x18]) for number in range(0x50, 0x60)))
BIGBED = b"\xeb\xf2\x89\x87", b"\x87\x89\xf2\xeb"  # of either byte order
# What other files begin with, what they are, and what makes BED lines of them.
FOREIGN = (
    (b"BZh", "bzip2", "bzcat FILE"),
    (b"PK\x03\x04", "a zip archive", "unzip -p FILE"),
    (b"\xff\xfe", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "UTF-16 text", "iconv -f UTF-16 -t UTF-8 FILE"),
    *((magic, "bigBed", "bigBedToBed FILE /dev/stdout") for magic in BIGBED),
    (b"\x26\xfc\x8f\x88", "bigWig", ""),
    (b"\x88\x8f\xfc\x26", "bigWig", ""),
    (b"PAR1", "Parquet", ""),
)
TAR = slice(257, 262)  # where tar archives say `ustar`
BGZF_HEADER = 18  # bytes
BGZF_EMPTY_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
BUFFER = 1 << 20


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


def is_pipe(file: Location) -> bool:
    """Return whether a file can be read only once, and only by this process."""
    if str(file) == STANDARD_INPUT:
        return True
    if is_url(file):
        return False
    path = local_path(file)
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_pipe(file: Location, is_elsewhere: bool) -> None:
    """Raise InputError for a pipe that tasks elsewhere, in other processes, would have to read."""
    if is_elsewhere and is_pipe(file):
        raise InputError(f"{name_of(file)}: is a pipe, which no worker can read; give it as a file")


def refuse_repeated(files: Sequence[Location]) -> None:
    """Raise InputError if a file is named twice, whatever its names."""
    known = set()
    for file in files:
        place = place_of(file)
        if place in known:
            raise InputError(f"{file}: is named twice, and its peaks would count twice; name it once")
        known.add(place)


def place_of(file: Location) -> str:
    """Return what is the same for all names of a file: where it leads, unless it is a URL or a pipe."""
    is_local = not is_url(file) and str(file) != STANDARD_INPUT
    return str(local_path(file).resolve() if is_local else file)


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


def is_bgzip(header: bytes) -> bool:
    """Return whether a file that begins so, with BGZF_HEADER bytes, is bgzip."""
    return header[:4] == b"\x1f\x8b\x08\x04" and header[12:14] == b"BC"


def name_of(path: Location) -> str:
    """Return what messages call a file."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


@contextmanager
def opened(path: Location) -> Iterator["PlainStream"]:
    """Open a file, local or at a URL, or standard input, to be read once.

    Raises
    ------
    InputError
        If it cannot be opened, or is of another kind than text, plain or compressed.

    """
    with ExitStack() as stack, _raw(path) as raw:
        yield PlainStream(_HashingReader(raw, name_of(path)), name_of(path), stack)


def _raw(path: Location) -> BinaryIO:
    if str(path) == STANDARD_INPUT:
        if sys.stdin is None:
            raise InputError("standard input is closed; name a file, or give the data through a pipe")
        return sys.stdin.buffer
    try:
        return target(path).open_bytes()
    except OSError as problem:
        raise InputError(f"{path}: cannot be read: {problem.strerror}") from None


class PlainStream:
    """The decompressed bytes of a file. Its first bytes tell whether it is plain, gzip, bgzip, xz or zstd.

    stack: what is to be closed at the end.
    """

    def __init__(self, hashing: _HashingReader, name: str, stack: ExitStack) -> None:
        self._hashing, self.name = hashing, name
        buffered = io.BufferedReader(hashing, BUFFER)
        self._magic = buffered.peek(BGZF_HEADER)[:BGZF_HEADER]
        self.lines = 0  # that the reader has seen, for messages
        with self._damage():
            self._stream = _decompressed(buffered, self._magic, stack)
            self._refuse_foreign()

    def read(self, size: int) -> bytes:
        """Return so many decompressed bytes; fewer at the end.

        Raises
        ------
        InputError
            If the compressed file is damaged or truncated.

        """
        with self._damage():
            data = self._stream.read(size)
        if len(data) < size:
            self._refuse_truncated_bgzip()
        return data

    @property
    def is_plain(self) -> bool:
        """Whether the file is not compressed."""
        return not self._magic.startswith((GZIP, XZ, *ZSTD))

    @property
    def is_bgzip(self) -> bool:
        """Whether the file begins as bgzip."""
        return is_bgzip(self._magic)

    @property
    def bytes_read(self) -> int:
        """Bytes of the file, as it is stored, that were read."""
        return self._hashing.size

    def input_file(self) -> InputFile:
        """Return what identifies the file, once all of it was read."""
        return self._hashing.input_file()

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, OSError, zlib.error, lzma.LZMAError, isal_zlib.error) as problem:  # type: ignore[misc]
            raise InputError(
                f"{self.name}, after line {self.lines}: the compressed file is truncated or damaged "
                f"({problem}); fetch it again"
            ) from None

    def _refuse_foreign(self) -> None:
        """Raise InputError if the text, decompressed, begins as another kind of file does."""
        start = self._stream.peek(TAR.stop)
        if start[TAR] == b"ustar":
            raise InputError(f"{self.name}: is a tar archive; extract it: tar -xOf FILE > new.bed")
        for magic, what, command in FOREIGN:
            if start.startswith(magic):
                remedy = f"; convert it: {command} > new.bed" if command else ""
                raise InputError(
                    f"{self.name}: is {what}; expected BED, plain or compressed by gzip, bgzip, xz or "
                    f"zstd{remedy}"
                )

    def _refuse_truncated_bgzip(self) -> None:
        # Members of gzip may follow one another. Those of bgzip end with a block of their own.
        after = self._hashing.after_bgzip
        if is_bgzip(self._magic) and (after is None or is_bgzip(after)):
            raise InputError(
                f"{self.name}, after line {self.lines}: the bgzip file is truncated "
                "(its end-of-file block is missing); fetch it again"
            )


class _XzReader(io.RawIOBase):
    """The text of xz streams that follow one another; the standard library ignores what is none."""

    def __init__(self, packed: io.BufferedReader) -> None:
        self._packed, self._decompressor = packed, lzma.LZMADecompressor(lzma.FORMAT_XZ)
        self._ahead = b""  # of the next stream, that was read with the last one

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        while True:
            if self._decompressor.eof and not self._begin_next():
                return 0
            packed = b""
            if self._decompressor.needs_input:
                packed, self._ahead = self._ahead or self._packed.read(BUFFER), b""
            if not packed and self._decompressor.needs_input:
                raise EOFError("Compressed file ended before the end-of-stream marker was reached")
            data = self._decompressor.decompress(packed, len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)

    def _begin_next(self) -> bool:
        """Go on with the next stream, after zeros that pad the last one; return False if there is none."""
        packed = self._decompressor.unused_data.lstrip(b"\0")
        while not packed:
            more = self._packed.read(BUFFER)
            if not more:
                return False
            packed = more.lstrip(b"\0")
        self._decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        self._ahead = packed
        return True


def _decompressed(buffered: Any, magic: bytes, stack: ExitStack) -> io.BufferedReader:
    stream: Any = buffered
    if magic.startswith(GZIP):
        # Decompression runs beside parsing, in a thread.
        stream = stack.enter_context(igzip_threaded.open(buffered, "rb", threads=1))  # type: ignore[no-untyped-call]
    elif magic.startswith(XZ):
        stream = io.BufferedReader(_XzReader(buffered), BUFFER)
    elif magic.startswith(ZSTD):
        import pyarrow as pa

        file = pa.PythonFile(buffered, mode="r")
        stream = io.BufferedReader(cast(io.RawIOBase, pa.CompressedInputStream(file, "zstd")), BUFFER)
    return cast(io.BufferedReader, stream)
