"""Figures of the benchmark `power` against loops over the sources."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ranking import auroc, auroc_within_strata
from atypeak_scale.scoring.scores import Scores
from benchmarks import power
from benchmarks.trees import Trees


@pytest.fixture
def few(support: Scores, monkeypatch: pytest.MonkeyPatch) -> Scores:
    """Return support in which three of five sources have enough peaks."""
    source = support.cell_line.peaks(0, support.cell_line.peak_count).source
    monkeypatch.setattr(power, "MANY_PEAKS", np.median(np.bincount(source)))
    return support


def test_powers_of_trees__equal_a_loop(few: Scores) -> None:
    cell_line, placements = few.cell_line, few.placements
    rng = np.random.default_rng(0)
    trees = Trees(rng.normal(size=cell_line.peak_count), rng.normal(size=placements.count))
    source = cell_line.peaks(0, cell_line.peak_count).source
    placed, window = placements.read(v.PLACED_SOURCE), placements.read(v.PLACED_WINDOW)
    present = np.array(
        [w >= 0 and cell_line.occupancy(w, w + 1)[0, :, s].any() for w, s in zip(window, placed, strict=True)]
    )
    count, low_count = few.read(v.OVERLAPPING), placements.read(v.PLACED_OVERLAPS).astype(int)
    expected = []
    for one in range(5):
        if (source == one).sum() < power.MANY_PEAKS:
            continue
        high, low = source == one, placed == one
        expected.append((
            auroc(trees.peaks[high], trees.placements[low]),
            auroc(trees.peaks[high], trees.placements[low & ~present]),
            auroc_within_strata(trees.peaks[high], trees.placements[low], count[high], low_count[low]),
        ))  # fmt: skip
    assert len(expected) == 3
    found = power.powers_of_trees(few, trees)
    assert list(found) == ["auroc", "absent", "equal_counts"]
    np.testing.assert_allclose(list(found.values()), np.nanmean(expected, axis=0))


def test_agreement__of_each_source_and_pair(few: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    source = few.cell_line.peaks(0, few.cell_line.peak_count).source
    values = few.read(v.SUPPORT)
    found = power.agreement([few, few, few], v.SUPPORT)
    many = [one for one in range(5) if (source == one).sum() >= power.MANY_PEAKS]
    assert len(found) == 3
    for of_pair in found:
        np.testing.assert_allclose(of_pair, np.ones(len(many)))
    noise = np.random.default_rng(1).normal(size=len(values))
    other = iter([values, values + noise])
    monkeypatch.setattr(Scores, "read", lambda self, variable: next(other))
    (of_pair,) = power.agreement([few, few], v.SUPPORT)
    expected = [spearmanr(values[source == one], (values + noise)[source == one]).statistic for one in many]
    np.testing.assert_allclose(of_pair, expected)
