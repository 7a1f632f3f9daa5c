"""bigBed and bigWig files, written one block at a time.

pybigtools pulls what it writes from an iterator, so it runs in a thread that waits for the next block. It
prints its errors instead of raising them, and leaves the header of a file empty that it could not write; so
the header is looked at. It calls all fields of a bigBed file those of BED.
"""

import errno
import struct
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import Full, Queue
from typing import Any

BIGBED, BIGWIG = 0x8789F2EB, 0x888FFC26
MAGIC = struct.Struct("<I")
DEFINED_FIELDS = struct.Struct("<H")
DEFINED_FIELDS_AT = 34  # bytes from the start: magic, version, zoom levels, three offsets, number of fields
Row = tuple[Any, ...]


class BigFile:
    """A new bigBed file (with `autosql`) or bigWig file (without); it is complete after `finish`.

    defined_fields: how many fields of a bigBed file are those of BED.
    """

    def __init__(
        self, file: Path, sizes: Mapping[str, int], autosql: str | None = None, defined_fields: int = 0
    ) -> None:
        self._file, self._sizes = file, dict(sizes)
        self._autosql, self._defined_fields = autosql, defined_fields
        self._waiting: Queue[list[Row] | None] = Queue(1)
        self._thread: ThreadPoolExecutor | None = None
        self._written: Future[None] | None = None

    def put(self, rows: Iterable[Row]) -> None:
        """Append rows in genome order: (contig, start, end, rest), or a value in place of the rest."""
        if block := list(rows):
            if self._written is None:
                self._thread = ThreadPoolExecutor(1)
                self._written = self._thread.submit(self._write)
            self._send(block)

    def finish(self) -> None:
        """Complete the file; raise OSError if it could not be written."""
        self.close()
        if self._written is not None:
            self._written.result()
        magic = MAGIC.pack(BIGWIG if self._autosql is None else BIGBED)
        with self._file.open("r+b") as file:
            if file.read(MAGIC.size) != magic:
                raise OSError(errno.EIO, "was not written; is there room on the disk?", str(self._file))
            if self._autosql is not None:
                file.seek(DEFINED_FIELDS_AT)
                file.write(DEFINED_FIELDS.pack(self._defined_fields))

    def close(self) -> None:
        """Stop, whether the file is complete or not."""
        if self._thread is not None:
            self._send(None)
            self._thread.shutdown()
            self._thread = None

    def _send(self, block: list[Row] | None) -> None:
        while self._written is not None and not self._written.done():
            try:
                return self._waiting.put(block, timeout=0.2)
            except Full:  # it is busy, or has failed
                continue
        return None

    def _rows(self) -> Iterator[Row]:
        while (block := self._waiting.get()) is not None:
            yield from block

    def _write(self) -> None:
        import pybigtools

        try:
            out = pybigtools.open(str(self._file), "w")
            out.write(self._sizes, self._rows(), *([] if self._autosql is None else [self._autosql]))
        except Exception as problem:  # its errors have no class of their own
            raise OSError(errno.EIO, str(problem), str(self._file)) from None
