"""Statistics as long tables, for files and for the eye."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from atypeak_scale.assess.description.distributions import density_with, quartiles_with
from atypeak_scale.assess.description.statistics import statistics_with
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

ABUNDANCE, MEAN_CRM, PAIRS = "abundance", "mean-crm", "correlations"
SCORES, DENSITY, DENSITY_TEST = "scores", "density", "density-test"


def statistics_tables(
    store: Location,
    cell_line: str | None = None,
    run: ScoreRun | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> dict[str, pd.DataFrame]:
    """Return name -> table of everything that SPEC 7.4 asks for; of the scores only where `run` is given.

    Columns `of`, `label` say of what a row is: "source", or the name of a view, and which.

    Raises
    ------
    InputError
        Where there is no such store or cell line, or it is not scored and normalized by the model of `run`.

    """
    with connect(cluster, progress) as client:
        scores = {} if run is None else _score_tables(run, client, progress)
        found = statistics_with(store, cell_line, client, progress)
    return {
        ABUNDANCE: _abundance(found),
        MEAN_CRM: _mean_crm(found),
        PAIRS: _pairs(found),
        **scores,
    }


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


def _pairs(found: xr.Dataset) -> pd.DataFrame:
    """Return correlation and, for labels of a view, Jaccard index of every two different ones, once."""
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


def _score_tables(run: ScoreRun, client: Any | None, progress: Progress) -> dict[str, pd.DataFrame]:
    density = density_with(run, client, progress)
    by_size = density.drop_dims("relation").to_dataframe().reset_index(names="crm_peaks_from")
    log2 = by_size["crm_peaks_from"].to_numpy()
    by_size["crm_peaks_from"] = 2**log2
    by_size.insert(1, "crm_peaks_to", 2 ** (log2 + 1) - 1)
    test = density.drop_dims("log2_peaks").to_dataframe().reset_index()
    return {SCORES: quartiles_with(run, client, progress), DENSITY: by_size, DENSITY_TEST: test}


def write_table(table: pd.DataFrame, file: Location) -> None:
    """Write a table as a new TSV file, whole or not at all; numbers are not rounded, NaN is left empty.

    Raises
    ------
    InputError
        Where `file` exists or cannot be made.

    """
    with target(file).new_file() as written:
        _write(table, written)


def replace_table(table: pd.DataFrame, file: Location) -> None:
    """Write a table as `write_table` does, in place of the file that is there."""
    with target(file).replacing_file() as written:
        _write(table, written)


def write_tables(tables: dict[str, pd.DataFrame], folder: Location) -> list[Location]:
    """Write each table as NAME.tsv into a new folder; returns the files.

    Raises
    ------
    InputError
        Where `folder` exists or cannot be made.

    """
    with target(folder).new_folder(last=f"{next(iter(tables))}.tsv") as partial:
        for name, table in tables.items():
            _write(table, partial / f"{name}.tsv")
    return [join(folder, f"{name}.tsv") for name in tables]


def _write(table: pd.DataFrame, file: Path) -> None:
    table.to_csv(file, sep="\t", index=False, lineterminator="\n")
