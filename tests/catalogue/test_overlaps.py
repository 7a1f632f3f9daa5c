"""Overlaps of intervals, against comparing all with all."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.overlaps import candidates, overlapping_pairs, sort_intervals

intervals = st.tuples(st.integers(0, 3000), st.integers(1, 1500)).map(lambda pair: (pair[0], sum(pair)))


def as_arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))  # type: ignore[return-value]


@given(st.lists(intervals, max_size=12), st.lists(intervals, max_size=12))
def test_overlapping_pairs__equals_all_against_all(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    pairs = overlapping_pairs(*as_arrays(one), *as_arrays(other))
    expected = [
        (i, j)
        for i, (start, end) in enumerate(one)
        for j, (left, right) in enumerate(other)
        if max(start, left) < min(end, right)
    ]
    assert list(zip(*(index.tolist() for index in pairs), strict=True)) == expected


@given(st.lists(intervals, max_size=12), intervals)
def test_candidates__hold_every_overlap_and_no_more_than_needed(
    pairs: list[tuple[int, int]], around: tuple[int, int]
) -> None:
    pairs.sort()
    starts, ends = as_arrays(pairs)
    place = candidates(starts, np.maximum.accumulate(ends), *around)
    overlap = [i for i, (start, end) in enumerate(pairs) if start < around[1] and around[0] < end]
    assert set(overlap) <= set(range(place.start, place.stop))
    if overlap:
        # What begins behind the end is cut off, and so is all in front of the first overlap.
        assert place.start == overlap[0]
        assert all(start < around[1] for start, _ in pairs[place])


@given(st.lists(intervals, max_size=12), st.integers(0, 2000))
def test_sort_intervals__by_start_and_end_with_the_furthest_end(
    pairs: list[tuple[int, int]], before: int
) -> None:
    records = np.zeros(len(pairs), [("start", np.int64), ("end", np.int64), ("furthest", np.int64)])
    records["start"], records["end"] = as_arrays(pairs)
    ordered = sort_intervals(records, before)
    assert [(start, end) for start, end, _ in ordered.tolist()] == sorted(pairs)
    for at, (_, _, furthest) in enumerate(ordered.tolist()):
        assert furthest == max(before, *(end for _, end in sorted(pairs)[: at + 1]))
