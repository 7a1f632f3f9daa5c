"""How scores are distributed: by label, and by how many peaks the CRM has (article, Fig. 6b).

What does not fit in memory goes to a temporary folder, at most 50 bytes for each peak. It is read back one
label, or one range of scores, at a time.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy import stats

from atypeak_scale.assess.crm_members import MEMBER, crm_members
from atypeak_scale.assess.description.spool import Spool
from atypeak_scale.assess.results import described
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.columns import SCORES
from atypeak_scale.registry.results import DENSITY
from atypeak_scale.scoring.named_scores import named_score, scores_of
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block, CellLine

QUARTILES = (0.25, 0.5, 0.75)
# In steps of the score. Final scores are 750 on average, with a standard deviation of 375, and a step is 16.
LOWEST, HIGHEST = -64, 192
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PeakScoresTask:
    """A block of catalogue peaks of some scores."""

    scores: Scores
    block: Block


def score_quartiles(scores: Scores, executor: Executor | None = None) -> pd.DataFrame:
    """Return number, mean and quartiles of every score, by source and by the labels of both views.

    Each peak counts once. The peaks of one label are in memory at a time, about 100 bytes each.

    Parameters
    ----------
    scores
        Complete scores.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    pandas.DataFrame
        One row for each (`of`, `label`, `score`). of: "source" or a view's name; score: every one that the
        model gives; peaks: how many have it; mean, lower_quartile, median, upper_quartile (linear between
        neighbours) of these, NaN if there are none.

    Raises
    ------
    StageMissingError
        If the results are not complete.

    """
    scores.require_complete()
    cell_line, executor = scores.cell_line, executor or InProcess()
    tasks = [PeakScoresTask(scores, block) for block in cell_line.blocks("peaks")]
    with tempfile.TemporaryDirectory(prefix="atypeak-quartiles-") as folder:
        spool = Spool(Path(folder), _record_of(scores))
        for _, records in executor.map(_scores_of_peaks, tasks, "scores"):
            spool.add(records["source"], records)
        rows = [
            row
            for of, label, sources in _groups(cell_line)
            for row in _quartile_rows(of, label, np.concatenate([spool.read(s) for s in sources]))
        ]
    return pd.DataFrame(rows, columns=[column.name for column in SCORES.columns])


def _record_of(scores: Scores) -> np.dtype[np.void]:
    """Return the dtype of a peak's source and scores."""
    names = [score.name for score in scores_of(scores.objective)]
    return np.dtype([("source", np.int32), *((name, np.float32) for name in names)])


def _scores_of_peaks(task: PeakScoresTask) -> npt.NDArray[np.void]:
    """Return the records of a block."""
    source = task.scores.cell_line.peaks(*task.block).source
    records = np.empty(len(source), _record_of(task.scores))
    records["source"] = source
    for score in scores_of(task.scores.objective):
        records[score.name] = score.read(task.scores, *task.block)
    return records


def _groups(cell_line: CellLine) -> Iterator[tuple[str, str, list[int]]]:
    """Yield (kind, label, its sources): every source, then the labels of both views."""
    for number, source in enumerate(cell_line.sources):
        yield "source", source_name(source), [number]
    for view, (name, labels) in enumerate(zip(cell_line.views, cell_line.labels, strict=True)):
        for number, label in enumerate(labels):
            yield name, label, np.flatnonzero(cell_line.cells[:, view] == number).tolist()


def _quartile_rows(of: str, label: str, records: npt.NDArray[np.void]) -> Iterator[tuple[Any, ...]]:
    for name in (records.dtype.names or ())[1:]:
        # Sorted, so that the mean does not depend on the order in which blocks arrive. NaN sorts last.
        values = np.sort(records[name]).astype(np.float64)
        values = values[: len(values) - np.isnan(values).sum()]
        described = (values.mean(), *np.quantile(values, QUARTILES)) if len(values) else (np.nan,) * 4
        yield of, label, name, len(values), *described


