"""The numbers behind the final scores, as two tables: weights of sources and scales of labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy.typing as npt
import pandas as pd

from atypeak_scale.registry.columns import LABELS, WEIGHTS
from atypeak_scale.registry.table import Table
from atypeak_scale.registry.variables import LABEL_VARIABLES, WEIGHT_VARIABLES
from atypeak_scale.scoring.peak_table import Columns, PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.tables import file_name, write_tsv

WEIGHTS_FILE, LABELS_FILE = file_name(WEIGHTS), file_name(LABELS)


def weights_table(scores: Scores) -> pd.DataFrame:
    """Return the weight of each source, its factors and their errors, one row per source."""
    labels = zip(*scores.cell_line.sources, strict=True)
    return _frame(scores, WEIGHTS, *labels, *(scores.read(variable) for variable in WEIGHT_VARIABLES))


def labels_table(scores: Scores) -> pd.DataFrame:
    """Return the scale of the final scores of each label of the second view."""
    labels = scores.cell_line.labels[1]
    return _frame(scores, LABELS, labels, *(scores.read(variable) for variable in LABEL_VARIABLES))


def _frame(scores: Scores, table: Table, *columns: Sequence[str] | npt.NDArray[Any]) -> pd.DataFrame:
    names = [column.name for column in table.named(scores.cell_line.views)]
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


class TsvWriter:
    """Writes both tables when it is created; it needs no peaks."""

    files: ClassVar[Mapping[str, str]] = {
        WEIGHTS_FILE: WEIGHTS.description,
        LABELS_FILE: LABELS.description,
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path) -> None:
        views = scores.cell_line.views
        self.columns = {WEIGHTS_FILE: WEIGHTS.named(views), LABELS_FILE: LABELS.named(views)}
        write_tsv(weights_table(scores), WEIGHTS, views, folder / WEIGHTS_FILE)
        write_tsv(labels_table(scores), LABELS, views, folder / LABELS_FILE)

    def write(self, peaks: Columns) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
