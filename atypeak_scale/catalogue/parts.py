"""The rows of peak files, read once and left on disk in parts, each sorted by cell line.

A task reads a range of a file and writes a part for every ROWS_PER_PART rows: records, and beside them what
their codes mean and where each cell line is.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.aliases import Aliases
from atypeak_scale.catalogue.bed import BedBlock, BedReader
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.folder import EXTRA
from atypeak_scale.catalogue.names import CONVENTIONS, Source, recognised_convention
from atypeak_scale.catalogue.peak_names import MOST_NAMES, too_many_names
from atypeak_scale.catalogue.ranges import FileRange, reader_of
from atypeak_scale.catalogue.records import in_order
from atypeak_scale.catalogue.repeats import repeated
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.execution.progress import Event, tell
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target

ROWS_PER_PART = 2_000_000
# source: code of (dataset, TR, cell line) within the part.
PLACE = [("start", np.int64), ("end", np.int64), ("contig", np.int32), ("source", np.int32)]
SHOWN = 100  # names that show which convention a file follows


def place_dtype(extra: Sequence[str] = ()) -> np.dtype[np.void]:
    """Return the dtype of the records of a part, with further columns, of EXTRA."""
    return np.dtype([*PLACE, *((name, EXTRA[name]) for name in extra)])


@dataclass(frozen=True)
class ReadTask:
    """A range of a file to read into parts in a folder; number: of the task.

    convention: of the names; None recognises it from the first of them.
    """

    range: FileRange
    folder: Path
    number: int
    convention: str | None
    aliases: Aliases

    @property
    def path(self) -> Location:
        """The file."""
        return self.range.path

    @property
    def settings(self) -> Any:
        """What the parts depend on, beside the content of the file."""
        return [self.range.start, self.range.stop, self.convention, self.aliases.means]


@dataclass(frozen=True)
class ReadReceipt:
    """What a task read.

    input_file: if it read the whole of a file; convention: of its names, None if it read no names.
    """

    rows: int
    parts: int
    input_file: InputFile | None
    convention: str | None = None


@dataclass(frozen=True)
class Part:
    """A part on disk, a file of records (`place_dtype`).

    contigs: by code; names: (dataset, TR, cell line) by code; counts: number of peaks by code of a name;
    at: first row of each cell line, and the one after the last.
    """

    file: Path
    contigs: list[str]
    names: list[tuple[str, str, str]]
    counts: list[int]
    at: dict[str, tuple[int, int]]


def convention_of(path: FileRange) -> str:
    """Return the convention that the first names of a file follow."""
    for block in reader_of(path, 4):
        return _convention_of(block)
    return next(iter(CONVENTIONS))


def _convention_of(block: BedBlock) -> str:
    return recognised_convention([name.decode(errors="replace") for name in block.columns[0].values[:SHOWN]])


def read_parts(task: ReadTask) -> ReadReceipt:
    """Read a range and write its parts; a task that was done before is not done again.

    Raises
    ------
    InputError
        If a line is not a peak; the error names it.

    """
    known = known_receipt(task.folder, task.number)
    if known is not None:
        return known
    reader = reader_of(task.range, 4)
    contigs, names = ContigNames(), _Names(task)
    rows, parts, waiting = 0, 0, []
    size = target(task.range.path).file_size() if task.range.stop is None else None
    for block in reader:
        if size:  # one stream, which may take minutes
            tell(Event("read bytes", min(reader.bytes_read(), size - 1), size))
        rows += len(block.line)
        waiting.append(names.places(reader, block, contigs.encode(reader, block)))
        if sum(map(len, waiting)) >= ROWS_PER_PART:
            write_part(task.folder, (task.number, parts), np.concatenate(waiting), contigs.names, names.known)
            parts, waiting = parts + 1, []
    if waiting:
        write_part(task.folder, (task.number, parts), np.concatenate(waiting), contigs.names, names.known)
        parts += 1
    if size:
        tell(Event("read bytes", size, size))
    receipt = ReadReceipt(rows, parts, reader.input_file, names.convention)
    write_receipt(task.folder, task.number, receipt)
    return receipt


def known_receipt(folder: Path, number: int) -> ReadReceipt | None:
    """Return what a task read that was done before."""
    try:
        values = json.loads(_receipt(folder, number).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    identity = values.pop("input_file")
    return ReadReceipt(**values, input_file=identity and InputFile(**identity))


def write_receipt(folder: Path, number: int, receipt: ReadReceipt) -> None:
    """Say that all parts of a task are there."""
    file = _receipt(folder, number)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(asdict(receipt)), encoding="utf-8")
    partial.rename(file)


def _receipt(folder: Path, number: int) -> Path:
    return folder / f"read-{number:05d}.json"


class _Names:
    """Codes of the names of a file: each distinct one is parsed once."""

    def __init__(self, task: ReadTask) -> None:
        self.convention, self._aliases = task.convention, task.aliases
        self._codes: dict[bytes, tuple[int, ...]] = {}
        self._known: dict[tuple[str, str, str], int] = {}

    @property
    def known(self) -> list[tuple[str, str, str]]:
        """(dataset, TR, cell line) by code."""
        return list(self._known)

    def places(
        self, reader: BedReader, block: BedBlock, contig: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.void]:
        """Return the rows of a block as PLACE records: as many for a row as its name has cell lines."""
        column = block.columns[0]
        self.convention = self.convention or _convention_of(block)
        found = [
            self._codes.get(name) or self._read(reader, block, number)
            for number, name in enumerate(column.values)
        ]
        sources = np.fromiter(chain.from_iterable(found), np.int32)
        count = np.fromiter(map(len, found), np.int64, len(found))
        row, place = repeated(count[column.codes])
        places = np.empty(len(row), place_dtype())
        places["start"], places["end"] = block.start[row], block.end[row]
        places["contig"] = contig[row]
        places["source"] = sources[(np.cumsum(count) - count)[column.codes[row]] + place]
        return places

    def _read(self, reader: BedReader, block: BedBlock, number: int) -> tuple[int, ...]:
        """Read a name that is new, by its number among those of the block; return its codes."""
        name, line = block.columns[0].values[number], int(block.line[block.columns[0].first_row(number)])
        if len(self._codes) == MOST_NAMES:
            raise too_many_names(reader, line, MOST_NAMES, self.convention or "")
        try:
            found = CONVENTIONS[self.convention or ""](reader.text(name, line))
        except ValueError as problem:
            raise reader.fail(line, str(problem)) from None
        # Aliases may make two cell lines of a name one, and the peak is still a single one.
        codes = dict.fromkeys(self._code(source, cell_line) for source, cell_line in found)
        self._codes[name] = tuple(codes)
        return self._codes[name]

    def _code(self, source: Source, cell_line: str) -> int:
        return self._known.setdefault(self._aliases.of(source, cell_line), len(self._known))


def write_part(
    folder: Path,
    number: tuple[int, int],
    places: npt.NDArray[np.void],
    contigs: list[str],
    known: list[tuple[str, str, str]],
) -> None:
    """Write a part, numbered by its task and within it: sorted by cell line, then what its codes mean."""
    lines = sorted({cell_line for *_, cell_line in known})
    code = {cell_line: number for number, cell_line in enumerate(lines)}
    of_name = np.array([code[cell_line] for *_, cell_line in known], np.int32)
    line = of_name[places["source"]]
    if len(lines) < 1 << 16:
        line = line.astype(np.uint16)  # which NumPy sorts in linear time
    counts = np.bincount(line, minlength=len(lines))
    stops = np.cumsum(counts)
    file = _part(folder, *number)
    in_order(places, np.argsort(line, kind="stable")).tofile(file)
    at = {
        name: (int(stop - count), int(stop))
        for name, count, stop in zip(lines, counts, stops, strict=True) if count
    }  # fmt: skip
    of_names = np.bincount(places["source"], minlength=len(known)).tolist()
    values = {"contigs": contigs, "names": known, "counts": of_names, "at": at}
    file.with_suffix(".json").write_text(json.dumps(values), encoding="utf-8")


def _part(folder: Path, task: int, part: int) -> Path:
    return folder / f"part-{task:05d}-{part:05d}"


def parts_in(folder: Path, receipts: list[ReadReceipt]) -> Iterator[Part]:
    """Yield the parts that tasks, numbered from 0, have written."""
    for number, receipt in enumerate(receipts):
        for part in range(receipt.parts):
            file = _part(folder, number, part)
            values: dict[str, Any] = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            names = [(a, b, c) for a, b, c in values["names"]]
            at = {name: (start, stop) for name, (start, stop) in values["at"].items()}
            yield Part(file, values["contigs"], names, values["counts"], at)


def peaks_by_source(parts: list[Part]) -> dict[str, Counter[Source]]:
    """Return the number of peaks of every source of every cell line."""
    found: dict[str, Counter[Source]] = {}
    for part in parts:
        for (dataset, tr, cell_line), count in zip(part.names, part.counts, strict=True):
            if count:
                found.setdefault(cell_line, Counter())[dataset, tr] += count
    return found
