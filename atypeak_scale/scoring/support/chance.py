"""The chance that a peak lies at random: p, q, doubt, and power of a source (method, sections 9.4 to 9.6).

All of it follows from the support of the peaks of a source, L, and the support of its random placements.
Only the rank of a peak among the N placements counts, the number of placements whose support is at least
as large, from 0 (above all) to N. Hence q and doubt are tables by rank.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

from atypeak_scale.scoring.ranking import Ranking

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
Verdict = Literal["judged", "few peaks", "low power", "unknown"]

FEWEST_PEAKS, LOW_POWER = 100, 0.6
FEWEST_TO_COMPARE = 20  # of each of two kinds; an AUROC of fewer would say nothing
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False)
class Chance:
    """What the placements of a source say about its peaks (method, sections 9.5 and 9.6).

    Intervals hold 95% of the resamples of CRMs. Figures are NaN where the source has no peak.
    """

    share_random: float
    """Share of its peaks that lie like random ones, pi0: from 0 to 1."""
    share_random_low: float
    share_random_high: float
    share_random_error: float
    """Standard error of `share_random` from the finite number of placements alone."""
    power: float
    """AUROC of its peaks against its placements."""
    power_low: float
    power_high: float
    peaks: int
    verdict: Verdict
    """Why its peaks are not judged, or "judged"."""
    q_by_rank: npt.NDArray[np.float32]
    """(N + 1,) Storey's q of a peak by its rank; NaN if the source is not judged."""
    doubt_by_rank: npt.NDArray[np.float32]
    """(N + 1,) local false discovery rate of a peak by its rank; NaN if the source is not judged."""
    p_error: float
    """Standard error of a p near 0.05 from the finite number of placements."""


def rank_among(support: FloatArray, placed_sorted: FloatArray) -> npt.NDArray[np.int64]:
    """Return the number of placements whose support is at least as large: (n,) int64, from 0 to N.

    Parameters
    ----------
    support : (n,) float
        Support of peaks, of the dtype of `placed_sorted`: rounded otherwise, equal ones would differ.
    placed_sorted : (N,) float
        Support of the placements, from the lowest up.

    Raises
    ------
    ValueError
        If one is NaN, or the placements are not sorted.

    """
    _refuse_nan(support, placed_sorted)
    if (placed_sorted[1:] < placed_sorted[:-1]).any():
        raise ValueError("expected sorted placements")
    return len(placed_sorted) - np.searchsorted(placed_sorted, support, side="left").astype(np.int64)


def p_by_rank(placements: int) -> npt.NDArray[np.float64]:
    """Return p of each rank among N `placements`: (N + 1,) float64, from 1 / (N + 1) to 1."""
    return np.arange(1, placements + 2) / (placements + 1)


def chance(
    real: FloatArray,
    real_crm: IntArray,
    placed: FloatArray,
    placed_crm: IntArray,
    rng: np.random.Generator,
    resamples: int = 500,
) -> Chance:
    """Judge one source by its placements (method, sections 9.4 to 9.6).

    Parameters
    ----------
    real, placed : (n,) and (N,) float
        Support of its peaks and of its placements.
    real_crm, placed_crm : (n,) and (N,) int
        CRM of each. A resample draws the CRMs that hold one of either, with replacement; peaks and
        placements of a CRM go together.
    rng : np.random.Generator
        Draws the resamples.
    resamples : int
        The ends of the intervals are off by 2.7 / sqrt(resamples) standard errors: 0.12 by default.

    Raises
    ------
    ValueError
        If a support is NaN, or there is no placement.

    """
    _refuse_nan(real, placed)
    if not len(placed):
        raise ValueError("expected placements, found none")
    n, N = len(real), len(placed)
    rank = rank_among(real, np.sort(placed))
    p = p_by_rank(N)
    ranking = Ranking(real, placed)
    share_random = _share_random(np.ones(n), rank, p)
    shares, powers = _resampled(ranking, rank, real_crm, placed, placed_crm, rng, resamples)
    power_low, power_high = interval(powers)
    verdict: Verdict = "judged"
    if n < FEWEST_PEAKS:
        verdict = "few peaks"
    elif not power_low > LOW_POWER:
        verdict = "low power"
    q = doubt = np.full(N + 1, np.nan, np.float32)
    if verdict == "judged":
        peaks_by_rank = np.bincount(rank, minlength=N + 1)
        q, doubt = q_of_rank(peaks_by_rank, share_random), doubt_of_rank(peaks_by_rank, share_random)
    share_low, share_high = interval(shares)
    return Chance(
        share_random=share_random,
        share_random_low=share_low,
        share_random_high=share_high,
        share_random_error=_error_of_share(p[rank], N),
        power=ranking.auroc(),
        power_low=power_low,
        power_high=power_high,
        peaks=n,
        verdict=verdict,
        q_by_rank=q,
        doubt_by_rank=doubt,
        p_error=float(np.sqrt(0.05 * 0.95 / N)),
    )


