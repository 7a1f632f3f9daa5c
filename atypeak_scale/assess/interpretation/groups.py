"""Which sources belong together, as a model has it: correlation groups (SPEC 7.1).

Article, Interpretability: show the model one source alone, along the whole window; what it rebuilds besides,
the phantoms, is what it expects with it.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from atypeak_scale.assess.interpretation.clusters import (
    adjusted_rand_index,
    cluster,
    mutual_distance,
    silhouettes,
)
from atypeak_scale.assess.results import save_results
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.execution.cluster import Event, Progress, no_progress
from atypeak_scale.model.inference.process import process_engine
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.scoring.weights import rebuilt_alone
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema

GROUPS = "groups"
PHANTOMS, SOURCES, ASKED = "phantoms.tsv", "sources.tsv", "asked.tsv"
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

DESCRIPTIONS = {
    "rebuilt": "R, what the model rebuilds from the source alone along the window, mean over bins (SPEC 5)",
    "asked": "M at the cell of the other source: R over its maximum, what is negative as 0 (SPEC 5.2)",
    "group": "number of the source's group; the largest group is 0",
    "group_name": "the two labels of the second view that the group asks for most",
    "own": "what the model rebuilds of the source itself, R at its own cell",
    "strength": "mean of what the others of its group ask of the source; NaN where it is alone",
    "silhouette": "how much closer the source is to its own group than to the next one, -1 to 1",
    "group_by_seed": "number of the source's group by each model alone",
}


def correlation_groups(
    runs: ScoreRun | Sequence[ScoreRun],
    groups: int | None = None,
    out: Location | None = None,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Find the correlation groups of a store's sources, and keep them beside the scores of the (first) model.

    runs: one, an ensemble, or several of the same store and cell line with models of several seeds, whose R
    and M are averaged (SPEC 3.4). The windows shown have the crumbs that the model was trained with, as in
    SPEC 5. groups: how many; None takes the number, from 2 to 50, whose mean silhouette is the largest.
    out: a new folder for `sources.tsv` (the group of each), `asked.tsv` (the matrix) and `phantoms.tsv`
    (`phantoms`).

    The distance of two sources is 1 - the mean of what each asks of the other, M_s[t] and M_t[s]; groups are
    cut from a tree of average linkage. Sources that the model does not rebuild ask for nothing in common, and
    are left over as a background group, whose `own`, `strength` and `silhouette` are near 0.

    Returns
    -------
    The Dataset that `load_results(run, "groups")` reads. Dims source and source_other (`dataset.TR`, in the
    order of the store), the two views, seed (the models, in the order given). float64 `rebuilt` (source,
    dataset, tr), `asked` (source, source_other), `own`, `strength`, `silhouette` (source); int64 `group`
    (source), `group_by_seed` (seed, source); text `group_name` (source); `source_dataset`, `source_tr`: the
    labels of each source. Attributes: `groups`, their number; `agreement`, the mean adjusted Rand index
    between the models' own groups, each found by the same rule (NaN for one model); `models`, fingerprints.

    Raises
    ------
    InputError
        Where `out` exists, there are fewer sources than groups, the runs are not of one store and cell line,
        a model is given twice, or one changed.

    """
    given = [runs] if isinstance(runs, ScoreRun) else runs
    members = [one for run in given for one in run.members or (run,)]
    if out is not None:
        target(out).refuse_existing(last=ASKED)
    _check(members, groups)
    rebuilt = []
    for done, run in enumerate(members, 1):
        rebuilt.append(source_responses(run))
        progress(Event(GROUPS, done, len(members)))
    found = groups_of(xr.concat(rebuilt, "seed"), groups)
    found.attrs["models"] = [run.fingerprint for run in members]
    save_results(members[0], GROUPS, found)
    if out is not None:
        _write_tables(found, out)
    return found


def _check(runs: list[ScoreRun], groups: int | None) -> None:
    for number, run in enumerate(runs):
        if (run.store, run.cell_line) != (runs[0].store, runs[0].cell_line):
            raise InputError(
                f"{run.store}, {run.cell_line}: expected runs of one store and cell line; "
                f"the first is of {runs[0].store}, {runs[0].cell_line}"
            )
        for other in runs[:number]:
            if run.fingerprint == other.fingerprint:
                raise InputError(f"{run.model}: the same model as {other.model}; give each only once")
    sources = len(schema.source_labels(schema.open_cell_line(runs[0].store, runs[0].cell_line)))
    if groups is not None and not 1 <= groups <= sources:
        raise InputError(f"{groups} groups: there are {sources} sources; expected from 1 to {sources}")


