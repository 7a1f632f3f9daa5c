"""Placements beside the sources that are there, and the article's score of them, bin by bin."""

import numpy as np
import pytest
from assess.supported import PLACEMENTS, article_of, outputs

from atypeak_scale.assess.evidence import placed as placed_module
from atypeak_scale.assess.evidence.placed import placed
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores

PLACE = (v.PLACED_WINDOW, v.PLACED_SOURCE, v.PLACED_FIRST_BIN, v.PLACED_LAST_BIN)


def windows_of(scores: Scores) -> tuple[np.ndarray, ...]:
    """Return the window of every placement as stored, and its source, first and last bin."""
    window, source, first, last = (scores.placements.read(variable) for variable in PLACE)
    every = scores.cell_line.data["occupancy"].values
    return np.where((window >= 0)[:, None, None], every[window], False), source, first, last


def test_placed__without_the_article_is_all(supported: Scores) -> None:
    found = placed(supported, None, InProcess())
    windows, source, _, _ = windows_of(supported)
    np.testing.assert_array_equal(found.index, np.arange(supported.placements.count))
    expected = [bool(window[:, own].any()) for window, own in zip(windows, source, strict=True)]
    np.testing.assert_array_equal(found.is_present, expected)
    assert 0 < np.mean(expected) < 1
    assert np.isnan(found.raw).all()


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_placed__the_articles_score_is_that_of_a_peak_that_is_added(
    supported: Scores, article: Scores, crumbs: float, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if crumbs:
        article = article_of(supported, tmp_path_factory.mktemp("crumbed") / "model", crumbs)
    monkeypatch.setattr(placed_module, "WINDOW_BYTES", 7 * 320 * 6)
    found = placed(supported, article, InProcess())
    windows, source, first, last = windows_of(supported)
    for at in range(len(windows)):
        windows[at, first[at] : last[at] + 1, source[at]] = True
    X, h = outputs(article, windows, crumbs)
    expected = [
        max(max(h[at, bin_, source[at]] / X[at, bin_, source[at]], 1e-5)
            for bin_ in range(first[at], last[at] + 1))
        for at in range(len(windows))
    ]  # fmt: skip
    np.testing.assert_allclose(found.raw, expected, rtol=1e-3, atol=1e-5)
    assert len(set(found.raw.tolist())) > 100


def test_placed__a_share_of_every_source_is_chosen_by_seed(
    supported: Scores, article: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = placed(supported, article, InProcess())
    monkeypatch.setattr(placed_module, "ARTICLE_PLACEMENTS", 30)
    some, again = (placed(supported, article, InProcess()) for _ in range(2))
    np.testing.assert_array_equal(some.index, again.index)
    assert (np.diff(some.index) > 0).all()
    np.testing.assert_allclose(some.raw, whole.raw[some.index], rtol=1e-5)
    counts = np.bincount(supported.placements.read(v.PLACED_SOURCE)[some.index])
    assert len(counts) == supported.cell_line.shape.sources
    assert ((counts > 12) & (counts < 50)).all()
    assert PLACEMENTS == 100