def no_chance(peaks: int, placements: int) -> Chance:
    """Return the figures of a source that the model does not know."""
    by_rank = np.full(placements + 1, np.nan, np.float32)
    nan, error = np.nan, float(np.sqrt(0.05 * 0.95 / placements))
    return Chance(nan, nan, nan, nan, nan, nan, nan, peaks, "unknown", by_rank, by_rank, error)


def q_of_rank(peaks_by_rank: IntArray, share_random: float) -> npt.NDArray[np.float32]:
    """Return Storey's q of each rank: (N + 1,) float32, at most 1 (method, section 9.5).

    It is the least expected share of noise among the peaks up to some rank from this one on.
    `peaks_by_rank` is (N + 1,) int, the number of peaks of each rank; there is at least one.
    """
    found = np.cumsum(peaks_by_rank)
    expected = share_random * found[-1] * p_by_rank(len(found) - 1)
    ratio = np.divide(expected, found, out=np.full(len(found), np.inf), where=found > 0)
    q = np.minimum.accumulate(ratio[::-1])[::-1]
    return np.minimum(q, 1).astype(np.float32)


def doubt_of_rank(peaks_by_rank: IntArray, share_random: float) -> npt.NDArray[np.float32]:
    """Return the local false discovery rate of each rank: (N + 1,) float32 (method, section 9.5).

    It is pi0 * f0 / f, within [0, 1]. An isotonic regression of placed (1) against real (0), both of
    weight 1 in all, estimates m = f0 / (f0 + f), not increasing in L, so f0 / f = m / (1 - m). Such a fit
    steps only where a placement comes next on the way down, never between it and the peaks below it. So a
    placement and the peaks of its rank, up to the next placement, are one step of the regression.

    Peaks above all placements would get 0, whatever their number. As in p, one more placement stands above
    all: the highest step of doubt is then the least q. Below the lowest peak, where only placements are,
    doubt is 1.
    """
    n, size = peaks_by_rank.sum(), len(peaks_by_rank)
    real, placed = peaks_by_rank / n, np.full(size, 1 / size)
    m = isotonic_regression(placed / (real + placed), weights=real + placed).x
    lowest = int(np.flatnonzero(peaks_by_rank)[-1])
    doubt = np.ones(size)
    doubt[: lowest + 1] = share_random * m[: lowest + 1] / (1 - m[: lowest + 1])
    return np.minimum(doubt, 1).astype(np.float32)


