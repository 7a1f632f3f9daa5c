"""Peaks of one cell line: read, selected and spooled to disk, sorted by contig and start.

Method, sections 1.1 and 1.3.

Only one block of the file and the peaks of one stretch of a contig are ever in memory.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.accounts import (
    PeakAccount,
    tell_contigs_without_crm,
    tell_repeated_peaks,
    tell_similar_cell_lines,
)
from atypeak_scale.catalogue.bed import BedBlock, BedReader
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.catalogue.folder import CatalogueReader, is_catalogue, open_catalogue
from atypeak_scale.catalogue.names import Source
from atypeak_scale.catalogue.overlaps import sort_intervals
from atypeak_scale.catalogue.peak_names import NOT_SELECTED, NameTable
from atypeak_scale.catalogue.records import in_order
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.catalogue.stretches import Stretches
from atypeak_scale.config import Selection
from atypeak_scale.storage.locations import Location

log = logging.getLogger(__name__)

# furthest: filled in by `sort_intervals`, over the whole contig.
PEAK = np.dtype([("start", np.int64), ("end", np.int64), ("source", np.int32), ("furthest", np.int64)])


@dataclass
class PeakSpool:
    """The selected peaks of a cell line on disk.

    sources: (dataset, TR) by source code; contigs: name -> file of PEAK records sorted by start, end, of
    the contigs that were asked for; other_contigs: number of selected peaks on each of the others;
    selected: number of peaks on disk; largest_stretch: the most peaks sorted at once; cell_line_peaks:
    peaks of the cell line before the lists of the selection are applied; rows: peaks in the file.
    """

    sources: list[Source]
    contigs: dict[str, Path]
    other_contigs: dict[str, int]
    selected: int
    largest_stretch: int
    cell_line_peaks: int
    rows: int
    input_file: InputFile

    def peaks(self, contig: str) -> npt.NDArray[np.void]:
        """Return the PEAK records of a contig, mapped from disk; none if the contig has no peak."""
        return map_peaks(self.contigs.get(contig))

    def account(self, used: int) -> PeakAccount:
        """Return what became of every row of the file, if so many peaks are used."""
        elsewhere = sum(self.other_contigs.values())
        return PeakAccount(
            rows=self.rows,
            used=used,
            other_cell_line=self.rows - self.cell_line_peaks,
            not_selected=self.cell_line_peaks - self.selected - elsewhere,
            on_contigs_without_crm=elsewhere,
            outside_crms=self.selected - used,
        )


def map_peaks(file: Path | None) -> npt.NDArray[np.void]:
    """Return the PEAK records of a contig's file, mapped from disk; without a file there are none."""
    return np.empty(0, PEAK) if file is None else np.memmap(file, PEAK, mode="r")


def spool_peaks(
    path: Location,
    folder: Path,
    cell_line: str,
    selection: Selection,
    contigs: Collection[str] | None = None,
    progress: Callable[[int], None] = lambda size: None,
    known: Collection[Source] = (),
) -> PeakSpool:
    """Read a peak file, or a catalogue folder, and leave the selected peaks in `folder`, which must exist.

    `contigs` are those whose peaks are kept; None keeps all. `progress` receives the number of bytes read so
    far. Sources that are `known` are left out. What looks left out by mistake is told in warnings.

    Raises
    ------
    InputError
        If a line is not a peak (the error names it); if the cell line is unknown (it lists the nearest
        names); if the selection leaves nothing.

    """
    reader = (
        CatalogueReader(open_catalogue(path), cell_line)
        if is_catalogue(path) else BedReader(path, columns=4)
    )  # fmt: skip
    names, stretches = NameTable(cell_line, selection, known), _Selected(folder, contigs)
    rows = 0
    for block in reader:
        stretches.append(reader, block, names.encode(reader, block))
        rows += len(block.line)
        progress(reader.bytes_read())
    names.require_peaks(reader)
    for told in names.absent():
        log.warning("%s", told)
    sources = names.kept()
    code = {source: number for number, source in enumerate(sources)}
    recode = np.array([code.get(source, NOT_SELECTED) for source in names.sources], np.int32)
    others = names.other_cell_lines() | reader.others
    rows += sum(reader.others.values())
    found = stretches.sort(recode)
    elsewhere = stretches.elsewhere(recode)
    tell_similar_cell_lines(reader.name, cell_line, others)
    if found.selected:  # otherwise it is an error, which names the contigs
        tell_contigs_without_crm(reader.name, elsewhere, contigs or ())
    tell_repeated_peaks(reader.name, found.repeated)
    assert reader.input_file is not None
    return PeakSpool(
        sources, found.contigs, elsewhere, found.selected, found.largest, rows - sum(others.values()), rows,
        reader.input_file,
    )  # fmt: skip


