"""Boosted trees that the benchmarks compare with the regressions."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from benchmarks import trees
from benchmarks.trees import _cross_fitted, boosted_trees


def examples() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Real where both features are on or both are off: no sum of the two tells."""
    rng = np.random.default_rng(0)
    seen = rng.integers(0, 2, (900, 2)).astype(np.float32)
    return seen, seen[:, 0] == seen[:, 1], rng.integers(0, 3, 900)


def test_cross_fitted__tells_what_no_sum_tells() -> None:
    seen, is_real, fold = examples()
    odds = _cross_fitted(seen, is_real, fold, 1)
    assert odds[is_real].min() > 1
    assert odds[~is_real].max() < -1


def test_cross_fitted__does_not_see_the_fold_that_it_judges() -> None:
    seen, is_real, fold = examples()
    odds = _cross_fitted(seen, is_real, fold, 1)
    other = np.where(fold == 2, ~is_real, is_real)
    changed = _cross_fitted(seen, other, fold, 1)
    np.testing.assert_array_equal(changed[fold == 2], odds[fold == 2])
    assert np.abs(changed - odds)[fold == 0].min() > 1  # which has seen as many wrong as right ones


def test_cross_fitted__nothing_to_learn_is_0() -> None:
    seen, _, fold = examples()
    assert not _cross_fitted(seen, np.ones(len(seen), bool), fold, 1).any()


def test_boosted_trees__of_some_sources(support: Scores) -> None:
    every, some = boosted_trees(support), boosted_trees(support, [1, 3])
    source = support.cell_line.peaks(0, support.cell_line.peak_count).source
    placed = support.placements.read(v.PLACED_SOURCE)
    for found, whole, of in (
        (some.peaks, every.peaks, source), (some.placements, every.placements, placed),
    ):  # fmt: skip
        wanted = np.isin(of, [1, 3])
        assert np.isnan(found[~wanted]).all()
        np.testing.assert_array_equal(found[wanted], whole[wanted])
    assert not np.isnan(every.peaks).any()
    assert not np.isnan(every.placements).any()
    assert np.unique(every.placements).size > 50


def test_kept_trees__are_fitted_once(
    support: Scores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ATYPEAK_BENCHMARKS", str(tmp_path / "kept"))
    calls: list[Scores] = []

    def fit(scores: Scores) -> trees.Trees:
        calls.append(scores)
        return trees.Trees(np.arange(3.0), np.arange(4.0))

    monkeypatch.setattr(trees, "boosted_trees", fit)
    for _ in range(2):
        found = trees.kept_trees("a", support)
        np.testing.assert_array_equal(found.placements, np.arange(4))
    trees.kept_trees("b", support)
    assert len(calls) == 2
