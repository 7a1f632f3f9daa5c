"""Make a catalogue folder: read parts, then sort the peaks of every cell line into a file of its own."""

import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.contigs import MOST_CONTIGS
from atypeak_scale.catalogue.folder import (
    CATALOGUE,
    EXTRA,
    PEAKS,
    Catalogue,
    CatalogueLine,
    LineWriter,
    open_catalogue,
)
from atypeak_scale.catalogue.names import Source
from atypeak_scale.catalogue.parts import (
    Part,
    ReadReceipt,
    parts_in,
    peaks_by_source,
    place_dtype,
)
from atypeak_scale.catalogue.peak_names import MOST_NAMES
from atypeak_scale.catalogue.records import in_order
from atypeak_scale.catalogue.streams import InputFile, identify, is_pipe
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.atomic import already_exists, new_folder, real, refuse_unwritable
from atypeak_scale.storage.locations import Location, is_url, local_path
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.targets import target

WORK = ".work"
SETTINGS = ".settings"  # of a folder that is not finished
CODES = ".npz"
ROWS_AT_ONCE = 4_000_000  # of a cell line, sorted in memory; one with more is sorted contig by contig
LONGEST_NAME = 80
MOST_OPEN = 256  # parts whose codes are kept in memory


class Reading(Protocol):
    """A task that reads a file, or a range of one, into parts."""

    @property
    def number(self) -> int:
        """Its place among all tasks."""

    @property
    def path(self) -> Location:
        """The file."""

    @property
    def settings(self) -> Any:
        """What the parts depend on, beside the content of the file."""


@dataclass(frozen=True)
class Slice:
    """Rows [start, stop) of a part."""

    part: Path
    start: int
    stop: int


@dataclass(frozen=True)
class LineTask:
    """A cell line to sort into its file; contigs, sources: what the codes in the file mean."""

    file: Path
    peaks: int
    contigs: list[str]
    sources: list[Source]
    slices: list[Slice]
    extra: tuple[str, ...]


@dataclass(frozen=True)
class Assembly:
    """What a catalogue is made of: how its names were spelled, the tasks that read, and what does them.

    convention: None if those who read recognise it; extra: further columns of the peaks, of EXTRA.
    """

    convention: str | None
    tasks: Sequence[Reading]
    read: Callable[[Any], ReadReceipt]
    extra: tuple[str, ...] = ()

    @property
    def files(self) -> list[Location]:
        """The files that are read, each once."""
        return list(dict.fromkeys(task.path for task in self.tasks))

    def settings(self) -> str:
        """Return what tells this assembly from another one."""
        files = [[str(path), _version(path)] for path in self.files]
        return fingerprint([files, [task.settings for task in self.tasks]])

    def convention_of(self, receipts: Sequence[ReadReceipt]) -> str:
        """Return how names were spelled; raise InputError if files differ."""
        found = {self.convention} if self.convention else {receipt.convention for receipt in receipts}
        if len(found) > 1:
            files = ", ".join(map(str, self.files))
            raise InputError(f"{files}: spell names as {' and as '.join(map(str, found))}", "convention")
        return str(found.pop())


def _version(path: Location) -> Any:
    """Return what tells a file from what it was before; nothing tells a pipe from another one."""
    if is_pipe(path):
        return uuid4().hex
    size = target(path).file_size()
    return size if is_url(path) else (size, local_path(path).stat().st_mtime_ns)


def folder_for(out: Location) -> Path:
    """Return the folder to fill, which is new, or was left unfinished.

    Raises
    ------
    InputError
        If it is another folder, or cannot be written.

    """
    folder = real(local_path(out))
    if folder.exists() and not (folder / SETTINGS).is_file():
        raise already_exists(out, "folder")
    refuse_unwritable(folder, str(out))
    return folder


def assemble(folder: Path, assembly: Assembly, executor: Executor) -> Catalogue:
    """Read all files and sort the peaks of every cell line; go on with what is there already."""
    with sole_writer(folder, "catalogue"):
        _prepare(folder, assembly.settings())
        if not (folder / CATALOGUE).exists():
            try:
                _make(folder, assembly, executor)
            except InputError:
                # What is wrong with a file must change; a URL that cannot be reached may be there next time.
                if not any(map(is_url, assembly.files)):
                    shutil.rmtree(folder, ignore_errors=True)
                raise
        _remove_work(folder)
        return open_catalogue(folder)


