"""Peaks of one cell line: read, selected and spooled to disk, sorted by contig and start.

Method, sections 1.1 and 1.3.

Only one block of the file and the peaks of one stretch of a contig are ever in memory.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import BedBlock, BedReader, InputFile
from atypeak_scale.catalogue.names import Source, source_name, split_name, split_source
from atypeak_scale.catalogue.overlaps import sort_intervals
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.storage.locations import Location

log = logging.getLogger(__name__)

# furthest: filled in by `sort_intervals`, over the whole contig.
PEAK = np.dtype([("start", np.int64), ("end", np.int64), ("source", np.int32), ("furthest", np.int64)])
STRETCH = 1 << 25  # bp sorted at once: about a hundred stretches in a human genome
NOT_SELECTED = -1
# Files of unsorted PEAK records, by contig and number of the stretch.
Stretches = defaultdict[str, dict[int, Path]]


class NothingSelectedError(InputError):
    """The catalogue has peaks of the cell line, but the selection leaves none of them."""


@dataclass
class PeakSpool:
    """The selected peaks of a cell line on disk.

    sources: (dataset, TR) by source code; contigs: name -> file of PEAK records sorted by start, end;
    selected: number of peaks; largest_stretch: the most peaks sorted at once; cell_line_peaks: peaks of the
    cell line before the lists of the selection are applied.
    """

    sources: list[Source]
    contigs: dict[str, Path]
    selected: int
    largest_stretch: int
    cell_line_peaks: int
    input_file: InputFile

    def peaks(self, contig: str) -> npt.NDArray[np.void]:
        """Return the PEAK records of a contig, mapped from disk; none if the contig has no peak."""
        return map_peaks(self.contigs.get(contig))


def map_peaks(file: Path | None) -> npt.NDArray[np.void]:
    """Return the PEAK records of a contig's file, mapped from disk; without a file there are none."""
    return np.empty(0, PEAK) if file is None else np.memmap(file, PEAK, mode="r")


@dataclass
class _NameTable:
    """Source codes by name column; every distinct name in the file is parsed once."""

    cell_line: str
    wanted: Callable[[Source], bool]
    codes: dict[bytes, int] = field(default_factory=dict)
    sources: dict[Source, int] = field(default_factory=dict)
    cell_lines: set[str] = field(default_factory=set)
    unselected: set[bytes] = field(default_factory=set)

    def add(self, reader: BedReader, name: bytes, line: int) -> None:
        try:
            source, cell_line = split_name(reader.text(name, line))
        except ValueError as problem:
            raise reader.fail(line, str(problem)) from None
        self.cell_lines.add(cell_line)
        self.codes[name] = NOT_SELECTED
        if cell_line != self.cell_line:
            return
        if self.wanted(source):
            self.codes[name] = self.sources.setdefault(source, len(self.sources))
        else:
            self.unselected.add(name)

    def encode(self, reader: BedReader, block: BedBlock) -> npt.NDArray[np.int32]:
        names = block.columns[0]
        for name in dict.fromkeys(names):
            if name not in self.codes:
                self.add(reader, name, int(block.line[names.index(name)]))
        return np.fromiter(map(self.codes.__getitem__, names), np.int32, len(names))


def _source_filter(selection: Selection) -> Callable[[Source], bool]:
    try:
        sources = None if selection.sources is None else {split_source(text) for text in selection.sources}
    except ValueError as problem:
        raise InputError(f"selection: {problem}") from None
    datasets, trs = selection.datasets, selection.trs
    return lambda source: (
        (datasets is None or source[0] in datasets)
        and (trs is None or source[1] in trs)
        and (sources is None or source in sources)
    )


def _report_absent(selection: Selection, sources: Iterable[Source]) -> None:
    """Log the selected labels that no peak has, in one line, so that users notice a misspelt name."""
    present = list(sources)
    for what, wanted, found in (
        ("TRs", selection.trs, {source[1] for source in present}),
        ("datasets", selection.datasets, {source[0] for source in present}),
        ("sources", selection.sources, {source_name(source) for source in present}),
    ):
        absent = sorted(set(wanted or ()) - found)
        if absent:
            log.warning("selected %s without a peak in the catalogue: %s", what, ", ".join(absent))


