"""Scores as two BED files: before and after normalization."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, TextIO

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.bed import track_line, write_bed6
from atypeak_scale.registry.bed_columns import FINAL_BED, RAW_BED
from atypeak_scale.registry.variables import FINAL, RAW
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores

RAW_BED_FILE, FINAL_BED_FILE = "raw.bed", "final.bed"
RAW_SCALE = 1000  # raw scores are shown in thousandths of the original signal, as the article does


def bed_scores(values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
    """Round to whole numbers and clip to 0-1000, as column 5 of a BED file must be (method, section 4.4)."""
    rounded: npt.NDArray[np.int64] = np.clip(np.rint(values), 0, 1000).astype(np.int64)
    return rounded


def new_bed(file: Path, track: str) -> TextIO:
    """Open a new BED file and write its track line, if there is one."""
    out = file.open("w", encoding="utf-8", newline="")
    out.write(track)
    return out


class BedWriter:
    """Writes both files, BED6; a subclass begins them with a track line."""

    has_track_line: ClassVar[bool] = False
    files: ClassVar[Mapping[str, str]] = {
        FINAL_BED_FILE: "normalized scores, 0-1000, 750 is average for the TR",
        RAW_BED_FILE: "scores before normalization, 0-1000; compare within a source only",
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        name = scores.cell_line.name
        self.columns = {FINAL_BED_FILE: FINAL_BED.columns, RAW_BED_FILE: RAW_BED.columns}
        self._opened = ExitStack()
        self._raw = self._track(
            folder / RAW_BED_FILE, f"{name} raw", f"{name} peaks, atyPeak score before normalization"
        )
        self._final = self._track(
            folder / FINAL_BED_FILE,
            f"{name} final",
            f"{name} peaks, atyPeak score; 750 is average for the TR",
        )

    def _track(self, file: Path, name: str, description: str) -> TextIO:
        track = track_line(name, description) if self.has_track_line else ""
        return self._opened.enter_context(new_bed(file, track))

    def write(self, peaks: Columns) -> None:
        """Append a line for each peak that has a score to both files."""
        has_score = ~np.isnan(peaks[FINAL.name])
        scored = {name: values[has_score] for name, values in peaks.items()}
        for out, values in ((self._raw, scored[RAW.name] * RAW_SCALE), (self._final, scored[FINAL.name])):
            columns = scored["contig"], scored["start"], scored["end"], scored["name"], bed_scores(values)
            write_bed6(out, *(column.tolist() for column in columns))

    def close(self) -> None:
        """Close both files."""
        self._opened.close()


class BedTrackWriter(BedWriter):
    """Writes both files, each a UCSC track. Tools other than browsers stumble over the track line."""

    has_track_line = True
