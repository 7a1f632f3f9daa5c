"""Alone or both: scores of A's peaks in CRMs without and with a peak of B (article, Fig. 6a).

A and B are labels of the second view, TRs by default. A peak counts once in each CRM that it overlaps
(crm_members.py). Memory holds the members of one label at a time, about 100 bytes each, and a bit for every
(CRM, label). The rest is in a temporary folder, 16 bytes for each member.

There are many peaks, and those of one CRM are not independent. A small p alone says little: read the effect
sizes first.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special, stats

from atypeak_scale.assess.crm_members import MEMBER, crm_members
from atypeak_scale.assess.description.spool import Spool
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.columns import PAIRS, PAIRS_JUDGED
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.named_scores import NamedScore, named_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]


class Presence:
    """Which labels have a peak in which CRMs, one bit for each."""

    def __init__(self, crms: int, labels: int) -> None:
        self._width = -(-labels // 8)
        self._bits = np.zeros(crms * self._width, np.uint8)

    def add(self, crm: IntArray, label: IntArray) -> None:
        """Note that each `label` is in its `crm`, (members,) both."""
        byte = crm.astype(np.int64, copy=False) * self._width + (label >> 3)
        np.bitwise_or.at(self._bits, byte, np.left_shift(1, label & 7).astype(np.uint8))

    def holds(self, crm: IntArray, label: int) -> npt.NDArray[np.bool_]:
        """Return whether each CRM holds a peak of a label."""
        byte = crm.astype(np.int64, copy=False) * self._width + (label >> 3)
        return (self._bits[byte] >> (label & 7) & 1).astype(bool)


class Comparison(NamedTuple):
    """Scores of a label's peaks in CRMs with another label (both) and without it (alone).

    mann_whitney_u: pairs of a `both` peak and an `alone` peak in which the former scores higher, ties half;
    superiority: their share among all such pairs, 0.5 if nothing differs; cohens_d: difference of means in
    pooled standard deviations; p: two-sided, Mann-Whitney, by the normal approximation with corrections for
    ties and continuity. NaN if a group is too small.
    """

    both_peaks: int
    alone_peaks: int
    both_mean: float
    alone_mean: float
    mean_difference: float
    both_median: float
    alone_median: float
    median_difference: float
    mann_whitney_u: float
    superiority: float
    cohens_d: float
    p: float


def pairs(
    scores: Scores,
    pairs: Sequence[tuple[str, str]] = (),
    executor: Executor | None = None,
    score: str | None = None,
) -> pd.DataFrame:
    """Compare the scores of every label's peaks with and without every other label in their CRM.

    If two labels belong together, the peaks of one score higher in CRMs that hold the other. A peak without
    the score is not compared, but its label is present in its CRM.

    Parameters
    ----------
    scores
        Complete scores.
    pairs
        Labels of the second view. Only the rows of these pairs are returned, in both orders, but p_adjusted
        is still corrected for all comparisons. If empty, all rows are returned.
    executor
        Where the work runs; None means this process.
    score
        Name of the score; None takes the final score, or trust (1 - doubt) of support.

    Returns
    -------
    pandas.DataFrame
        The table of `alone_both`. With scores of support, its last column is unjudged_peaks: members of the
        label without the score, which were left out.

    Raises
    ------
    InputError
        If there is no such label or score, or a pair names the same label twice.
    StageMissingError
        If the results are not complete.

    """
    cell_line, executor = scores.cell_line, executor or InProcess()
    _check_pairs(pairs, cell_line)
    named = named_score(scores, score)
    view1, labels = cell_line.views[1], cell_line.labels[1]
    presence = Presence(cell_line.crm_count, len(labels))
    with tempfile.TemporaryDirectory(prefix="atypeak-pairs-") as folder:
        spool = Spool(Path(folder), MEMBER)
        for members in crm_members(scores, executor, named.name):
            presence.add(members["crm"], members["label"])
            spool.add(members["label"], members)
        parts: dict[int, list[Comparison]] = {}
        unjudged: dict[str, int] = {}
        for label in spool.groups():
            members = spool.read(label)
            judged = members[~np.isnan(members["score"])]
            unjudged[labels[label]] = len(members) - len(judged)
            parts[label] = list(_compare_label(judged["score"], judged["crm"], presence, label, len(labels)))
            executor.tell("compare", label + 1, len(labels))
    table = _table(parts, labels, view1)
    if named.objective == "support":
        table["unjudged_peaks"] = [unjudged[label] for label in table[view1]]
    if not pairs:
        return table
    wanted = {*pairs, *((other, one) for one, other in pairs)}
    is_wanted = [pair in wanted for pair in zip(table[view1], table[f"other_{view1}"], strict=True)]
    return table[is_wanted].reset_index(drop=True)


def pairs_table(named: NamedScore) -> Table:
    """Return what the columns of `pairs` by a score are."""
    return named.table(PAIRS, PAIRS_JUDGED)


def alone_both(
    score: npt.NDArray[np.floating[Any]],
    label: IntArray,
    crm: IntArray,
    labels: Sequence[str],
    view: str = "tr",
) -> pd.DataFrame:
    """Compare arrays of peaks, (members,) each.

    Parameters
    ----------
    score
        Scores, none NaN.
    label
        Index of each peak's label into `labels`.
    crm
        Number of each peak's CRM.
    labels
        Names of the labels.
    view
        Name of the labels' view.

    Returns
    -------
    pandas.DataFrame
        One row for each ordered pair of different labels: `tr` (named by `view`), whose peaks are compared,
        `other_tr`, the fields of `Comparison`, and p_adjusted, Benjamini-Hochberg over all rows. A label
        without peaks has no rows of its own.

    """
    presence = Presence(int(crm.max()) + 1, len(labels))
    presence.add(crm, label)
    parts = {}
    for number in np.unique(label).tolist():
        own = label == number
        parts[number] = list(_compare_label(score[own], crm[own], presence, number, len(labels)))
    return _table(parts, labels, view)


def _check_pairs(pairs: Sequence[tuple[str, str]], cell_line: CellLine) -> None:
    view, labels = cell_line.views[1], cell_line.labels[1]
    for one, other in pairs:
        for label in (one, other):
            if label not in labels:
                raise InputError(f"{cell_line.store}: has no {view} {label!r}; {nearest(label, labels)}")
        if one == other:
            problem = f"a {view} always occurs with itself; name two different ones"
            raise InputError(f"pair {one} {other}: {problem}")


def _compare_label(
    values: npt.NDArray[np.floating[Any]], crm: IntArray, presence: Presence, label: int, labels: int
) -> Iterator[Comparison]:
    """Compare the members of one label by the presence of each other label, in order."""
    # Sorted, so that sums do not depend on the order in which members arrive.
    order = np.argsort(values, kind="stable")
    score, crm = values[order].astype(np.float64), crm[order]
    # The two groups together are always all members, so one ranking serves for every other label.
    ranks = stats.rankdata(score)
    ties = float(stats.tiecorrect(ranks))  # type: ignore[arg-type]  # its types know whole ranks only
    for other in range(labels):
        if other != label:
            yield _compare(score, ranks, ties, presence.holds(crm, other))


def _compare(score: FloatArray, ranks: FloatArray, ties: float, is_both: npt.NDArray[np.bool_]) -> Comparison:
    """Compare two groups of scores; `ties` is SciPy's tie correction for all ranks."""
    both, alone = _summary(score[is_both]), _summary(score[~is_both])
    n, products = len(score), both.peaks * alone.peaks
    u = ranks[is_both].sum() - both.peaks * (both.peaks + 1) / 2 if products else np.nan
    difference = both.mean - alone.mean
    sd = np.sqrt((both.squares + alone.squares) / (n - 2)) if n > 2 else np.nan
    # Because of rounding, equal scores may differ from their mean.
    has_spread = ties > 0 and sd > 1e-9 * abs(difference)
    return Comparison(
        both_peaks=both.peaks,
        alone_peaks=alone.peaks,
        both_mean=both.mean,
        alone_mean=alone.mean,
        mean_difference=difference,
        both_median=both.median,
        alone_median=alone.median,
        median_difference=both.median - alone.median,
        mann_whitney_u=u,
        superiority=u / products if products else np.nan,
        cohens_d=difference / sd if has_spread else np.nan,
        p=_p_value(u, products, n, ties),
    )