def score_density(scores: Scores, executor: Executor | None = None, score: str | None = None) -> xr.Dataset:
    """Relate scores to the number of peaks of the CRM, in bins of its log2.

    A peak counts once in each CRM that it overlaps, also in the CRM's number of peaks. One without the score
    counts in that number only. Memory holds about 150 bytes for every row of the CRM file, because all CRMs
    are ranked at once, and the peaks of one narrow range of scores; many peaks may share one doubt.

    Parameters
    ----------
    scores
        Complete scores.
    executor
        Where the work runs; None means this process.
    score
        Name of the score; None takes the final score, or trust (1 - doubt) of support.

    Returns
    -------
    xarray.Dataset
        Dims `log2_peaks` (n: CRMs of 2^n to 2^(n+1) - 1 peaks) and `relation`. By log2_peaks: crms and peaks;
        mean, lower_quartile, median and upper_quartile of the peaks' scores; crm_mean and crm_maximum, the
        means over CRMs of the mean and of the largest score of each. By relation: spearman and its two-sided
        p between the CRM's number of peaks and the score of a peak ("peak"), the mean ("crm_mean") and the
        largest ("crm_maximum") score of the CRM; NaN if all are equal. With scores of support, unjudged_peaks
        by log2_peaks: peaks without the score.

    Raises
    ------
    InputError
        If there is no such score.
    StageMissingError
        If the results are not complete.

    """
    named = named_score(scores, score)
    count = np.zeros(scores.cell_line.crm_count, np.int64)
    judged = count.copy()
    with tempfile.TemporaryDirectory(prefix="atypeak-density-") as folder:
        spool = Spool(Path(folder), MEMBER)
        for members in crm_members(scores, executor or InProcess(), named.name):
            np.add.at(count, members["crm"], 1)
            having = members[~np.isnan(members["score"])]
            np.add.at(judged, having["crm"], 1)
            spool.add(_range_of(having["score"], named.step), having)
        found = described(_density(spool, count, judged), DENSITY)
    if named.objective == "article":
        found = found.drop_vars("unjudged_peaks")
    else:
        found["unjudged_peaks"].attrs["description"] = "number of them without the score"
    for array in found.data_vars.values():
        array.attrs["description"] = named.describe(array.attrs["description"])
    return found


def _range_of(score: npt.NDArray[np.float32], step: float) -> IntArray:
    """Return the number of each score's range, ascending; the first and last ranges are open, (members,)."""
    place: IntArray = np.clip(np.floor(score / step), LOWEST, HIGHEST).astype(np.int64) - LOWEST
    return place


def _density(spool: Spool, count: IntArray, judged: IntArray) -> xr.Dataset:
    """Sum over the members, one range of scores after another.

    count: members of each CRM; judged: those that have a score and are in the spool, (crms,) both.
    """
    group = np.frexp(count)[1] - 1  # floor of log2; -1 if there are none
    bins = int(group.max()) + 1
    used, has_score = count > 0, judged > 0
    crms, rated = (np.bincount(group[kept], minlength=bins) for kept in (used, has_score))
    peaks, with_score = (
        np.bincount(group[used], number[used], bins).astype(np.int64) for number in (count, judged)
    )
    total, largest = np.zeros(len(count)), np.full(len(count), -np.inf)
    quartiles, ranks = _Quartiles(with_score), _RankSums(count, judged)
    for number in spool.groups():
        members = spool.read(number)
        # Fully sorted, so that sums do not depend on the order in which members arrive.
        members = members[np.lexsort((members["crm"], members["score"]))]
        crm, score = members["crm"], members["score"].astype(np.float64)
        np.add.at(total, crm, score)
        np.maximum.at(largest, crm, score)
        quartiles.add(group[crm], score)
        ranks.add(count[crm], score)
    count, group, judged = count[has_score], group[has_score], judged[has_score]
    total, largest = total[has_score], largest[has_score]
    relations = {
        "peak": ranks.spearman(),
        "crm_mean": _spearman(count, total / judged),
        "crm_maximum": _spearman(count, largest),
    }
    with np.errstate(invalid="ignore"):  # bins without a CRM
        columns = {
            "crms": crms,
            "peaks": peaks,
            "mean": np.bincount(group, total, bins) / with_score,
            **dict(zip(("lower_quartile", "median", "upper_quartile"), quartiles.values(), strict=True)),
            "crm_mean": np.bincount(group, total / judged, bins) / rated,
            "crm_maximum": np.bincount(group, largest, bins) / rated,
            "unjudged_peaks": peaks - with_score,
        }
    spearman, p = np.array(list(relations.values())).T
    return xr.Dataset(
        {
            **{name: ("log2_peaks", values) for name, values in columns.items()},
            "spearman": ("relation", spearman),
            "p": ("relation", p),
        },
        {"log2_peaks": np.arange(bins), "relation": np.array(list(relations), object)},
    )


