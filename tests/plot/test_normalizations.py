"""Quartiles against the table."""

import numpy as np
import pandas as pd
import pytest
from plot.drawn import labels, points, segments

from atypeak_scale.assess import score_quartiles as compute
from atypeak_scale.errors import InputError
from atypeak_scale.plot.normalizations import score_quartiles
from atypeak_scale.scoring.scores import Scores


@pytest.fixture(scope="module")
def table(article: Scores) -> pd.DataFrame:
    return compute(article)


@pytest.mark.parametrize("score", ["raw", "k_normalized", "final"])
@pytest.mark.parametrize("of", ["tr", "source"])
def test_quartiles__of_every_label(table: pd.DataFrame, score: str, of: str) -> None:
    ax = score_quartiles(table, score, of)
    rows = table[(table["of"] == of) & (table["score"] == score)].set_index("label").loc[labels(ax)]
    assert len(rows) == (table["of"] == of).sum() / 3
    (dots,) = points(ax)
    np.testing.assert_array_equal(dots[:, 0], rows["median"])
    np.testing.assert_array_equal(dots[:, 1], np.arange(len(rows)))
    ends = segments(ax)
    np.testing.assert_array_equal(ends[:, 0, 0], rows["lower_quartile"])
    np.testing.assert_array_equal(ends[:, 1, 0], rows["upper_quartile"])
    final = table[(table["of"] == of) & (table["score"] == "final")].set_index("label").loc[labels(ax)]
    assert final["median"].is_monotonic_increasing


def test_quartiles__of_support_and_what_is_not_there(supported: Scores, table: pd.DataFrame) -> None:
    ax = score_quartiles(compute(supported), "support", "dataset")
    (dots,) = points(ax)
    assert (np.diff(dots[:, 0]) >= 0).all()
    with pytest.raises(InputError, match="the table has no score 'finel'; the nearest known are final"):
        score_quartiles(table, "finel")
    with pytest.raises(InputError, match="the table has no of 'cell'"):
        score_quartiles(table, of="cell")