class _Summary(NamedTuple):
    peaks: int
    mean: float
    median: float
    squares: float  # sum of squared deviations from the mean


def _summary(score: FloatArray) -> _Summary:
    if not len(score):
        return _Summary(0, np.nan, np.nan, 0.0)
    mean = float(score.mean())
    return _Summary(len(score), mean, float(np.median(score)), float(np.square(score - mean).sum()))


def _p_value(u: float, products: int, n: int, ties: float) -> float:
    """Return what `scipy.stats.mannwhitneyu(method="asymptotic")` does; NaN if a group is empty."""
    if not products:
        return np.nan
    sd = np.sqrt(products * (n + 1) / 12 * ties)
    if not sd > 0:  # all scores are equal
        return 1.0
    z = (abs(u - products / 2) - 0.5) / sd
    return float(min(1.0, 2 * special.ndtr(-z)))


def _table(parts: dict[int, list[Comparison]], labels: Sequence[str], view: str) -> pd.DataFrame:
    """Return one row for each comparison; parts: label -> comparisons with the other labels, in order."""
    rows = [
        (labels[one], labels[other], *compared)
        for one in sorted(parts)
        for other, compared in zip(
            (other for other in range(len(labels)) if other != one), parts[one], strict=True
        )
    ]
    table = pd.DataFrame(rows, columns=[view, f"other_{view}", *Comparison._fields])
    tested = table["p"].notna()
    table["p_adjusted"] = np.nan
    if tested.any():
        table.loc[tested, "p_adjusted"] = stats.false_discovery_control(table.loc[tested, "p"])
    return table
