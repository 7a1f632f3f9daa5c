import numpy as np
import pytest

from atypeak_scale.errors import StageMissingError
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.summary import summary


def test_summary__says_how_many_peaks_lie_at_random(support: Scores) -> None:
    figures = {
        v.SHARE_RANDOM: [0.39, 0.02, 0.5, np.nan, 1.0], v.SHARE_RANDOM_LOW: [0.35, 0.01, 0.4, 0, 0.9],
        v.SHARE_RANDOM_HIGH: [0.43, 0.03, 0.6, 1, 1], v.SHARE_RANDOM_ERROR: [0.004, 0.001, 0.01, 0.1, 0.1],
        v.SOURCE_PEAKS: [8044, 2776, 120, 20, 300],
    }  # fmt: skip
    for variable, values in figures.items():
        support.write(variable, 0, np.array(values, variable.dtype))
    verdict = ["judged", "judged", "judged", "few peaks", "low power"]
    support.write(v.VERDICT, 0, np.array(verdict, object))
    lines = summary(support)
    assert lines[:3] == [
        "d2.y: 50% (40-60) of its 120 peaks lie no better than at random",
        "d1.x: 39% (35-43) of its 8,044 peaks lie no better than at random",
        "d1.y: 2% (1-3) of its 2,776 peaks lie no better than at random",
    ]
    assert lines[3].endswith("because of fewer than 100 peaks: d3.x")
    assert lines[4].startswith("cannot be judged") and lines[4].endswith("d3.z")
    assert "200 random placements" in lines[5] and "at most 1%" in lines[5]


def test_summary__needs_complete_support(unjudged: Scores) -> None:
    with pytest.raises(StageMissingError):
        summary(unjudged)