def _make(folder: Path, assembly: Assembly, executor: Executor) -> None:
    """Fill the folder, and write catalogue.json last."""
    work = folder / WORK
    for task in assembly.tasks:
        if executor.is_elsewhere and is_pipe(task.path):  # which no other process has
            assembly.read(task)
    done = executor.map(assembly.read, assembly.tasks, "read peaks")
    found = {task.number: receipt for task, receipt in done}
    receipts = [found[task.number] for task in assembly.tasks]
    rows = sum(receipt.rows for receipt in receipts)
    if not rows:
        files = ", ".join(map(str, assembly.files))
        raise InputError(f"{files}: no intervals; expected tab-separated BED lines")
    convention = assembly.convention_of(receipts)
    lines = _sort(folder, work, receipts, assembly.extra, executor)
    Catalogue(folder, convention, _inputs(assembly, receipts), rows, lines).write()


def _prepare(folder: Path, settings: str) -> None:
    """Make the folder with all that says what it will hold, or keep that which a stopped run left."""
    known = folder / SETTINGS
    if not folder.exists():
        with new_folder(folder) as new:
            (new / PEAKS).mkdir()
            (new / WORK).mkdir()
            (new / SETTINGS).write_text(settings, encoding="utf-8")
    elif not (known.exists() and known.read_text(encoding="utf-8") == settings):
        if (folder / CATALOGUE).exists():  # another process has finished it in the meantime
            raise already_exists(folder, "folder")
        raise InputError(
            f"{folder}: holds an unfinished catalogue of other files or settings; remove it or name another "
            "folder"
        )


def _remove_work(folder: Path) -> None:
    """Remove what a finished catalogue needs no more: last, what says that the same command may go on."""
    if (folder / WORK).exists():
        shutil.rmtree(folder / WORK)
    (folder / SETTINGS).unlink()


def _sort(
    folder: Path, work: Path, receipts: list[ReadReceipt], extra: tuple[str, ...], executor: Executor
) -> list[CatalogueLine]:
    parts = list(parts_in(work, receipts))
    contigs = sorted({contig for part in parts for contig in part.contigs})
    by_source = peaks_by_source(parts)
    _refuse_many(len(contigs), sum(map(len, by_source.values())))
    slices: defaultdict[str, list[Slice]] = defaultdict(list)
    for part in parts:
        for name, rows in part.at.items():
            slices[name].append(Slice(part.file, *rows))
    _write_codes(parts, contigs, {name: sorted(of_line) for name, of_line in by_source.items()})
    lines, sorting = [], []
    for number, (name, of_line) in enumerate(sorted(by_source.items()), 1):
        # Numbered, because file systems may not tell upper from lower case.
        file = f"{PEAKS}/{number:04d}-{quote(name, safe='+ ')[:LONGEST_NAME]}.parquet"
        lines.append(CatalogueLine(name, file, of_line.total(), len(of_line)))
        sources = sorted(of_line)
        sorting.append(LineTask(folder / file, of_line.total(), contigs, sources, slices[name], extra))
    executor.run(sort_line, sorting, "sort cell lines")
    return lines


def _refuse_many(contigs: int, names: int) -> None:
    """Raise InputError for what is too much of all files together, as their readers do for that of one."""
    for found, most, what in ((contigs, MOST_CONTIGS, "contigs"), (names, MOST_NAMES, "names")):
        if found > most:
            raise InputError(f"{found:,} different {what}; expected at most {most:,}, of one genome")


def _write_codes(parts: list[Part], contigs: list[str], sources: dict[str, list[Source]]) -> None:
    """Write, beside each part, what its codes of contigs and names are in the files of cell lines."""
    contig_code = {name: number for number, name in enumerate(contigs)}
    source_code = {
        (*source, cell_line): number
        for cell_line, of_line in sources.items() for number, source in enumerate(of_line)
    }  # fmt: skip
    for part in parts:
        np.savez(
            part.file.with_suffix(CODES),
            contig=np.array([contig_code[name] for name in part.contigs], np.int32),
            # A name that is not in this part may be in none: it was seen in another part of the same task.
            source=np.array([source_code.get(name, -1) for name in part.names], np.int32),
        )


