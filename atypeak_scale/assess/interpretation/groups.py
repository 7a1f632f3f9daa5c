"""Which sources belong together according to a model: correlation groups (method, section 7.1).

Article, Interpretability: show the model one source alone, along the whole window. What it rebuilds in
addition, the phantoms, is what it expects with that source.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

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
from atypeak_scale.assess.results import described, save, save_tables
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import listener
from atypeak_scale.provenance import refuse_existing_output
from atypeak_scale.registry.columns import GROUP_ASKED, GROUP_PHANTOMS, GROUP_SOURCES
from atypeak_scale.registry.results import GROUPS
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.score import PASS_BYTES, PROCESS_BYTES
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.weights import rebuilt_alone
from atypeak_scale.storage.locations import Location

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ResponseTask:
    """One model, to be shown every source."""

    scores: Scores


def groups(
    scores: Scores | Sequence[Scores],
    groups: int | None = None,
    out: Location | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Find the correlation groups of a cell line's sources, and keep them with the scores.

    The distance of two sources is 1 - the mean of what each asks of the other, M_s[t] and M_t[s]; groups are
    cut from a tree of average linkage. Sources that the model does not rebuild ask for nothing in common.
    They remain as a background group, whose `own`, `strength` and `silhouette` are near 0. The windows shown
    have the crumbs that the model was trained with, as in the normalization (method, section 5).

    Parameters
    ----------
    scores
        Scores of one model or of an ensemble, or several scores of the same cell line by models of several
        seeds. R and M are averaged over models (method, section 3.4). Peaks need not be scored.
    groups
        How many; None takes the number, from 2 to 50, with the largest mean silhouette.
    out
        New folder or URL for `sources.tsv` (the group of each source), `asked.tsv` (the matrix) and
        `phantoms.tsv` (see `phantoms`); None writes no tables.
    executor
        Where the work runs, one task per model; None means this process.

    Returns
    -------
    xarray.Dataset
        What `load(scores, "groups")` reads, kept beside the scores of the (first) model. Dims source and
        source_other (`dataset.TR`, in the order of the store), the two views, seed (the models, in the order
        given). float64 `rebuilt` (source, dataset, tr), `asked` (source, source_other), `own`, `strength`,
        `silhouette` (source); int64 `group` (source), `group_by_seed` (seed, source); text `group_name`
        (source); `source_dataset`, `source_tr`: the labels of each source. Attributes: `groups`, their
        number; `agreement`, the mean adjusted Rand index between the groups that each model gives by the same
        rule (NaN for one model); `models`, fingerprints.

    Raises
    ------
    InputError
        If `out` exists, there are fewer sources than groups, the scores are not of one cell line, a model is
        given twice, or a model changed.
    AtypeakError
        If another process is writing these results.

    Examples
    --------
    >>> found = groups(open_scores(open_store("hela.zarr"), "hela-model"))
    >>> found["group_name"].to_series()

    """
    executor = executor or InProcess()
    given = [scores] if isinstance(scores, Scores) else scores
    members = [one for each in given for one in each.members or (each,)]
    if out is not None:
        refuse_existing_output(out)
    _check(members, groups)
    executor.require(PROCESS_BYTES + PASS_BYTES)
    first = members[0]
    first.create()
    with first.writing(GROUPS.name):
        tasks = [ResponseTask(one) for one in members]
        rebuilt = {
            task.scores.fingerprint: response for task, response in executor.map(_responses, tasks, "groups")
        }
        found = groups_of(xr.concat([rebuilt[one.fingerprint] for one in members], "seed"), groups)
        found.attrs["models"] = [one.fingerprint for one in members]
        save(found, first, GROUPS)
    if out is not None:
        models = {"models": [one.provenance()["scores"] for one in members]}
        save_tables(_tables(found), out, first.cell_line.views, {**first.provenance(), **models})
    return found


def _check(members: list[Scores], groups: int | None) -> None:
    first = members[0].cell_line
    for number, one in enumerate(members):
        if one.cell_line != first:
            raise InputError(
                f"{one.cell_line.store}, {one.cell_line.name}: expected scores of one store and cell line; "
                f"the first are of {first.store}, {first.name}"
            )
        for other in members[:number]:
            if one.fingerprint == other.fingerprint:
                raise InputError(f"{one.model}: the same model as {other.model}; give each only once")
    sources = first.shape.sources
    if groups is not None and not 1 <= groups <= sources:
        raise InputError(f"{groups} groups: there are {sources} sources; expected from 1 to {sources}")


def _responses(task: ResponseTask) -> xr.DataArray:
    return source_responses(task.scores)


