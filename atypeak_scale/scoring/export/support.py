"""Support for people and browsers: a BED file of doubt, and a table of sources."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from atypeak_scale.catalogue.bed import track_line, write_bed6
from atypeak_scale.registry.columns import SOURCES
from atypeak_scale.registry.dictionary import BED
from atypeak_scale.registry.variables import CHANCE_VARIABLES, DOUBT
from atypeak_scale.scoring.export.bed import bed_scores, new_bed
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.tables import file_name, write_tsv

SUPPORT_BED_FILE, SOURCES_FILE = "support.bed", file_name(SOURCES)


class SupportBedWriter:
    """Writes BED6 of the peaks that can be judged: 1000 is no doubt, 0 is a peak like random ones."""

    has_track_line: ClassVar[bool] = False
    files: ClassVar[Mapping[str, str]] = {
        SUPPORT_BED_FILE: f"1000 (1 - doubt) of every peak that can be judged; {SOURCES_FILE} says which"
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        name = scores.cell_line.name
        self.columns = {SUPPORT_BED_FILE: BED.columns}
        track = track_line(f"{name} support", f"{name} peaks, 1000 (1 - probability of chance)")
        self._out = new_bed(folder / SUPPORT_BED_FILE, track if self.has_track_line else "")

    def write(self, peaks: Columns) -> None:
        """Append a line for each peak that can be judged."""
        judged = ~np.isnan(peaks[DOUBT.name])
        columns = [peaks[name][judged] for name in ("contig", "start", "end", "name", DOUBT.name)]
        columns[-1] = bed_scores(1000 * (1 - columns[-1]))
        write_bed6(self._out, *(column.tolist() for column in columns))

    def close(self) -> None:
        """Close the file."""
        self._out.close()


class SupportTrackWriter(SupportBedWriter):
    """Writes the same as a UCSC track."""

    has_track_line = True


def sources_table(scores: Scores) -> pd.DataFrame:
    """Return what support says of each source: the columns of `SOURCES`, one row for each source."""
    labels = zip(*scores.cell_line.sources, strict=True)
    columns = [*labels, *(scores.read(variable) for variable in CHANCE_VARIABLES)]
    names = [column.name for column in SOURCES.named(scores.cell_line.views)]
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


class SourcesWriter:
    """Writes the table of sources when it is created; it needs no peaks."""

    files: ClassVar[Mapping[str, str]] = {SOURCES_FILE: SOURCES.description}

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        views = scores.cell_line.views
        self.columns = {SOURCES_FILE: SOURCES.named(views)}
        write_tsv(sources_table(scores), SOURCES, views, folder / SOURCES_FILE)

    def write(self, peaks: Columns) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
