"""Ratios against the table."""

import numpy as np
import pandas as pd
from plot.drawn import points
from scipy.stats import spearmanr

from atypeak_scale.plot import update_ratios
from atypeak_scale.plot.update_ratios import releases


def table(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    mean = rng.normal(750, 300, rows)
    ratio = np.round(rng.gamma(2, 1 + np.maximum(0, 750 - mean) / 300), 2)
    return pd.DataFrame({"mean": np.where(rng.random(rows) < 0.02, np.nan, mean), "ratio": ratio})


def test_releases__dots_and_medians() -> None:
    frame = table(3000)
    known = frame.dropna().sort_values("mean", kind="stable")
    ax = releases(frame, "mean final score")
    dots, steps = points(ax)
    assert sorted(map(tuple, dots)) == sorted(map(tuple, known.to_numpy()))
    assert len(steps) == 20
    for step, part in zip(steps, np.array_split(known.to_numpy(), 20), strict=True):
        np.testing.assert_allclose(step, np.median(part, axis=0))
    rho = spearmanr(known["mean"], known["ratio"]).statistic
    assert ax.get_title(loc="left") == f"Spearman {rho:+.2f}"
    assert ax.get_xlabel() == "mean final score"


def test_releases__at_most_so_many_dots() -> None:
    frame = table(12_000)
    dots, _ = points(releases(frame))
    assert len(dots) == update_ratios.MOST_DOTS
    assert set(map(tuple, dots)) <= set(map(tuple, frame.dropna().to_numpy()))
    np.testing.assert_array_equal(dots, points(releases(frame))[0])


def test_releases__of_very_few() -> None:
    for rows in (0, 1, 2):
        ax = releases(table(50).dropna().head(rows))
        ax.get_figure().draw_without_rendering()
        assert ax.get_title(loc="left") == ""