def source_responses(run: ScoreRun) -> xr.DataArray:
    """Return R of SPEC 5: float64 (source, dataset, tr), labels in the order of the store."""
    data = schema.open_cell_line(run.store, run.cell_line)
    sources, views, labels = schema.source_labels(data), schema.views_of(data), schema.labels_of(data)
    # The windows come with their crumbs, so the engine must add none.
    first, second = map(tuple, labels)
    engine = process_engine(run.model, run.fingerprint, (first, second), tuple(sources), 0.0, run.precision)
    bins = schema.array(data, "occupancy").shape[1]
    _, rebuilt = rebuilt_alone(engine, engine.shape, bins, run.config.training.crumbs)
    rebuilt = rebuilt[:, : len(first), : len(second)]  # without labels that only the model has
    coords: dict[str, Any] = {
        view: np.array(names, object) for view, names in zip(views, labels, strict=True)
    }
    coords |= {
        f"source_{view}": ("source", np.array(names, object))
        for view, names in zip(views, zip(*sources, strict=True), strict=True)
    }
    coords["source"] = np.array([source_name(source) for source in sources], object)
    return xr.DataArray(rebuilt, coords, ("source", *views), "rebuilt")


def groups_of(rebuilt: xr.DataArray, groups: int | None = None) -> xr.Dataset:
    """Return what `correlation_groups` describes, from R of each model: (seed, source, dataset, tr)."""
    views = str(rebuilt.dims[2]), str(rebuilt.dims[3])
    mean = rebuilt.mean("seed")
    each = np.stack([asked_of(member) for member in rebuilt])
    asked = each.mean(axis=0)
    distance = mutual_distance(asked)
    group = cluster(distance, groups)
    by_seed = np.stack([cluster(mutual_distance(matrix), groups) for matrix in each])
    agreements = [adjusted_rand_index(one, other) for one, other in combinations(by_seed, 2)]
    strength = _strengths(asked, group)
    count = int(group.max()) + 1
    names = _names(rebuilt, views, group, strength)
    found = xr.Dataset(
        {
            "rebuilt": mean,
            "asked": (("source", "source_other"), asked),
            "group": ("source", group),
            "group_name": ("source", names[group]),
            "own": ("source", mean.to_numpy()[np.arange(len(group)), *_cells(rebuilt)]),
            "strength": ("source", strength),
            "silhouette": ("source", silhouettes(distance, group) if count > 1 else np.zeros(len(group))),
            "group_by_seed": (("seed", "source"), by_seed),
        },
        coords={"source_other": rebuilt["source"].to_numpy()},
        attrs={"groups": count, "agreement": float(np.mean(agreements)) if agreements else float("nan")},
    )
    for name, text in DESCRIPTIONS.items():
        found[name].attrs["description"] = text
    return found


def asked_of(rebuilt: xr.DataArray) -> FloatArray:
    """Return M of SPEC 5.2 at the sources' cells: (source, source), R_s over its maximum over all cells.

    Negative values, which mean nothing (article, Interpretability), are 0, and so is a row without any other.
    """
    values = rebuilt.to_numpy()
    largest = np.maximum(values.max(axis=(1, 2)), 0.0)[:, None]
    rows, columns = _cells(rebuilt)
    at_sources = np.maximum(values[:, rows, columns], 0.0)
    asked: FloatArray = np.divide(at_sources, largest, out=np.zeros_like(at_sources), where=largest > 0)
    return asked


def _cells(rebuilt: xr.DataArray) -> tuple[IntArray, IntArray]:
    """Return the place of every source's own cell along each of the views, the last two dims."""
    first, second = (
        rebuilt.indexes[view].get_indexer(rebuilt[f"source_{view}"].to_numpy()) for view in rebuilt.dims[-2:]
    )
    return first, second