def _spearman(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> tuple[float, float]:
    if len(one) < 3 or not np.ptp(one) or not np.ptp(other):
        return np.nan, np.nan
    found = stats.spearmanr(one, other)
    return float(found.statistic), float(found.pvalue)


class _Quartiles:
    """Exact quartiles of several groups whose values come in pieces, each above the one before."""

    def __init__(self, sizes: IntArray) -> None:
        """`sizes`: number of values of each group, (groups,)."""
        at = np.maximum(sizes - 1, 0) * np.array(QUARTILES)[:, None]
        self._below = np.floor(at).astype(np.int64)
        self._share = at - self._below
        # The value just below the quartile and, if the quartile lies between two values, the one above.
        self._places = np.stack([self._below, np.ceil(at).astype(np.int64)])
        self._found = np.full(self._places.shape, np.nan)
        self._seen = np.zeros(len(sizes), np.int64)

    def add(self, group: npt.NDArray[np.integer[Any]], values: FloatArray) -> None:
        """Take the next piece: ascending values with the group of each."""
        for number in np.unique(group):
            of_group = values[group == number]
            place = self._places[..., number] - self._seen[number]
            inside = (place >= 0) & (place < len(of_group))
            self._found[..., number][inside] = of_group[place[inside]]
            self._seen[number] += len(of_group)

    def values(self) -> FloatArray:
        """Return (quartile, group), NaN for a group without values."""
        below, above = self._found
        quartiles: FloatArray = below + self._share * (above - below)
        return quartiles


class _RankSums:
    """Spearman's correlation between the count of a member's CRM and its score, which comes in pieces."""

    def __init__(self, count: IntArray, judged: IntArray) -> None:
        """`count`: members of each CRM, (crms,); `judged`: how many of them will be added."""
        members = np.bincount(count, judged).astype(np.int64)
        self._total = int(members.sum())
        self._centre = (self._total + 1) / 2
        # Mean rank of all members whose CRM has that many.
        self._rank = np.cumsum(members) - (members - 1) / 2 - self._centre
        self._seen, self._sums = 0, np.zeros(3)

    def add(self, count: IntArray, final: FloatArray) -> None:
        """Take the next piece; all its scores are above those of the one before."""
        one = self._rank[count]
        other = stats.rankdata(final) + self._seen - self._centre
        self._seen += len(final)
        self._sums += one @ other, one @ one, other @ other

    def spearman(self) -> tuple[float, float]:
        """Return the correlation and its two-sided p by the t distribution, as SciPy does."""
        product, *squares = self._sums
        if self._total < 3 or not all(squares):
            return np.nan, np.nan
        r = float(np.clip(product / np.sqrt(squares[0] * squares[1]), -1, 1))
        freedom = self._total - 2
        t = abs(r) * np.sqrt(freedom / (1 - r * r)) if abs(r) < 1 else np.inf
        return r, float(2 * stats.t.sf(t, freedom))