def memorised(
    support: FloatArray,
    trained_on: npt.NDArray[np.bool_],
    source: IntArray,
    crm: IntArray,
    rng: np.random.Generator,
    resamples: int = 200,
) -> tuple[float, float, float]:
    """Return how well support tells peaks that were trained on from peaks kept out (method, section 9.4).

    Parameters
    ----------
    support : (n,) float
        Support of real peaks.
    trained_on : (n,) bool
        Whether the CRM of the peak was trained on.
    source, crm : (n,) int
        Source and CRM of the peak.
    rng : np.random.Generator
        Draws the resamples of CRMs.
    resamples : int
        The ends of the interval are off by 2.7 / sqrt(resamples) standard errors: 0.19 by default.

    Returns
    -------
    auroc, low, high : float
        Mean over the sources with at least 20 peaks of both kinds, of weight n1 n2 / (n1 + n2), and its
        95% interval: 0.5 where nothing is memorised; NaN without such a source.

    Raises
    ------
    ValueError
        If a support is NaN.

    """
    is_high, is_low = trained_on, ~trained_on
    strata = source[is_high], source[is_low]
    ranking = Ranking(support[is_high], support[is_low], strata, FEWEST_TO_COMPARE)
    crms, number = np.unique(crm, return_inverse=True)
    high, low = number[is_high], number[is_low]
    drawn = (times_drawn(len(crms), rng) for _ in range(resamples))
    return ranking.auroc(), *interval([ranking.auroc(times[high], times[low]) for times in drawn])


def _share_random(weight: FloatArray, rank: IntArray, p: FloatArray) -> float:
    """Return pi0 of peaks of these weights (n,) and ranks (n,), where `p` (N + 1,) is p by rank."""
    total = weight.sum()
    if not total:
        return np.nan
    is_low = (p > 0.5).astype(np.float64)  # a product of floats is many times faster than with bool
    return min(1.0, float(weight @ is_low[rank]) / (0.5 * float(total)))


def _error_of_share(p: FloatArray, placements: int) -> float:
    """Return the standard error of pi0 from the draw of the placements, for peaks of these p (n,).

    The p > 0.5 lie below the median of the placements. The share of all placements that the sample's
    median cuts off has the standard error 0.5 / sqrt(N), and pi0 counts peaks below it twice: so the error
    is the density of p around 0.5, taken here from 0.4 to 0.6, over sqrt(N).
    """
    if not len(p):
        return np.nan
    return float(((p > 0.4) & (p <= 0.6)).mean() / 0.2 / np.sqrt(placements))


def _resampled(
    ranking: Ranking,
    rank: IntArray,
    real_crm: IntArray,
    placed: FloatArray,
    placed_crm: IntArray,
    rng: np.random.Generator,
    resamples: int,
) -> tuple[FloatArray, FloatArray]:
    """Return pi0 and power of each resample: both (resamples,); NaN where it drew nothing of one kind."""
    crms, number = np.unique(np.concatenate([real_crm, placed_crm]), return_inverse=True)
    real_number, placed_number = number[: len(rank)], number[len(rank) :]
    from_the_top = placed_number[np.argsort(-placed, kind="stable")]
    shares, powers = np.full(resamples, np.nan), np.full(resamples, np.nan)
    for row in range(resamples):
        times = times_drawn(len(crms), rng)
        of_real = times[real_number]
        at_least = np.cumsum(times[from_the_top])
        if at_least[-1]:
            # p of the resample, by rank among all placements.
            p = np.append(1, 1 + at_least) / (1 + at_least[-1])
            shares[row] = _share_random(of_real, rank, p)
            powers[row] = ranking.auroc(of_real, times[placed_number])
    return shares, powers


def times_drawn(crms: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return how often each CRM is in a resample of as many, drawn with replacement: (crms,) float64."""
    return np.bincount(rng.integers(crms, size=crms), minlength=crms).astype(np.float64)


def interval(values: FloatArray | list[float]) -> tuple[float, float]:
    """Return the interval that holds 95% of `values`, those that are NaN aside; NaN without any."""
    known = np.asarray(values, np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.nan, np.nan
    low, high = np.quantile(known, INTERVAL)
    return float(low), float(high)


def _refuse_nan(*supports: FloatArray) -> None:
    if any(np.isnan(support).any() for support in supports):
        raise ValueError("expected support, found NaN")
