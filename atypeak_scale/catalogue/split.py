"""Split peak files by cell line in one pass: read parts, then sort every cell line into a file of its own."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.aliases import Aliases
from atypeak_scale.catalogue.folder import PEAKS, Catalogue, CatalogueLine, LineWriter
from atypeak_scale.catalogue.names import CONVENTIONS, Source
from atypeak_scale.catalogue.parts import (
    PLACE,
    Part,
    ReadReceipt,
    ReadTask,
    convention_of,
    parts_in,
    peaks_by_source,
    read_parts,
)
from atypeak_scale.catalogue.ranges import FileRange, ranges_of
from atypeak_scale.catalogue.streams import InputFile, identify
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.atomic import already_exists, refuse_unwritable
from atypeak_scale.storage.locations import Location, local_path
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.targets import target

WORK = ".work"
SETTINGS = "settings"
CODES = ".npz"
ROWS_AT_ONCE = 4_000_000  # of a cell line, sorted in memory; one with more is sorted contig by contig
LONGEST_NAME = 80
SORTED = np.dtype([("contig", np.int32), ("start", np.int64), ("end", np.int64), ("source", np.int32)])


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


def split_catalogue(
    peaks: Sequence[Location],
    out: Location,
    convention: str | None = None,
    aliases: Aliases | None = None,
    executor: Executor | None = None,
) -> Catalogue:
    """Split peak files by cell line into a catalogue folder.

    A run that was stopped goes on when it is started again. Memory holds some million rows, however many
    the files have.

    Parameters
    ----------
    peaks
        BED files or URLs: plain, gzip, bgzip, xz or zstd.
    out
        The new folder.
    convention
        How names are spelled, one of CONVENTIONS; None recognises it from the first names.
    aliases
        Names that mean the same.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Catalogue
        The cell lines, with their numbers of peaks and sources.

    Raises
    ------
    InputError
        If an input is wrong (the error names file and line), or `out` exists and is not the unfinished
        folder of the same split.

    """
    executor = executor or InProcess()
    if convention is not None and convention not in CONVENTIONS:
        raise InputError(f"convention {convention!r}; expected {' or '.join(CONVENTIONS)}", "convention")
    folder = local_path(out).absolute()
    if folder.exists() and not (folder / WORK).is_dir():
        raise already_exists(out, "folder")
    refuse_unwritable(folder, str(out))
    executor.require(0)
    ranges = [one for path in peaks for one in ranges_of(path)]
    convention = convention or convention_of(ranges[0])
    aliases = aliases or Aliases()
    with sole_writer(folder, "split"):
        work = _prepare(folder, ranges, convention, aliases)
        catalogue = _read_and_sort(folder, work, ranges, convention, aliases, executor)
        catalogue.write()
        shutil.rmtree(work)
    return catalogue


def _prepare(folder: Path, ranges: list[FileRange], convention: str, aliases: Aliases) -> Path:
    """Make the folders, or keep those of a split that was stopped; return that for what is in the making."""
    work = folder / WORK
    settings = fingerprint(
        [[str(one.path), one.start, one.stop, target(one.path).file_size()] for one in ranges]
        + [convention, aliases.means]
    )
    known = work / SETTINGS
    if work.exists() and not (known.exists() and known.read_text(encoding="utf-8") == settings):
        raise InputError(
            f"{folder}: holds an unfinished split of other files or settings; remove it or name another "
            "folder"
        )
    (folder / PEAKS).mkdir(parents=True, exist_ok=True)
    work.mkdir(exist_ok=True)
    known.write_text(settings, encoding="utf-8")
    return work


def _read_and_sort(
    folder: Path, work: Path, ranges: list[FileRange], convention: str, aliases: Aliases, executor: Executor
) -> Catalogue:
    tasks = [ReadTask(one, work, number, convention, aliases) for number, one in enumerate(ranges)]
    found = {task.number: receipt for task, receipt in executor.map(read_parts, tasks, "read peaks")}
    receipts = [found[task.number] for task in tasks]
    rows = sum(receipt.rows for receipt in receipts)
    if not rows:
        raise InputError(f"{peaks_of(ranges)}: no intervals; expected tab-separated BED lines")
    parts = list(parts_in(work, receipts))
    contigs = sorted({contig for part in parts for contig in part.contigs})
    by_source = peaks_by_source(parts)
    _write_codes(parts, contigs, {name: sorted(of_line) for name, of_line in by_source.items()})
    lines, sorting = [], []
    for number, (name, of_line) in enumerate(sorted(by_source.items()), 1):
        # Numbered, because file systems may not tell upper from lower case.
        file = f"{PEAKS}/{number:04d}-{quote(name, safe='+ ')[:LONGEST_NAME]}.parquet"
        lines.append(CatalogueLine(name, file, of_line.total(), len(of_line)))
        slices = [Slice(part.file, *part.at[name]) for part in parts if name in part.at]
        sorting.append(LineTask(folder / file, of_line.total(), contigs, sorted(of_line), slices))
    executor.run(sort_line, sorting, "sort cell lines")
    return Catalogue(folder, convention, _inputs(ranges, receipts), rows, lines)


def peaks_of(ranges: list[FileRange]) -> str:
    """Return the files of ranges, as a message names them."""
    return ", ".join(sorted({str(one.path) for one in ranges}))


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


def _inputs(ranges: list[FileRange], receipts: list[ReadReceipt]) -> list[InputFile]:
    """Return what identifies every file, in an order that does not depend on that of the files."""
    known = {}
    for one, receipt in zip(ranges, receipts, strict=True):
        if one.path not in known:
            known[one.path] = receipt.input_file or identify(one.path)
    return sorted(known.values(), key=lambda file: (file.sha256, file.size))


def sort_line(task: LineTask) -> None:
    """Write the file of a cell line, if it is not there."""
    if task.file.exists():
        return
    writer = LineWriter(task.file, task.contigs, task.sources)
    if task.peaks <= ROWS_AT_ONCE:
        writer.append(_sorted(_gathered(task.slices, None)))
    else:
        for contig in range(len(task.contigs)):
            writer.append(_sorted(_gathered(task.slices, contig)))
    writer.close()


def _gathered(slices: list[Slice], contig: int | None) -> npt.NDArray[np.void]:
    """Return the records of a cell line, or of one of its contigs, with the codes of its file."""
    found = []
    for one in slices:
        rows = np.memmap(one.part, PLACE, mode="r")[one.start : one.stop]
        with np.load(one.part.with_suffix(CODES)) as codes:
            of_contig, of_source = codes["contig"], codes["source"]
        if contig is not None:
            rows = rows[of_contig[rows["contig"]] == contig]
        records = np.empty(len(rows), SORTED)
        records["contig"], records["source"] = of_contig[rows["contig"]], of_source[rows["source"]]
        records["start"], records["end"] = rows["start"], rows["end"]
        found.append(records)
    return np.concatenate(found)


def _sorted(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return records by contig, start, end and source, so that equal inputs in any order give one result."""
    if not len(records):
        return records
    # Files are mostly sorted, and then a stable sort by one key is cheap; few rows share the place.
    place = records["contig"].astype(np.int64) << 48 | records["start"]
    order = np.argsort(place, kind="stable")
    place = place[order]
    is_tied = np.append(place[1:] == place[:-1], False)
    is_tied |= np.append(False, is_tied[:-1])
    tied = order[is_tied]
    order[is_tied] = tied[np.lexsort((records["source"][tied], records["end"][tied], place[is_tied]))]
    return records[order]
