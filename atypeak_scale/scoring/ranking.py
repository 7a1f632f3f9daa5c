"""How well a score ranks one kind of peak above another."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]


def auroc(high: FloatArray, low: FloatArray) -> float:
    """Return the probability that one of `high` exceeds one of `low`, ties counting half.

    This is the area under the ROC curve, computed from ranks; `high` is (n,), `low` is (m,).

    Raises
    ------
    ValueError
        If one of them is empty.

    """
    _refuse_empty(high, low)
    ranks = rankdata(np.concatenate([high, low]))
    n = len(high)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(low)))


def average_precision(high: FloatArray, low: FloatArray) -> float:
    """Return the mean precision over the members of `high`, found among both from the highest score down.

    Equal scores are found together: each threshold adds its recall times its precision. A score without
    information gets the share of `high`, n / (n + m).

    Raises
    ------
    ValueError
        If one of them is empty.

    """
    _refuse_empty(high, low)
    scores = np.concatenate([high, low])
    order = np.argsort(-scores, kind="stable")
    # The last of each run of equal scores; thresholds lie after it.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(order < len(high))[ends]
    return float((np.diff(hits, prepend=0) * hits / (ends + 1)).sum() / len(high))


def auroc_within_strata(
    high: FloatArray, low: FloatArray, high_stratum: IntArray, low_stratum: IntArray, least: int = 10
) -> float:
    """Return the mean AUROC within strata: what a score adds to what made the strata (method, section 9.11).

    Parameters
    ----------
    high, low : (n,) and (m,) float
        Scores; none is NaN.
    high_stratum, low_stratum : (n,) and (m,) int
        Stratum of each score, for instance the number of other sources that overlap.
    least : int
        Strata with fewer members of `high`, or fewer of `low`, are left out.

    Returns
    -------
    float
        Mean over strata of n1 and n2 members, of weight n1 n2 / (n1 + n2); NaN if there is no stratum.

    """
    return Ranking(high, low, (high_stratum, low_stratum), least).auroc()


class Ranking:
    """Two kinds of scores, sorted once, so that their AUROC under many weights is fast (resamples).

    Parameters are those of `auroc_within_strata`, its two kinds of strata as a pair; without them, all
    scores are compared.

    Raises
    ------
    ValueError
        If a score is NaN, or a score has no stratum.

    """

    def __init__(
        self,
        high: FloatArray,
        low: FloatArray,
        strata: tuple[IntArray, IntArray] | None = None,
        least: int = 1,
    ) -> None:
        if np.isnan(high).any() or np.isnan(low).any():
            raise ValueError("expected scores, found NaN")
        n = len(high)
        values = np.concatenate([high, low])
        stratum = np.zeros(len(values), np.int64)
        if strata is not None:
            if strata[0].shape != high.shape or strata[1].shape != low.shape:
                raise ValueError("expected a stratum for each score")
            stratum = np.unique(np.concatenate(strata), return_inverse=True)[1]
        self._count = int(stratum.max(initial=0)) + 1
        self._stratum, self._low_stratum = stratum[:n], stratum[n:]
        members = [np.bincount(part, minlength=self._count) for part in (stratum[:n], stratum[n:])]
        self._is_used = np.minimum(members[0], members[1]) >= least
        # Number (stratum, value) pairs from the lowest up: equal numbers are ties.
        order = np.lexsort((values, stratum))
        before, after = order[:-1], order[1:]
        is_new = (values[before] != values[after]) | (stratum[before] != stratum[after])
        numbers = np.zeros(len(values), np.int64)
        numbers[after] = np.cumsum(is_new)
        self._low_order = np.argsort(numbers[n:], kind="stable")
        low_numbers = numbers[n:][self._low_order]
        # Members of `low` that come before a member of `high`, from strata below too; with its ties.
        self._left = np.searchsorted(low_numbers, numbers[:n], side="left")
        self._right = np.searchsorted(low_numbers, numbers[:n], side="right")

    def auroc(self, high_weight: FloatArray | None = None, low_weight: FloatArray | None = None) -> float:
        """Return the AUROC with each score counted `weight` times: (n,) and (m,), from 0; None is once each.

        With strata it is their mean, and n1 and n2 are sums of weights. NaN if nothing is left to compare.
        """
        high_weight = np.ones(len(self._stratum)) if high_weight is None else high_weight
        low_weight = np.ones(len(self._low_stratum)) if low_weight is None else low_weight
        below = np.append(0.0, np.cumsum(low_weight[self._low_order], dtype=np.float64))
        wins = (below[self._left] + below[self._right]) / 2
        n1s = np.bincount(self._stratum, high_weight, self._count)
        n2s = np.bincount(self._low_stratum, low_weight, self._count)
        won = np.bincount(self._stratum, high_weight * wins, self._count)
        won = won - n1s * (np.cumsum(n2s) - n2s)  # less what the strata below hold
        used = self._is_used & (n1s > 0) & (n2s > 0)
        if not used.any():
            return np.nan
        n1s, n2s = n1s[used], n2s[used]
        # An AUROC is won / (n1 n2), its weight n1 n2 / (n1 + n2).
        return float((won[used] / (n1s + n2s)).sum() / (n1s * n2s / (n1s + n2s)).sum())


def _refuse_empty(high: FloatArray, low: FloatArray) -> None:
    if not len(high) or not len(low):
        raise ValueError(f"expected scores of both kinds, found {len(high)} and {len(low)}")