@dataclass
class SortedPeaks:
    """Files by contig, the number of peaks, of those that repeat another, and in the largest stretch."""

    contigs: dict[str, Path]
    selected: int = 0
    repeated: int = 0
    largest: int = 0


class _Selected:
    """The peaks on disk that may be selected, and the number of those on contigs that were not asked for."""

    def __init__(self, folder: Path, contigs: Collection[str] | None) -> None:
        self._folder, self._asked = folder, None if contigs is None else frozenset(contigs)
        self._contigs = ContigNames()
        self._stretches = Stretches(folder, PEAK)
        self._elsewhere: Counter[tuple[str, int]] = Counter()  # by contig and source

    def append(self, reader: BedReader, block: BedBlock, source: npt.NDArray[np.int64]) -> None:
        """Append the peaks that have a source, a code of 0 or more."""
        contig = self._contigs.encode(reader, block)
        for code in np.unique(contig[source >= 0]).tolist():
            rows = (contig == code) & (source >= 0)
            name = self._contigs.names[code]
            if self._asked is not None and name not in self._asked:
                numbers, counts = np.unique(source[rows], return_counts=True)
                for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
                    self._elsewhere[name, number] += count
                continue
            records = np.zeros(int(rows.sum()), PEAK)
            records["start"], records["end"] = block.start[rows], block.end[rows]
            records["source"] = source[rows]
            self._stretches.append(name, records)

    def elsewhere(self, recode: npt.NDArray[np.int32]) -> dict[str, int]:
        """Return the number of selected peaks on each contig that was not asked for."""
        found: Counter[str] = Counter()
        for (contig, source), count in self._elsewhere.items():
            if recode[source] != NOT_SELECTED:
                found[contig] += count
        return dict(found)

    def sort(self, recode: npt.NDArray[np.int32]) -> "SortedPeaks":
        """Leave one sorted file for each contig, without the sources that `recode` does not select."""
        return sort_stretches(self._stretches, self._folder, recode)


def sort_stretches(stretches: Stretches, folder: Path, recode: npt.NDArray[np.int32]) -> "SortedPeaks":
    """Leave one sorted file of PEAK records for each contig in `folder`, and delete the stretches.

    recode: int32 (sources,), the new code of each source; peaks of those with NOT_SELECTED are left out.
    """
    found = SortedPeaks({})
    for contig in stretches.contigs:
        file = folder / f"sorted-{len(found.contigs)}"
        furthest = 0
        with file.open("wb") as out:
            for unsorted in stretches.taken(contig):
                unsorted["source"] = recode[unsorted["source"]]
                records = unsorted[unsorted["source"] != NOT_SELECTED]
                # Peaks of one place are in the order of their sources, whatever order the file has.
                records = in_order(records, np.argsort(records["source"], kind="stable"))
                records = sort_intervals(records, furthest)
                furthest = records["furthest"].max(initial=furthest)
                records.tofile(out)
                found.selected += len(records)
                found.repeated += _repeated(records)
                found.largest = max(found.largest, len(records))
        if file.stat().st_size:  # an empty file cannot be mapped
            found.contigs[contig] = file
    return found


def _repeated(records: npt.NDArray[np.void]) -> int:
    """Return the number of sorted PEAK records that have place and source of another before them."""
    ties = (records["start"][1:] == records["start"][:-1]) & (records["end"][1:] == records["end"][:-1])
    tied = records[np.append(ties, False) | np.append(False, ties)[: len(records)]]
    places = np.stack([tied[name].astype(np.int64) for name in ("start", "end", "source")], axis=1)
    return len(places) - len(np.unique(places, axis=0))
