"""Method, section 5.6: the scale of each label, in one piece and in two."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.scoring.label_scale import CENTRE, NO_SPREAD, final_scores, label_scale

labelled_scores = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 10, width=32)), min_size=1, max_size=30)


@given(labelled_scores)
def test_final__follows_the_text_of_the_method(rows: list[tuple[int, float]]) -> None:
    label, score = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float64)
    ours = final_scores(label, score, label_scale(label, score, 3))
    for at, (of_label, value) in enumerate(rows):
        same = score[label == of_label]
        if len(same) < 2 or same.std(ddof=1) == 0:
            assert ours[at] == CENTRE
        elif same.std(ddof=1) > 1e-6:
            expected = 750 * (1 + (value - same.mean()) / (2 * same.std(ddof=1)))
            assert ours[at] == pytest.approx(expected, abs=1e-3)


@given(labelled_scores, st.integers(0, 30))
def test_scale__of_two_parts_equals_that_of_the_whole(rows: list[tuple[int, float]], cut: int) -> None:
    label, score = np.array([row[0] for row in rows]), np.array([row[1] for row in rows], np.float64)
    whole = label_scale(label, score, 3)
    parts = [label_scale(label[at], score[at], 3) for at in (slice(cut), slice(cut, None))]
    merged = parts[0] + parts[1]
    assert np.array_equal(merged.peaks, whole.peaks)
    np.testing.assert_allclose(merged.mean, whole.mean, atol=1e-9)
    assert np.array_equal(merged.has_spread, whole.has_spread)
    spread = whole.has_spread
    np.testing.assert_allclose(merged.sd[spread], whole.sd[spread], atol=1e-6)


def test_flag__says_why_all_scores_are_750() -> None:
    """A label without a peak, with one, with equal ones, and with a spread."""
    label, score = np.array([1, 2, 2, 3, 3]), np.array([0.3, 0.5, 0.5, 0.2, 0.4])
    scale = label_scale(label, score, 4)
    assert scale.flag.tolist() == [NO_SPREAD, NO_SPREAD, NO_SPREAD, ""]
    assert scale.peaks.tolist() == [0, 1, 2, 2]
    final = final_scores(label, score, scale)
    assert final[:3].tolist() == [CENTRE] * 3
    assert final[3:].mean() == pytest.approx(CENTRE)
    assert final[4] > CENTRE + 200