def source_responses(scores: Scores) -> xr.DataArray:
    """Return what a model rebuilds from each source alone, R (method, section 5), and report progress.

    Parameters
    ----------
    scores
        Of one model.

    Returns
    -------
    xarray.DataArray
        float64 (source, dataset, tr), labels in the order of the store.

    """
    cell_line = scores.cell_line
    # The windows already have their crumbs, so the engine must add none.
    engine = scores.engine(crumbs=0.0)
    _, rebuilt = rebuilt_alone(engine, scores.config.training.crumbs, InProcess(listener()))
    m, n = map(len, cell_line.labels)
    rebuilt = rebuilt[:, :m, :n]  # without labels that only the model has
    sources = np.array(cell_line.sources, object)
    of_views = zip(cell_line.views, cell_line.labels, sources.T, strict=True)
    coords = {"source": ("source", np.array([source_name(source) for source in cell_line.sources], object))}
    for view, labels, of_source in of_views:
        coords |= {view: (view, np.array(labels, object)), f"source_{view}": ("source", of_source)}
    return xr.DataArray(rebuilt, coords, ("source", *cell_line.views), "rebuilt")


def groups_of(rebuilt: xr.DataArray, groups: int | None = None) -> xr.Dataset:
    """Return the Dataset that `groups` describes, from R of each model: (seed, source, dataset, tr)."""
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
    return described(found, GROUPS)


def asked_of(rebuilt: xr.DataArray) -> FloatArray:
    """Return M at the cells of the sources: R_s over its maximum over all cells (method, section 5.2).

    Parameters
    ----------
    rebuilt
        R of one model: (source, dataset, tr).

    Returns
    -------
    float64 (source, source)
        Negative values, which mean nothing (article, Interpretability), become 0, and so does a row without
        positive values.

    """
    values = rebuilt.to_numpy()
    largest = np.maximum(values.max(axis=(1, 2)), 0.0)[:, None]
    rows, columns = _cells(rebuilt)
    at_sources = np.maximum(values[:, rows, columns], 0.0)
    asked: FloatArray = np.divide(at_sources, largest, out=np.zeros_like(at_sources), where=largest > 0)
    return asked


def _cells(rebuilt: xr.DataArray) -> tuple[IntArray, IntArray]:
    """Return the place of every source's own cell along each view, which are the last two dims."""
    first, second = (
        rebuilt.indexes[view].get_indexer(rebuilt[f"source_{view}"].to_numpy()) for view in rebuilt.dims[-2:]
    )
    return first, second


def _strengths(asked: FloatArray, group: IntArray) -> FloatArray:
    """Return what the others in its group ask of each source on average, NaN if there are none."""
    together = (group[:, None] == group) & ~np.eye(len(group), dtype=bool)
    with np.errstate(invalid="ignore"):
        strengths: FloatArray = (asked * together).sum(axis=0) / together.sum(axis=0)
    return strengths


def _names(
    rebuilt: xr.DataArray, views: tuple[str, str], group: IntArray, strength: FloatArray
) -> npt.NDArray[np.object_]:
    """Return a name for each group: its two strongest labels of the second view.

    Two groups may share TRs, if datasets differ more than TRs do; then the name is its strongest sources.
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
    """Return what the model adds to each source, the strongest first.

    Parameters
    ----------
    found
        What `groups` returned.
    source
        Only this source (`dataset.TR`); None means all of them.

    Returns
    -------
    pandas.DataFrame
        Columns: the two views, which name the source; phantom_ and each view, the cell; value, R there; rank,
        from 1, within the source; observed, 1 if the cell is a source of the store, else 0. Every cell except
        the source's own has a row. The crumbs of the source are in its row and column of cells (method,
        section 2.5).

    Raises
    ------
    InputError
        If there is no such source.

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
    """Return a row for each source, by group and strength, from what `groups` returned.

    Columns: number and name of the group, the two views, own, strength, silhouette.
    """
    views = [str(dim) for dim in found["rebuilt"].dims[1:]]
    columns = ["group", "group_name", *(f"source_{view}" for view in views), "own", "strength", "silhouette"]
    table = pd.DataFrame({name.removeprefix("source_"): found[name].to_numpy() for name in columns})
    return table.sort_values(["group", "strength"], ascending=[True, False], kind="stable", ignore_index=True)


def _tables(found: xr.Dataset) -> Iterator[tuple[Table, pd.DataFrame]]:
    """Yield the three tables; phantoms one source at a time, because there may be many."""
    names = found["source"].to_numpy()
    asked = pd.DataFrame(found["asked"].to_numpy(), columns=names)
    asked.insert(0, "source", names)
    phantoms = _phantoms_of(found, range(found.sizes["source"]))
    of_all = ((GROUP_PHANTOMS, table) for table in phantoms)
    return chain([(GROUP_SOURCES, sources_table(found)), (GROUP_ASKED, asked)], of_all)
