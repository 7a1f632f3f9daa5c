"""Ranking figures against loops over all pairs and all thresholds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.scoring.ranking import auroc, average_precision

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
