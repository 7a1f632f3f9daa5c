"""Candidate regulatory modules made of peaks: those that overlap, touch or lie near each other are merged.

Method, section 1.5.

A merged interval with the number of its peaks can be merged again, and the order does not matter. So every
block of a file is merged when it is read, and only what is left of it is spooled to disk.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.folder import CatalogueReader, is_catalogue, open_catalogue
from atypeak_scale.catalogue.streams import InputFile, is_pipe, opened, refuse_repeated
from atypeak_scale.catalogue.stretches import Stretches
from atypeak_scale.catalogue.windows import LONGEST_CRM
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target

log = logging.getLogger(__name__)

MIN_PEAKS = 2  # a module with a single peak says nothing about others
COMPRESSED = ".gz"
MERGED = np.dtype([("start", np.int64), ("end", np.int64), ("peaks", np.int64)])
MergedArray = npt.NDArray[np.void]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MadeCrms:
    """What `make_crms` found and wrote.

    file: the CRMs; crms: their number; peaks: in all inputs; peaks_in_crms: of these, those in a CRM;
    modules_with_few_peaks, modules_too_long: left out; bp_in_crms: that CRMs cover; longest_bp: of a CRM.
    """

    file: Location
    crms: int
    peaks: int
    peaks_in_crms: int
    modules_with_few_peaks: int
    modules_too_long: int
    bp_in_crms: int
    longest_bp: int


def merge(intervals: MergedArray, distance: int = 0) -> MergedArray:
    """Merge intervals of one contig that are at most `distance` bp apart; 0 merges what overlaps or touches.

    Method, section 1.5.

    Parameters
    ----------
    intervals
        MERGED records (intervals,), sorted by start, bp, half-open; peaks: how many each stands for.
    distance
        bp, 0 or more.

    Returns
    -------
    MergedArray
        MERGED records of disjoint intervals, sorted by start.

    """
    if not len(intervals):
        return intervals
    furthest = np.maximum.accumulate(intervals["end"])
    first = np.append(0, np.flatnonzero(intervals["start"][1:] - furthest[:-1] > distance) + 1)
    merged = np.empty(len(first), MERGED)
    merged["start"] = intervals["start"][first]
    merged["end"] = furthest[np.append(first[1:] - 1, -1)]
    merged["peaks"] = np.add.reduceat(intervals["peaks"], first)
    return merged


def make_crms(
    peaks: Sequence[Location] | Location,
    out: Location,
    distance: int = 0,
    min_peaks: int = MIN_PEAKS,
    width: int = 0,
    executor: Executor | None = None,
) -> MadeCrms:
    """Merge peaks into candidate regulatory modules, and write them as a BED file (method, section 1.5).

    The file has five columns: contig, start, end, name, number of peaks; it is sorted by contig (names in C
    order) and start. It does not depend on the order of the peaks or files, and appears whole or not at all.
    Memory holds a block of a file and what is merged of a stretch of a contig.

    Parameters
    ----------
    peaks
        One or more BED files or URLs: plain, gzip, bgzip, xz or zstd; "-" is standard input. Or folders that
        `split` has made, of which the peaks of all cell lines are taken.
    out
        The new file; with the ending .gz it is written with bgzip.
    distance
        Peaks at most so far apart are merged, bp; 0 merges those that overlap or touch.
    min_peaks
        Modules with fewer peaks are left out.
    width
        Narrower peaks are first widened around their middle to so many bp. A module then has room beside its
        peaks, where random placements can lie.
    executor
        Receives the progress; the work runs in this process.

    Returns
    -------
    MadeCrms
        What was found and written.

    Raises
    ------
    InputError
        If an input is wrong (the error names file and line), `out` exists, or no module is left.

    """
    paths = [peaks] if isinstance(peaks, str | Path) else list(peaks)
    for name, value in (("distance", distance), ("width", width)):
        if value < 0:
            raise InputError(f"{name} {value}; expected 0 bp or more", name)
    target(out).refuse_existing_file()
    readers, executor = _readers(paths), executor or InProcess()
    with target(out).staging_folder() as work, target(out).new_file() as file:
        stretches, count = _spool(readers, work, distance, width, executor)
        is_compressed = str(out).endswith(COMPRESSED)
        with (work / "crms.bed" if is_compressed else file).open("x", encoding="utf-8", newline="\n") as bed:
            found = _Crms(bed, min_peaks)
            for done, contig in enumerate(sorted(stretches.contigs), 1):
                for merged in _modules(stretches, contig, distance):
                    found.write(contig, merged)
                executor.tell("merge contigs", done, len(stretches.contigs))
        found.require_some()
        if is_compressed:
            import pysam

            pysam.tabix_compress(str(work / "crms.bed"), str(file))
    return found.made(out, count)


def _readers(paths: Sequence[Location]) -> list[BedReader]:
    """Return the readers of all inputs; refuse what cannot be read before the first of them is."""
    refuse_repeated(paths)
    readers: list[BedReader] = []
    for path in paths:
        readers += _readers_of(path)
    if not readers:
        raise InputError("no peak file; name at least one")
    return readers


def _readers_of(path: Location) -> list[BedReader]:
    if is_catalogue(path):
        catalogue = open_catalogue(path)
        return [CatalogueReader(catalogue, line.name) for line in catalogue.lines]
    if not is_pipe(path):  # which can be opened only once
        with opened(path):  # names other kinds of files
            pass
    return [BedReader(path, columns=3)]


def _spool(
    readers: Sequence[BedReader], folder: Path, distance: int, width: int, executor: Executor
) -> tuple[Stretches, int]:
    """Read all peaks; return what is left of every block after merging it, and the number of peaks."""
    contigs, stretches = ContigNames(), Stretches(folder, MERGED)
    sizes = [target(reader.name).file_size() or 0 for reader in readers]  # of standard input: unknown
    files: dict[InputFile, str] = {}
    peaks = done = 0
    total = sum(sizes)
    for reader, size in zip(readers, sizes, strict=True):
        for block in reader:
            start, end = _widened(block.start, block.end, width)
            for contig, merged in _merged_block(contigs.encode(reader, block), start, end, distance):
                stretches.append(contigs.names[contig], merged)
            peaks += len(block.line)
            executor.tell("read peaks", min(done + reader.bytes_read(), max(total - 1, 0)), total)
        done += size
        assert reader.input_file is not None
        same = files.setdefault(reader.input_file, reader.name)
        if same != reader.name and not isinstance(reader, CatalogueReader):
            log.warning("%s: is the same as %s; its peaks count again", reader.name, same)
    executor.tell("read peaks", total, total)
    return stretches, peaks


def _widened(start: IntArray, end: IntArray, width: int) -> tuple[IntArray, IntArray]:
    """Return start and end of peaks that are at least so wide; none begins before its contig."""
    missing = np.maximum(0, width - (end - start))
    return np.maximum(0, start - missing // 2), end + (missing - missing // 2)


def _merged_block(
    contig: IntArray, start: IntArray, end: IntArray, distance: int
) -> Iterator[tuple[int, MergedArray]]:
    """Yield (code of a contig, what is left of its peaks after merging)."""
    order = np.lexsort((start, contig))
    records = np.ones(len(order), MERGED)
    records["start"], records["end"] = start[order], end[order]
    codes, first = np.unique(contig[order], return_index=True)
    for code, rows in zip(codes.tolist(), np.split(records, first[1:]), strict=True):
        yield code, merge(rows, distance)


def _modules(stretches: Stretches, contig: str, distance: int) -> Iterator[MergedArray]:
    """Yield the modules of a contig from its start to its end, some at a time."""
    last = np.empty(0, MERGED)  # the one that may go on in the next stretch
    for records in stretches.taken(contig):
        intervals = np.concatenate([last, records])
        merged = merge(intervals[np.argsort(intervals["start"], kind="stable")], distance)
        yield merged[:-1]
        last = merged[-1:]
    yield last


class _Crms:
    """Writes the modules that have enough peaks and are not too long, and counts all."""

    def __init__(self, out: TextIO, min_peaks: int) -> None:
        self._out, self._min_peaks = out, min_peaks
        self._crms = self._few = self._most = self._inside = self._bp = self._longest = 0
        self._long: list[str] = []

    def write(self, contig: str, modules: MergedArray) -> None:
        length = modules["end"] - modules["start"]
        is_few, is_long = modules["peaks"] < self._min_peaks, length > LONGEST_CRM
        self._few += int(is_few.sum())
        self._most = int(modules["peaks"].max(initial=self._most))
        for start, end, peaks in modules[is_long & ~is_few].tolist():
            self._long.append(f"{contig}:{start + 1:,}-{end:,}, {peaks:,} peaks")
        crms, length = modules[~(is_few | is_long)], length[~(is_few | is_long)]
        self._out.writelines(
            f"{contig}\t{start}\t{end}\tcrm-{number}\t{peaks}\n"
            for number, (start, end, peaks) in enumerate(crms.tolist(), self._crms)
        )
        self._crms += len(crms)
        self._inside += int(crms["peaks"].sum())
        self._bp += int(length.sum())
        self._longest = int(length.max(initial=self._longest))

    def require_some(self) -> None:
        """Raise InputError if no CRM was written; tell of those that are too long."""
        if self._long:
            told = (
                f"left out {len(self._long):,} modules longer than {LONGEST_CRM:,} bp, the first "
                f"{self._long[0]}; lower the distance, or remove peaks that are too long"
            )
            if not self._crms:
                raise InputError(f"no module is left: {told}", "distance")
            log.warning("%s", told)
        elif not self._crms:
            raise InputError(
                f"no module has {self._min_peaks:,} peaks or more; the most that one has is {self._most:,}; "
                "ask for fewer",
                "min_peaks",
            )

    def made(self, file: Location, peaks: int) -> MadeCrms:
        """Return what was found."""
        return MadeCrms(
            file, self._crms, peaks, self._inside, self._few, len(self._long), self._bp, self._longest
        )
