"""Pairs against the table, and distributions against the scores behind it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.patches import StepPatch
from plot.drawn import labels, lines, segments

from atypeak_scale.assess import pair_scores
from atypeak_scale.assess import pairs as compute
from atypeak_scale.plot.alone_both import STEPS, pair, pairs, strongest_pairs
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED
from atypeak_scale.scoring.scores import Scores


def table() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    names = [(one, other) for one in "abcd$" for other in "abcd$" if one != other]
    return pd.DataFrame({
        "tr": [one for one, _ in names], "other_tr": [other for _, other in names],
        "both_peaks": rng.integers(10, 60, 20), "alone_peaks": rng.integers(10, 60, 20),
        "both_median": rng.random(20), "alone_median": rng.random(20), "superiority": rng.random(20),
    })  # fmt: skip


def test_strongest__have_enough_peaks_and_differ_most() -> None:
    frame = table()
    found = strongest_pairs(frame, 5)
    enough = [row for row in frame.itertuples() if min(row.both_peaks, row.alone_peaks) >= 20]
    expected = sorted(enough, key=lambda row: -abs(row.superiority - 0.5))[:5]
    assert found.index.tolist() == [row.Index for row in expected]


def test_pairs__medians_of_the_strongest() -> None:
    frame = table()
    ax = pairs(frame, 6, "final score")
    shown = strongest_pairs(frame, 6)
    assert labels(ax)[::-1] == [f"{row.tr} with {row.other_tr}" for row in shown.itertuples()]
    drawn = lines(ax)
    np.testing.assert_array_equal(drawn["without the other"][::-1, 0], shown["alone_median"])
    np.testing.assert_array_equal(drawn["with it"][::-1, 0], shown["both_median"])
    np.testing.assert_array_equal(segments(ax)[::-1, :, 0], shown[["alone_median", "both_median"]])
    assert ax.get_xlabel() == "median final score of the first one's peaks"
    ax.get_figure().draw_without_rendering()


def test_pair__distributions_and_medians(article: Scores) -> None:
    strongest = strongest_pairs(compute(article), 1, 5)
    one, other = strongest.iloc[0, :2]
    found = pair_scores(article, one, other)
    ax = pair(found, one, "final score")
    mine = found[found["tr"] == one]
    edges = np.linspace(float(mine["score"].min()), float(mine["score"].max()), STEPS + 1)
    outlines = [patch for patch in ax.patches if isinstance(patch, StepPatch) and patch.get_label()]
    outlines = [patch for patch in outlines if not patch.get_label().startswith("_")]
    assert len(outlines) == 2
    for patch, crms, words in zip(outlines, ("alone", "both"), ("without", "with"), strict=True):
        values = mine["score"][mine["crms"] == crms]
        data = patch.get_data()
        np.testing.assert_allclose(data.edges, edges)
        np.testing.assert_allclose(data.values, np.histogram(values, edges, density=True)[0])
        assert patch.get_label() == f"{words} {other}: {len(values):,} peaks"
    medians = {line.get_color(): line.get_xdata()[0] for line in ax.lines}
    assert medians[DOUBTFUL] == pytest.approx(mine["score"][mine["crms"] == "alone"].median())
    assert medians[TRUSTED] == pytest.approx(mine["score"][mine["crms"] == "both"].median())


def test_pair__of_one_kind_only() -> None:
    found = pd.DataFrame({"tr": ["a", "a", "b"], "crms": ["both"] * 3, "score": [1.0, 1.0, 2.0]})
    ax = pair(found, "a")
    assert [patch.get_label() for patch in ax.patches if patch.get_label()] == ["with b: 2 peaks"]
    pair(found.iloc[:0], "a").get_figure().draw_without_rendering()