def _inputs(assembly: Assembly, receipts: list[ReadReceipt]) -> list[InputFile]:
    """Return what identifies every file, in an order that does not depend on that of the files."""
    known = {}
    for task, receipt in zip(assembly.tasks, receipts, strict=True):
        if task.path not in known:
            known[task.path] = receipt.input_file or identify(task.path)
    return sorted(known.values(), key=lambda file: (file.sha256, file.size))


def sort_line(task: LineTask) -> None:
    """Write the file of a cell line, if it is not there."""
    if task.file.exists():
        return
    writer = LineWriter(task.file, task.contigs, task.sources, task.extra)
    for first, last in _some_contigs(task):
        writer.append(_sorted(_gathered(task, first, last)))
    writer.close()


def _some_contigs(task: LineTask) -> list[tuple[int, int]]:
    """Cut the contigs into stretches with about ROWS_AT_ONCE rows at most: [first, last) of each."""
    if task.peaks <= ROWS_AT_ONCE:
        return [(0, len(task.contigs))]
    rows = np.zeros(len(task.contigs), np.int64)
    for one in task.slices:
        rows += np.bincount(_codes(one.part)[0][_read(task, one)["contig"]], minlength=len(rows))
    stretch = np.cumsum(rows) // ROWS_AT_ONCE
    starts = np.append(0, np.flatnonzero(np.diff(stretch)) + 1)
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True))


def _gathered(task: LineTask, first: int, last: int) -> npt.NDArray[np.void]:
    """Return the records of a cell line on contigs [first, last), with the codes of its file."""
    found = []
    for one in task.slices:
        rows, (of_contig, of_source) = _read(task, one), _codes(one.part)
        contig = of_contig[rows["contig"]]
        if last - first < len(task.contigs):
            is_wanted = (contig >= first) & (contig < last)
            rows, contig = rows[is_wanted], contig[is_wanted]
        rows["contig"], rows["source"] = contig, of_source[rows["source"]]
        found.append(rows)
    return np.concatenate(found)


def _read(task: LineTask, one: Slice) -> npt.NDArray[np.void]:
    # Mapped files would do, but count as memory of the process.
    dtype = place_dtype(task.extra)
    return np.fromfile(one.part, dtype, one.stop - one.start, offset=one.start * dtype.itemsize)


def _codes(part: Path) -> list[npt.NDArray[np.int32]]:
    """Return what a part's codes of contigs and of names are in the files of cell lines."""
    return _opened_codes(part, part.stat().st_mtime_ns)


@lru_cache(maxsize=MOST_OPEN)
def _opened_codes(part: Path, changed: int) -> list[npt.NDArray[np.int32]]:
    """Every cell line needs those of every part; `changed` tells a part from an earlier one of its name."""
    with np.load(part.with_suffix(CODES)) as codes:
        return [codes[name] for name in ("contig", "source")]


def _sorted(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return records by contig, start, end and source, so that equal inputs in any order give one result."""
    if not len(records):
        return records
    # Files are mostly sorted, and then a stable sort by one key is cheap; few rows share the place.
    contig, start = records["contig"].astype(np.int64), records["start"]
    bits = int(start.max()).bit_length()
    if bits + int(contig.max()).bit_length() < 64:
        order = np.argsort(contig << bits | start, kind="stable")
    else:
        order = np.lexsort((start, contig))
    contig, start = contig[order], start[order]
    is_tied = np.append((start[1:] == start[:-1]) & (contig[1:] == contig[:-1]), False)
    is_tied |= np.append(False, is_tied[:-1])
    tied = order[is_tied]
    further = [records[name][tied] for name in (records.dtype.names or ()) if name in EXTRA]
    keys = (*further, records["source"][tied], records["end"][tied], start[is_tied], contig[is_tied])
    order[is_tied] = tied[np.lexsort(keys)]
    return in_order(records, order)
