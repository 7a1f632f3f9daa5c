"""The table of experiments: every source with all that is known of it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.assess.description.confirmed import confirmed
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.report_columns import EXPERIMENTS
from atypeak_scale.store.cell_line import CellLine

if TYPE_CHECKING:
    import pandas as pd

QUARTILES = ("lower_quartile", "median", "upper_quartile")
FloatArray = npt.NDArray[np.float64]


def experiments(
    cell_line: CellLine,
    chance: Mapping[str, npt.NDArray[Any]] | None,
    quartiles: "pd.DataFrame",
    executor: Executor | None = None,
) -> "pd.DataFrame":
    """Return a row for each source with the columns of `EXPERIMENTS`, in the order of the store.

    Parameters
    ----------
    cell_line
        The data.
    chance
        By the name of the array, what the placements say of each source, (sources,); None without support.
    quartiles
        What `score_quartiles` returned, of one or several scores; what it lacks is missing.
    executor
        Where the work runs; None means this process.

    """
    import pandas as pd

    number = cell_line.shape.sources
    labels = np.array(cell_line.sources, object)
    of_others = confirmed(cell_line, executor)
    columns: dict[str, Any] = {view: labels[:, at] for at, view in enumerate(cell_line.views)}
    columns["peaks"] = of_others.peaks
    for variable in v.CHANCE_VARIABLES:
        unknown: list[Any] = ([""] if variable is v.VERDICT else [np.nan]) * number
        known = unknown if chance is None else chance[variable.name]
        columns.setdefault(variable.name, known)
    names = [source_name(source) for source in cell_line.sources]
    columns["median_doubt"] = _of(quartiles, names, "doubt", "median")
    columns["others_of_label"], columns["confirmed"] = of_others.others, of_others.share
    for quartile in QUARTILES:
        columns[f"final_{quartile}"] = _of(quartiles, names, "final", quartile)
    return pd.DataFrame({column.name: columns[column.name] for column in EXPERIMENTS.named(cell_line.views)})


def _of(quartiles: "pd.DataFrame", names: list[str], score: str, column: str) -> FloatArray:
    """Return a column of the quartiles of a score for every source, NaN where there is none."""
    rows = quartiles[(quartiles["of"] == "source") & (quartiles["score"] == score)]
    found: FloatArray = rows.set_index("label")[column].reindex(names).to_numpy(np.float64)
    return found
