"""The BED files with bgzip and a tabix index, so that tools fetch a region without reading the rest."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from atypeak_scale.errors import InputError
from atypeak_scale.registry.dictionary import BED
from atypeak_scale.scoring.export.bed import BedWriter
from atypeak_scale.scoring.export.support import SupportBedWriter
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine

LAST_BP = 1 << 29  # that a tabix index can hold
GZ, INDEX = ".gz", ".gz.tbi"


def with_index(files: Mapping[str, str]) -> dict[str, str]:
    """Return what is written instead of some BED files."""
    return {
        f"{name}{ending}": what if ending == GZ else f"tabix index of {name}{GZ}"
        for name, what in files.items()
        for ending in (GZ, INDEX)
    }


def refuse_beyond_index(cell_line: CellLine) -> None:
    """Raise InputError if a peak ends where no tabix index reaches; it names the peak."""
    for block in cell_line.blocks("peaks"):
        peaks = cell_line.peaks(*block)
        if (beyond := (peaks.end_bp > LAST_BP).nonzero()[0]).size:
            peak = int(beyond[0])
            contig = cell_line.contigs[int(peaks.contig[peak])]
            place = f"{contig}:{int(peaks.start_bp[peak])}-{int(peaks.end_bp[peak])}"
            raise InputError(
                f"the peak {place} ends after {LAST_BP:,} bp, the last that a tabix index holds; export "
                "bed instead of bed.gz", "formats",
            )  # fmt: skip


class _Indexed:
    """Writes plain files in a folder of its own, and compresses and indexes them when all peaks are there."""

    def _begin(self, table: PeakTable, folder: Path, names: Iterable[str]) -> Path:
        refuse_beyond_index(table.cell_line)
        self._left, self._folder, self._names = table.cell_line.peak_count, folder, tuple(names)
        self._plain = folder / ".plain"
        self._plain.mkdir(exist_ok=True)
        return self._plain

    def _finish(self, written: int) -> bool:
        """Return whether these were the last peaks."""
        self._left -= written
        return not self._left

    def _compress(self) -> None:
        # pysam takes some time to import.
        import pysam

        for name in self._names:
            plain, compressed = self._plain / name, self._folder / f"{name}{GZ}"
            pysam.tabix_compress(str(plain), str(compressed))
            pysam.tabix_index(str(compressed), preset="bed")
            plain.unlink()
        if not any(self._plain.iterdir()):
            self._plain.rmdir()


class IndexedBedWriter(_Indexed, BedWriter):
    """Writes raw and final scores."""

    files: ClassVar[Mapping[str, str]] = with_index(BedWriter.files)

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        super().__init__(scores, table, self._begin(table, folder, BedWriter.files))
        self.columns = {f"{name}{GZ}": BED.columns for name in BedWriter.files}

    def write(self, peaks: Columns) -> None:
        """Take the next block of peaks."""
        super().write(peaks)
        if self._finish(len(peaks["start"])):
            self.close()
            self._compress()


class IndexedSupportBedWriter(_Indexed, SupportBedWriter):
    """Writes 1000 (1 - doubt)."""

    files: ClassVar[Mapping[str, str]] = with_index(SupportBedWriter.files)

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        super().__init__(scores, table, self._begin(table, folder, SupportBedWriter.files))
        self.columns = {f"{name}{GZ}": BED.columns for name in SupportBedWriter.files}

    def write(self, peaks: Columns) -> None:
        """Take the next block of peaks."""
        super().write(peaks)
        if self._finish(len(peaks["start"])):
            self.close()
            self._compress()