def _strengths(asked: FloatArray, group: IntArray) -> FloatArray:
    """Return the mean of what the others of its group ask of each source, NaN where there are none."""
    together = (group[:, None] == group) & ~np.eye(len(group), dtype=bool)
    with np.errstate(invalid="ignore"):
        strengths: FloatArray = (asked * together).sum(axis=0) / together.sum(axis=0)
    return strengths


def _names(
    rebuilt: xr.DataArray, views: tuple[str, str], group: IntArray, strength: FloatArray
) -> npt.NDArray[np.object_]:
    """Return a name for each group: its two strongest labels of the second view.

    Two groups may share their TRs, as where datasets differ more than TRs do; then its strongest sources.
    """
    order = np.argsort(-np.nan_to_num(strength, nan=-1.0), kind="stable")

    def of_strongest(labels: npt.NDArray[np.object_]) -> list[str]:
        members = [list(dict.fromkeys(labels[order[group[order] == g]])) for g in range(group.max() + 1)]
        return ["+".join(names[:2]) for names in members]

    names = of_strongest(rebuilt[f"source_{views[1]}"].to_numpy())
    if len(set(names)) < len(names):
        names = of_strongest(rebuilt["source"].to_numpy())
    return np.array(names, object)


def phantoms(found: xr.Dataset, source: str | None = None) -> pd.DataFrame:
    """Return what the model adds to a source (`dataset.TR`), or to each of them, the strongest first.

    Columns: the two views, which name the source; phantom_ and each view, the cell; value, R there; rank,
    from 1, within the source; observed, 1 where the cell is a source of the store, else 0. Every cell but the
    source's own has a row; crumbs of the source are in its row and column of cells (SPEC 2.5).

    Raises
    ------
    InputError
        Where there is no such source.

    """
    names = found["source"].to_numpy().tolist()
    if source is not None and source not in names:
        raise InputError(f"no source {source!r}; {nearest(source, names)}")
    chosen = range(len(names)) if source is None else [names.index(source)]
    return pd.concat(_phantoms_of(found, chosen), ignore_index=True)


def _phantoms_of(found: xr.Dataset, sources: Sequence[int]) -> Iterator[pd.DataFrame]:
    views = [str(dim) for dim in found["rebuilt"].dims[1:]]
    labels = [found[view].to_numpy() for view in views]
    own = [found[f"source_{view}"].to_numpy() for view in views]
    observed = set(zip(*own, strict=True))
    flags = np.array([[int((a, b) in observed) for b in labels[1]] for a in labels[0]])
    for source in sources:
        values = found["rebuilt"][source].to_numpy()
        row, column = np.unravel_index(np.argsort(-values, axis=None, kind="stable"), values.shape)
        other = (labels[0][row] != own[0][source]) | (labels[1][column] != own[1][source])
        row, column = row[other], column[other]
        yield pd.DataFrame(
            {
                views[0]: own[0][source],
                views[1]: own[1][source],
                f"phantom_{views[0]}": labels[0][row],
                f"phantom_{views[1]}": labels[1][column],
                "value": values[row, column],
                "rank": np.arange(1, len(row) + 1),
                "observed": flags[row, column],
            }
        )


def sources_table(found: xr.Dataset) -> pd.DataFrame:
    """Return a row for each source, by group and strength: number and name of it, views, own and so on."""
    views = [str(dim) for dim in found["rebuilt"].dims[1:]]
    columns = ["group", "group_name", *(f"source_{view}" for view in views), "own", "strength", "silhouette"]
    table = pd.DataFrame({name.removeprefix("source_"): found[name].to_numpy() for name in columns})
    return table.sort_values(["group", "strength"], ascending=[True, False], kind="stable", ignore_index=True)


def _write_tables(found: xr.Dataset, out: Location) -> None:
    """Write the three tables into a new folder; phantoms a source at a time, as there may be many."""
    with target(out).new_folder(last=ASKED) as folder:
        sources_table(found).to_csv(
            folder / SOURCES, sep="\t", index=False, na_rep="nan", lineterminator="\n"
        )
        asked = found["asked"].to_pandas()
        asked.to_csv(folder / ASKED, sep="\t", index_label="source", lineterminator="\n")
        with (folder / PHANTOMS).open("x", encoding="utf-8", newline="") as file:
            for number, table in enumerate(_phantoms_of(found, range(found.sizes["source"]))):
                table.to_csv(file, sep="\t", index=False, header=not number, lineterminator="\n")
