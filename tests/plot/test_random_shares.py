"""Shares like random against the table of sources."""

import numpy as np
import pandas as pd
from plot.drawn import labels, points, segments

from atypeak_scale.plot.random_shares import shares_like_random
from atypeak_scale.scoring.export.support import sources_table
from atypeak_scale.scoring.scores import Scores


def by_hand() -> pd.DataFrame:
    return pd.DataFrame({
        "dataset": ["d1", "d2", "d3", "d4"], "tr": ["x", "y", "$z", "x"],
        "share_random": [0.1, 0.4, 0.0, 0.9],
        "share_random_low": [0.05, 0.3, 0.0, 0.2], "share_random_high": [0.2, 0.5, 0.02, 1.0],
        "verdict": ["judged", "judged", "judged", "few peaks"],
    })  # fmt: skip


def test_shares__dots_intervals_and_reasons() -> None:
    ax = shares_like_random(by_hand())
    assert labels(ax) == ["d4.x", "d3.$z", "d1.x", "d2.y"]
    (dots,) = points(ax)
    np.testing.assert_allclose(dots, [[0, 1], [10, 2], [40, 3]])
    ends = segments(ax)
    np.testing.assert_allclose(ends[:, :, 0], [[0, 2], [5, 20], [30, 50]])
    (reason,) = ax.texts
    assert reason.get_text() == "not judged: few peaks"
    assert reason.xy[1] == 0
    ax.get_figure().draw_without_rendering()


def test_shares__none_is_judged(supported: Scores) -> None:
    table = sources_table(supported)
    ax = shares_like_random(table)
    unjudged = table[table["verdict"] != "judged"]
    assert len(ax.texts) == len(unjudged) > 0
    assert len(labels(ax)) == len(table)
