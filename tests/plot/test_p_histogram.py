"""The histogram against NumPy's own."""

import numpy as np
import pytest
from plot.drawn import lines

from atypeak_scale.errors import InputError
from atypeak_scale.plot.p_histogram import BINS, p_values
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores


def test_p__bars_and_the_share_like_random() -> None:
    rng = np.random.default_rng(1)
    p = np.append(np.concatenate([rng.random(4000), rng.beta(0.2, 30, 6000)]), np.nan)
    ax = p_values(p)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == np.histogram(p[:-1], BINS, (0, 1))[0].tolist()
    ((name, line),) = lines(ax).items()
    assert line[0, 1] == np.mean(heights[BINS // 2 :])
    share = 2 * (p[:-1] >= 0.5).mean()
    assert name == f"like random: {100 * share:.0f}% of all peaks"
    assert share == pytest.approx(0.4, abs=0.03)


def test_p__of_scores_block_by_block(supported: Scores, article: Scores) -> None:
    heights = [bar.get_height() for bar in p_values(supported).patches]
    assert heights == np.histogram(supported.read(v.P_RANDOM), BINS, (0, 1))[0].tolist()
    with pytest.raises(InputError, match="is no model of support"):
        p_values(article)
    assert sum(bar.get_height() for bar in p_values(np.array([])).patches) == 0
