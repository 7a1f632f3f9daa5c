import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.scoring.support import neighbours
from atypeak_scale.scoring.support.neighbours import (
    ABSENT,
    central_third,
    features,
    gaps,
    overlapping_sources,
    overlaps_own,
    sources_in_window,
)

IntArray = npt.NDArray[np.int64]
Asked = tuple[npt.NDArray[np.bool_], IntArray, IntArray, IntArray, IntArray]


@st.composite
def asked_intervals(draw: st.DrawFn) -> Asked:
    """Draw an occupancy, and intervals in it in any order: occupancy, window, source, first, last."""
    windows, bins, sources = (draw(st.integers(1, most)) for most in (4, 14, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    occupancy = rng.random((windows, bins, sources)) < draw(st.sampled_from((0.0, 0.05, 0.2, 1.0)))
    asked = draw(st.integers(0, 12))
    ends = np.sort(rng.integers(0, bins, (2, asked)), axis=0)
    return occupancy, rng.integers(0, windows, asked), rng.integers(0, sources, asked), ends[0], ends[1]


def centre_by_hand(first: int, last: int) -> list[int]:
    """Take bins off both ends in turn, the last one first, until a third is left."""
    bins = list(range(first, last + 1))
    wanted, from_end = max(len(bins) // 3, 1), True
    if len(bins) % 2 == 0 and wanted < len(bins):
        bins.pop()
    # An odd number has a middle bin; the others are added around it, those behind it first.
    middle = bins[len(bins) // 2]
    low = high = middle
    while high - low + 1 < wanted:
        low, high, from_end = (low, high + 1, False) if from_end else (low - 1, high, True)
    return list(range(low, high + 1))


def by_hand(occupancy: Any, window: Any, source: Any, first: Any, last: Any) -> list[list[int]]:
    """Walk from the interval to both sides, bin by bin."""
    result = []
    for w, own, low, high in zip(window, source, first, last, strict=True):
        row = []
        for other in range(occupancy.shape[2]):
            column = occupancy[w, :, other]
            steps = 0
            # The interval grows by a bin on both sides until it reaches an occupied one.
            while not any(column[max(low - steps, 0) : high + steps + 1]) and steps <= len(column):
                steps += 1
            third = centre_by_hand(low, high)
            share = -math.ceil(1000 * sum(column[third].tolist()) / len(third))
            row.append(ABSENT if other == own or steps > len(column) else steps or share)
        result.append(row)
    return result


@given(asked_intervals())
def test_gaps__are_those_of_a_walk(asked: Asked) -> None:
    found = gaps(*asked)
    assert found.dtype == np.int32
    assert found.shape == (len(asked[1]), asked[0].shape[2])
    assert found.tolist() == by_hand(*asked)


@given(asked_intervals())
@settings(max_examples=30)
def test_gaps__do_not_depend_on_slices_or_on_the_type_of_positions(asked: Asked) -> None:
    whole = gaps(*asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "SLICE_BYTES", 1)
        np.testing.assert_array_equal(gaps(*asked), whole)
        patch.setattr(neighbours, "_position_type", lambda bins: np.dtype(np.int32))
        np.testing.assert_array_equal(gaps(*asked), whole)


@pytest.mark.parametrize("bins", [(1 << 14) - 1, 1 << 14, 70_000])
def test_gaps__of_long_windows(bins: int) -> None:
    """Both types of positions up to their ends, where a difference could overflow."""
    occupancy = np.zeros((1, bins, 4), bool)
    occupancy[0, 0, 1] = occupancy[0, bins - 1, 2] = True
    at = np.array([0, bins - 1])
    found = gaps(occupancy, np.zeros(2, int), np.zeros(2, int), at, at)
    assert found.tolist() == [[ABSENT, -1000, bins - 1, ABSENT], [ABSENT, bins - 1, -1000, ABSENT]]


def test_gaps__own_source_never_counts() -> None:
    occupancy = np.ones((2, 5, 3), bool)
    found = gaps(
        occupancy, np.array([1, 0, 1]), np.array([2, 0, 1]), np.array([0, 1, 4]), np.array([4, 1, 4])
    )
    assert found.tolist() == [[-1000, -1000, ABSENT], [ABSENT, -1000, -1000], [-1000, ABSENT, -1000]]


def test_gaps__bins_that_touch_are_one_apart() -> None:
    occupancy = np.zeros((1, 8, 3), bool)
    occupancy[0, 2, 1] = occupancy[0, 7, 2] = True
    found = gaps(occupancy, np.array([0]), np.array([0]), np.array([3]), np.array([4]))
    assert found.tolist() == [[ABSENT, 1, 3]]  # bins 5 and 6 are empty


def test_gaps__of_sources_that_overlap_are_the_share_that_they_cover() -> None:
    occupancy = np.zeros((1, 8, 3), bool)
    occupancy[0, 2:4, 1] = occupancy[0, 7, 1] = occupancy[0, 3:8, 2] = True
    found = gaps(occupancy, np.array([0]), np.array([0]), np.array([3]), np.array([5]))  # the centre is 4
    assert found.tolist() == [[ABSENT, 0, -1000]]


@given(asked_intervals(), st.integers(1, 100))
def test_features__follow_their_formula(asked: Asked, bin_bp: int) -> None:
    gap = gaps(*asked)
    expected = []
    for row in gap.tolist():
        kinds = [
            [-g / 1000 if g < 0 else 0.0 for g in row],
            [0.0 if g == ABSENT else math.exp(-max(g - 1, 0) * bin_bp / 200) for g in row],
            [float(g != ABSENT) for g in row],
        ]
        expected.append([*kinds[0], *kinds[1], *kinds[2], *(math.log(1 + sum(kind)) for kind in kinds)])
    found = features(gap, bin_bp)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.reshape(expected, (len(gap), 3 * gap.shape[1] + 3)), rtol=1e-5)


def test_features__of_the_longest_gaps() -> None:
    found = features(np.array([[-500, 1, 21, 70_000, ABSENT]], np.int32), 10)
    np.testing.assert_allclose(found[0, 5:10], [1, 1, math.exp(-1), 0, 0], rtol=1e-6)
    assert found[0, :5].tolist() == [0.5, 0, 0, 0, 0]
    assert found[0, 10:15].tolist() == [1, 1, 1, 1, 0]
    np.testing.assert_allclose(found[0, 15:], np.log1p([0.5, 2 + math.exp(-1), 4]), rtol=1e-6)


@given(asked_intervals())
def test_counts__are_those_of_the_occupancy(asked: Asked) -> None:
    occupancy, window, source, first, last = asked
    rows = list(zip(window, source, first, last, strict=True))
    others = [np.delete(occupancy[w], own, axis=1) for w, own, _, _ in rows]
    gap = gaps(*asked)
    overlapping, present = overlapping_sources(gap), sources_in_window(gap)
    assert overlapping.tolist() == [
        other[low : high + 1].any(axis=0).sum() for other, (_, _, low, high) in zip(others, rows, strict=True)
    ]
    assert present.tolist() == [other.any(axis=0).sum() for other in others]
    assert overlapping.dtype == present.dtype == np.int64


@given(asked_intervals())
def test_overlaps_own__is_whether_its_source_is_in_the_interval(asked: Asked) -> None:
    occupancy, window, source, first, last = asked
    expected = [
        bool(occupancy[w, low : high + 1, own].any())
        for w, own, low, high in zip(window, source, first, last, strict=True)
    ]
    assert overlaps_own(*asked).tolist() == expected


@given(st.integers(0, 300), st.integers(0, 300))
def test_central_third__is_a_third_around_the_middle(first: int, more: int) -> None:
    low, high = central_third(np.array([first]), np.array([first + more]))
    assert list(range(low[0], high[0] + 1)) == centre_by_hand(first, first + more)
    assert high[0] - low[0] + 1 == max((more + 1) // 3, 1)
    # The bins on both sides differ by one at most, or by two if an even number is left of an odd one.
    assert abs((low[0] - first) - (first + more - high[0])) <= 1
