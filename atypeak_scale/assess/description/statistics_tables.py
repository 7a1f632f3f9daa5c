"""Statistics as long tables, for files and for reading."""

import numpy as np
import pandas as pd
import xarray as xr

from atypeak_scale.assess.description.distributions import score_density, score_quartiles
from atypeak_scale.assess.description.statistics import statistics
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry.columns import (
    ABUNDANCE,
    CORRELATIONS,
    DENSITY,
    DENSITY_JUDGED,
    DENSITY_TEST,
    MEAN_CRM,
    SCORES,
)
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.named_scores import named_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine


def statistics_tables(
    cell_line: CellLine,
    scores: Scores | None = None,
    executor: Executor | None = None,
    score: str | None = None,
) -> list[tuple[Table, pd.DataFrame]]:
    """Return all statistics of a cell line's data, and of its scores, as tables.

    Parameters
    ----------
    cell_line
        Whose data is described.
    scores
        Complete scores, to be described as well; None describes only the data.
    executor
        Where the work runs; None means this process.
    score
        Name of the score that is held against the number of peaks of the CRM; None takes the final score, or
        trust (1 - doubt) of support.

    Returns
    -------
    list of (Table, pandas.DataFrame)
        What `assess.results.save_tables` writes. Column `of` says what a row describes: "source", or the name
        of a view. Column `label` says which one.

    Raises
    ------
    InputError
        If there is no such score.
    StageMissingError
        If the results are not complete.

    """
    of_scores = [] if scores is None else _score_tables(scores, executor, score)
    return [*tables_of(statistics(cell_line, executor)), *of_scores]


def tables_of(found: xr.Dataset) -> list[tuple[Table, pd.DataFrame]]:
    """Return what `statistics` found as tables: abundance, the mean CRM, correlations."""
    return [
        (ABUNDANCE, _abundance(found)),
        (MEAN_CRM, _mean_crm(found)),
        (CORRELATIONS, _correlations(found)),
    ]


def _abundance(found: xr.Dataset) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "of": of,
                "label": found[of].to_numpy(),
                "peaks": found[f"peaks_{of}"].to_numpy(),
                "bp": found[f"bp_{of}"].to_numpy(),
            }
        )
        for of in ("source", *found.attrs["views"])
    ]
    return pd.concat(parts, ignore_index=True)


def _mean_crm(found: xr.Dataset) -> pd.DataFrame:
    """Return the mean occupancy of every bin of every source."""
    view0, view1 = found.attrs["views"]
    source, bin_ = (index.ravel() for index in np.indices((found.sizes["source"], found.sizes["bin"])))
    return pd.DataFrame(
        {
            view0: found[view0].to_numpy()[found[f"source_{view0}"].to_numpy()[source]],
            view1: found[view1].to_numpy()[found[f"source_{view1}"].to_numpy()[source]],
            "bin": bin_,
            "mean_occupancy": found["mean_occupancy"].to_numpy().T.ravel(),
        }
    )


def _correlations(found: xr.Dataset) -> pd.DataFrame:
    """Return the correlation and, for labels, the Jaccard index of every two different ones, once."""
    parts = []
    for of in ("source", *found.attrs["views"]):
        labels = found[of].to_numpy()
        one, other = np.triu_indices(len(labels), 1)
        columns = {"of": of, "label": labels[one], "other_label": labels[other]}
        columns["correlation"] = found[f"correlation_{of}"].to_numpy()[one, other]
        jaccard = f"jaccard_{of}"
        columns["jaccard"] = found[jaccard].to_numpy()[one, other] if jaccard in found else np.nan
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def _score_tables(
    scores: Scores, executor: Executor | None, score: str | None
) -> list[tuple[Table, pd.DataFrame]]:
    density = density_tables(score_density(scores, executor, score), scores, score)
    return [(SCORES, score_quartiles(scores, executor)), *density]


def density_tables(
    density: xr.Dataset, scores: Scores, score: str | None = None
) -> list[tuple[Table, pd.DataFrame]]:
    """Return what `score_density` found as two tables: by the number of peaks of the CRM, and the tests."""
    by_size = density.drop_dims("relation").to_dataframe().reset_index(names="crm_peaks_from")
    log2 = by_size["crm_peaks_from"].to_numpy()
    by_size["crm_peaks_from"] = 2**log2
    by_size.insert(1, "crm_peaks_to", 2 ** (log2 + 1) - 1)
    test = density.drop_dims("log2_peaks").to_dataframe().reset_index()
    of_density = named_score(scores, score).table(DENSITY, DENSITY_JUDGED)
    return [(of_density, by_size), (DENSITY_TEST, test)]