def _most_covered(sources: Iterable[Source], count: int) -> set[str]:
    """Return the `count` TRs with the most datasets; ties go to the first name."""
    datasets: defaultdict[str, set[str]] = defaultdict(set)
    for dataset, tr in sources:
        datasets[tr].add(dataset)
    return set(sorted(datasets, key=lambda tr: (-len(datasets[tr]), tr))[:count])


def spool_peaks(
    path: Location,
    folder: Path,
    cell_line: str,
    selection: Selection,
    progress: Callable[[int], None] = lambda size: None,
) -> PeakSpool:
    """Read a peak file and leave the selected peaks in `folder`, which must exist.

    `progress` receives the number of bytes read so far.

    Raises
    ------
    InputError
        If a line is not a peak (the error names it); if the cell line is unknown (it lists the nearest
        names); if the selection leaves nothing.

    """
    reader = BedReader(path, columns=4)
    names = _NameTable(cell_line, _source_filter(selection))
    unsorted: Stretches = defaultdict(dict)
    cell_line_peaks = 0
    for block in reader:
        source = names.encode(reader, block)
        rows = np.flatnonzero(source != NOT_SELECTED)
        cell_line_peaks += len(rows)
        if names.unselected:
            cell_line_peaks += sum(map(names.unselected.__contains__, block.columns[0]))
        _append(reader, block, rows, source[rows], folder, unsorted)
        progress(reader.bytes_read())
    if cell_line not in names.cell_lines:
        hint = nearest(cell_line, names.cell_lines)
        raise InputError(f"{reader.name}: no peak of cell line {cell_line!r}; {hint}")
    if not names.sources:
        raise NothingSelectedError(
            f"{reader.name}: the selection leaves no peak of cell line {cell_line!r}; "
            "check its trs, datasets and sources"
        )
    _report_absent(selection, names.sources)
    kept = set(names.sources)
    if selection.top_trs is not None:
        top = _most_covered(kept, selection.top_trs)
        kept = {source for source in kept if source[1] in top}
    sources = sorted(kept)
    recode = np.array(
        [sources.index(source) if source in kept else NOT_SELECTED for source in names.sources], np.int32
    )
    contigs, selected, largest = _sort(folder, unsorted, recode)
    assert reader.input_file is not None
    return PeakSpool(sources, contigs, selected, largest, cell_line_peaks, reader.input_file)


def _append(
    reader: BedReader,
    block: BedBlock,
    rows: npt.NDArray[np.intp],
    source: npt.NDArray[np.int32],
    folder: Path,
    files: Stretches,
) -> None:
    """Append the rows to one file per stretch; files are numbered, because names must not choose a path."""
    by_contig: defaultdict[bytes, list[int]] = defaultdict(list)
    for at, row in enumerate(rows.tolist()):
        by_contig[block.contig[row]].append(at)
    for contig, positions in by_contig.items():
        records = np.zeros(len(positions), PEAK)
        records["start"], records["end"] = block.start[rows[positions]], block.end[rows[positions]]
        records["source"] = source[positions]
        of_contig = files[reader.text(contig, int(block.line[rows[positions[0]]]))]
        stretch = records["start"] // STRETCH
        for number in np.unique(stretch).tolist():
            file = of_contig.setdefault(number, folder / f"unsorted-{sum(map(len, files.values()))}")
            with file.open("ab") as out:
                records[stretch == number].tofile(out)


def _sort(
    folder: Path, unsorted: Stretches, recode: npt.NDArray[np.int32]
) -> tuple[dict[str, Path], int, int]:
    """Return the files by contig, the number of peaks, and the number in the largest stretch."""
    contigs: dict[str, Path] = {}
    selected = largest = 0
    for contig, stretches in unsorted.items():
        file = folder / f"sorted-{len(contigs)}"
        furthest = 0
        with file.open("wb") as out:
            for number in sorted(stretches):
                records = np.fromfile(stretches[number], PEAK)
                stretches[number].unlink()
                records["source"] = recode[records["source"]]
                records = sort_intervals(records[records["source"] != NOT_SELECTED], furthest)
                furthest = records["furthest"].max(initial=furthest)
                records.tofile(out)
                selected += len(records)
                largest = max(largest, len(records))
        if file.stat().st_size:  # an empty file cannot be mapped
            contigs[contig] = file
    return contigs, selected, largest
