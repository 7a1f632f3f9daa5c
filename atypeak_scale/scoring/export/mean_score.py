"""The mean score of the peaks that cover each bp, as bedGraph and as bigWig."""

from collections.abc import Iterator, Mapping
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from atypeak_scale.scoring.export.bed import new_bed
from atypeak_scale.scoring.export.big_file import BigFile
from atypeak_scale.scoring.export.browser import BrowserWriter, Drawn
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores

BEDGRAPH_FILE, BIGWIG_FILE = "mean-score.bedgraph", "mean-score.bw"
WHAT = "mean score of the peaks that cover each bp; none where no peak has one"


class Segments(NamedTuple):
    """Neighbouring stretches of one contig with their means; (n,) start and end in bp, and value."""

    contig: str
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]


class MeanScore:
    """The mean over peaks that come in genome order, one block at a time.

    It holds the peaks that a later one may still overlap.
    """

    def __init__(self) -> None:
        self._contig: str | None = None
        self._open = np.empty((3, 0))  # start, end and value; float64 holds every position exactly

    def add(
        self,
        contig: npt.NDArray[np.object_],
        start: npt.NDArray[np.integer[Any]],
        end: npt.NDArray[np.integer[Any]],
        value: npt.NDArray[np.floating[Any]],
    ) -> Iterator[Segments]:
        """Yield what is final after these peaks, (n,) each; those whose value is NaN count as absent."""
        scored = ~np.isnan(value)
        contig, peaks = contig[scored], np.array([start[scored], end[scored], value[scored]], np.float64)
        borders = [0, *(np.flatnonzero(contig[1:] != contig[:-1]) + 1).tolist(), len(contig)]
        for first, last in pairwise(borders):
            if first == last:
                continue
            if contig[first] != self._contig:
                yield from self.rest()
                self._contig = contig[first]
            self._open = np.concatenate([self._open, peaks[:, first:last]], axis=1)
            yield from self._until(peaks[0, last - 1])

    def rest(self) -> Iterator[Segments]:
        """Yield what is left; there are no more peaks on this contig."""
        yield from self._until(np.inf)

    def _until(self, stop: float) -> Iterator[Segments]:
        """Yield the means before the bp `stop`, and keep the peaks that reach beyond it."""
        start, end, value = self._open
        position = np.unique(np.concatenate([start, end[end <= stop], [stop] if np.isfinite(stop) else []]))
        first = np.searchsorted(position, start)
        # Peaks that reach further have no end here.
        last = np.searchsorted(position, np.minimum(end, stop))
        size = len(position) + 1
        number = np.cumsum(np.bincount(first, minlength=size) - np.bincount(last, minlength=size))
        total = np.cumsum(np.bincount(first, value, size) - np.bincount(last, value, size))
        covered = np.flatnonzero(number[: max(len(position) - 1, 0)])
        if covered.size and self._contig is not None:
            mean = total[covered] / number[covered]
            low, high = position[covered].astype(np.int64), position[covered + 1].astype(np.int64)
            yield Segments(self._contig, low, high, mean)
        left = self._open[:, end > stop]
        left[0] = np.maximum(left[0], stop)
        self._open = left


class _MeanWriter(BrowserWriter):
    """Cuts the peaks into segments; a subclass writes them."""

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        self._drawn, self._mean, self._left = drawn, MeanScore(), table.cell_line.peak_count

    def write(self, peaks: Columns) -> None:
        """Append what is final after these peaks."""
        values = self._drawn.values(peaks)
        for segments in self._mean.add(peaks["contig"], peaks["start"], peaks["end"], values):
            self._append(segments)
        self._left -= len(values)
        if not self._left:
            for segments in self._mean.rest():
                self._append(segments)
            self._finish()

    def _append(self, segments: Segments) -> None:
        raise NotImplementedError

    def _finish(self) -> None:
        """Complete the file."""


class BedGraphWriter(_MeanWriter):
    """Writes bedGraph without a track line, with seven digits of each mean."""

    needs_sizes = False
    files: ClassVar[Mapping[str, str]] = {BEDGRAPH_FILE: f"bedGraph: {WHAT}"}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        super().__init__(scores, table, folder, drawn)
        self._out = new_bed(folder / BEDGRAPH_FILE, "")

    def _append(self, segments: Segments) -> None:
        columns = (column.tolist() for column in segments[1:])
        self._out.writelines(
            f"{segments.contig}\t{start}\t{end}\t{value:.7g}\n"
            for start, end, value in zip(*columns, strict=True)
        )

    def close(self) -> None:
        """Close the file."""
        self._out.close()


class BigWigWriter(_MeanWriter):
    """Writes bigWig."""

    files: ClassVar[Mapping[str, str]] = {BIGWIG_FILE: f"bigWig: {WHAT}"}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        super().__init__(scores, table, folder, drawn)
        self._out = BigFile(folder / BIGWIG_FILE, drawn.assembly.sizes)

    def _append(self, segments: Segments) -> None:
        columns = (column.tolist() for column in segments[1:])
        self._out.put(zip(repeat(segments.contig), *columns, strict=False))

    def _finish(self) -> None:
        self._out.finish()

    def close(self) -> None:
        """Stop, whether the file is complete or not."""
        self._out.close()
