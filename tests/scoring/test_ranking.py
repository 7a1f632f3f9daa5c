"""Ranking figures against loops over all pairs and all thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.scoring.ranking import Ranking, auroc, auroc_within_strata, average_precision

# Few values, so that many are equal.
scores = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=30).map(np.array)


def over_all_pairs(high: np.ndarray, low: np.ndarray) -> float:
    wins = 0.0
    for one in high:
        for other in low:
            wins += 1 if one > other else 0.5 if one == other else 0
    return wins / (len(high) * len(low))


def over_all_thresholds(high: np.ndarray, low: np.ndarray) -> float:
    area, recall_before = 0.0, 0.0
    for threshold in sorted({*high, *low}, reverse=True):
        found, wrong = int((high >= threshold).sum()), int((low >= threshold).sum())
        recall, precision = found / len(high), found / (found + wrong)
        area += (recall - recall_before) * precision
        recall_before = recall
    return area


@given(scores, scores)
def test_auroc__is_the_share_of_pairs_in_order(high: np.ndarray, low: np.ndarray) -> None:
    assert auroc(high, low) == pytest.approx(over_all_pairs(high, low), abs=1e-12)


@given(scores, scores)
def test_auroc__of_the_opposite_score_is_the_complement(high: np.ndarray, low: np.ndarray) -> None:
    assert auroc(-high, -low) == pytest.approx(1 - auroc(high, low), abs=1e-12)


@given(scores, scores)
def test_average_precision__equals_all_thresholds(high: np.ndarray, low: np.ndarray) -> None:
    assert average_precision(high, low) == pytest.approx(over_all_thresholds(high, low), abs=1e-12)


def test_average_precision__of_a_constant_is_the_share() -> None:
    assert average_precision(np.zeros(3), np.zeros(9)) == 0.25


def test_ranking__float32_scores_of_many_peaks() -> None:
    rng = np.random.default_rng(0)
    high, low = rng.normal(1, 1, 700).astype(np.float32), rng.normal(0, 1, 400).astype(np.float32)
    assert auroc(high, low) == pytest.approx(float((high[:, None] > low).mean()), abs=1e-12)
    assert average_precision(high, low) == pytest.approx(over_all_thresholds(high, low), abs=1e-12)


def test_auroc__of_very_many_float32_scores() -> None:
    rng = np.random.default_rng(1)
    high, low = (rng.permutation(200_000).astype(np.float32) for _ in range(2))
    below = np.searchsorted(np.sort(low), high).sum() + len(high) / 2  # each is in both once
    assert auroc(high, low) == pytest.approx(below / (len(high) * len(low)), abs=1e-12)


@pytest.mark.parametrize("function", [auroc, average_precision])
def test_ranking__nothing_to_tell_apart(function: object) -> None:
    assert callable(function)
    with pytest.raises(ValueError, match="both kinds, found 0 and 2"):
        function(np.empty(0), np.ones(2))


@st.composite
def weighed(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Draw scores of both kinds, a stratum for each, and how often each counts."""
    parts = []
    for _ in range(2):
        n = draw(st.integers(1, 15))
        for values in (st.integers(-2, 2).map(float), st.integers(3, 5), st.integers(0, 3).map(float)):
            parts.append(np.array(draw(st.lists(values, min_size=n, max_size=n))))
    return tuple(parts)


def over_strata(*parts: np.ndarray, least: int) -> float:
    """Compare all pairs within a stratum; each score is repeated as often as it counts."""
    high, high_stratum, high_weight, low, low_stratum, low_weight = parts
    area = total = 0.0
    for stratum in {*high_stratum, *low_stratum}:
        in_high, in_low = high_stratum == stratum, low_stratum == stratum
        one = np.repeat(high[in_high], high_weight[in_high].astype(int))
        other = np.repeat(low[in_low], low_weight[in_low].astype(int))
        if min(in_high.sum(), in_low.sum()) >= least and len(one) and len(other):
            weight = len(one) * len(other) / (len(one) + len(other))
            area += over_all_pairs(one, other) * weight
            total += weight
    return area / total if total else np.nan


@given(weighed())
def test_ranking__weights_count_scores_repeatedly(parts: tuple[np.ndarray, ...]) -> None:
    high, _, high_weight, low, _, low_weight = parts
    ranking = Ranking(high, low)
    assert ranking.auroc() == pytest.approx(over_all_pairs(high, low), abs=1e-12)
    one, other = (np.repeat(x, w.astype(int)) for x, w in ((high, high_weight), (low, low_weight)))
    expected = over_all_pairs(one, other) if len(one) and len(other) else np.nan
    assert ranking.auroc(high_weight, low_weight) == pytest.approx(expected, abs=1e-12, nan_ok=True)


@given(weighed(), st.integers(1, 4))
def test_auroc_within_strata__compares_within_them(parts: tuple[np.ndarray, ...], least: int) -> None:
    high, high_stratum, high_weight, low, low_stratum, low_weight = parts
    once = (high, high_stratum, np.ones(len(high)), low, low_stratum, np.ones(len(low)))
    found = auroc_within_strata(high, low, high_stratum, low_stratum, least)
    assert found == pytest.approx(over_strata(*once, least=least), abs=1e-12, nan_ok=True)
    found = Ranking(high, low, (high_stratum, low_stratum), least).auroc(high_weight, low_weight)
    assert found == pytest.approx(over_strata(*parts, least=least), abs=1e-12, nan_ok=True)


def test_auroc_within_strata__counting_alone_adds_nothing_to_counting() -> None:
    rng = np.random.default_rng(2)
    high_count, low_count = rng.poisson(6, 3000), rng.poisson(2, 3000)
    assert auroc(high_count.astype(float), low_count.astype(float)) > 0.85
    within = auroc_within_strata(high_count.astype(float), low_count.astype(float), high_count, low_count)
    assert within == 0.5
    # Ten of both make a stratum, nine do not.
    for size, expected in ((10, 1.0), (9, np.nan)):
        ones, zeros = np.ones(size), np.zeros(12)
        found = auroc_within_strata(ones, zeros, ones.astype(int), np.ones(12, int))
        assert found == pytest.approx(expected, nan_ok=True)


def test_ranking__infinite_scores_are_ties() -> None:
    assert Ranking(np.array([np.inf, -np.inf]), np.array([np.inf, -np.inf])).auroc() == 0.5


@pytest.mark.parametrize("kind", [0, 1])
def test_ranking__refuses_what_it_cannot_rank(kind: int) -> None:
    scores_of_both = [np.zeros(3), np.zeros(2)]
    without = [part[: 0 if k == kind else 2] for k, part in enumerate(scores_of_both)]
    assert np.isnan(Ranking(*without).auroc())
    strata = [np.zeros(3, int), np.zeros(2, int)]
    strata[kind] = strata[kind][1:]
    with pytest.raises(ValueError, match="a stratum for each score"):
        Ranking(*scores_of_both, (strata[0], strata[1]))
    scores_of_both[kind][1] = np.nan
    with pytest.raises(ValueError, match="expected scores, found NaN"):
        Ranking(*scores_of_both)
