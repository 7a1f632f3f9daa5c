"""The other sources around an interval: how far away their nearest peaks are (method, section 9.10).

A gap is counted in bins: 0 if a source occupies one of the interval's bins, otherwise 1 + the number of empty
bins between the interval and the nearest bin that the source occupies in the window: 1 for bins that touch.
It is `ABSENT` if the source is not in the window. The source whose interval it is has been taken out of its
window, so its own gap is always `ABSENT`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

ABSENT = 65_535  # the gap of a source that is not in the window
REACH_BP = 200  # bp over which nearness falls by a factor e
SLICE_BYTES = 256_000_000  # at most, of what is held beside input and result
# Beyond any window to both sides, yet differences to a bin of a window do not overflow 32 bits.
_FAR = 1 << 29

BoolArray = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer[Any]]
Gaps = npt.NDArray[np.uint16]


def gaps(occupancy: BoolArray, window: Integers, source: Integers, first: Integers, last: Integers) -> Gaps:
    """Return the gap between each asked interval and each source (method, section 9.10).

    Parameters
    ----------
    occupancy : bool (windows, bins, sources)
    window, source : int (asked,)
        Window of each interval, and the source that is taken out of it.
    first, last : int (asked,)
        First and last bin of each interval, both included, 0 <= `first` <= `last` < bins.

    Returns
    -------
    uint16 (asked, sources)
        Bins, see the head of this module.

    """
    _, bins, sources = occupancy.shape
    found = np.full((len(window), sources), ABSENT, np.uint16)
    if not found.size:
        return found
    order = np.argsort(window, kind="stable")
    windows, begin = np.unique(window[order], return_index=True)
    begin = np.append(begin, len(order))
    # Two bins of 16 or 32 bits for each cell, and their occupancy, which is copied.
    step = max(1, SLICE_BYTES // (bins * sources * (2 * _position_type(bins).itemsize + 1)))
    for start in range(0, len(windows), step):
        stop = min(start + step, len(windows))
        before, after = _nearest(occupancy[windows[start:stop]])
        asked = order[begin[start] : begin[stop]]
        local = np.repeat(np.arange(stop - start), np.diff(begin[start : stop + 1]))
        rows = max(1, SLICE_BYTES // (16 * sources))
        for low in range(0, len(asked), rows):
            part, of_part = asked[low : low + rows], local[low : low + rows]
            found[part] = _gaps_to(before, after, of_part, first[part], last[part])
    found[np.arange(len(window)), source] = ABSENT
    return found


def features(gaps: Gaps, bin_bp: int) -> npt.NDArray[np.float32]:
    """Return what the regression of a source sees of the other sources (method, section 9.10).

    Parameters
    ----------
    gaps : uint16 (rows, sources)
    bin_bp : int
        Width of a bin, bp.

    Returns
    -------
    float32 (rows, 3 * sources)
        For every source whether it overlaps; then for every source exp(-gap / 200 bp); then for every source
        whether it is in the window. The gap in bp is that of the empty bins between: 0 bp, hence 1.0, if the
        source overlaps and if its bins touch. An absent source has 0 in all three.

    """
    # Few different gaps, many rows: the exponentials come from a table.
    farthest = int(gaps.max(initial=0, where=gaps != ABSENT))
    table = np.zeros((3, farthest + 2), np.float32)  # the last column is that of absent sources
    table[0, 0] = 1
    table[1, :-1] = np.exp(-bin_bp * np.maximum(np.arange(farthest + 1) - 1, 0) / REACH_BP)
    table[2, :-1] = 1
    column = np.minimum(gaps, farthest + 1)
    return np.concatenate([row[column] for row in table], axis=1)


def overlapping_sources(gaps: Gaps) -> npt.NDArray[np.int64]:
    """Return how many other sources overlap each interval: int64 (rows,) (method, section 9.1)."""
    count: npt.NDArray[np.int64] = np.sum(gaps == 0, axis=1, dtype=np.int64)
    return count


def sources_in_window(gaps: Gaps) -> npt.NDArray[np.int64]:
    """Return how many other sources are in the window of each interval: int64 (rows,)."""
    count: npt.NDArray[np.int64] = np.sum(gaps != ABSENT, axis=1, dtype=np.int64)
    return count


def _position_type(bins: int) -> np.dtype[Any]:
    """Return the smallest type that holds differences of bins, and of bins that lie far outside."""
    return np.dtype(np.int16 if bins < 1 << 14 else np.int32)


def _nearest(occupancy: BoolArray) -> tuple[Integers, Integers]:
    """Return the nearest occupied bin at or before each bin, and at or after it.

    Both are int (bins, windows, sources); bins outside of the window if there is none.
    """
    windows, bins, sources = occupancy.shape
    kind = _position_type(bins)
    far = min(_FAR, np.iinfo(kind).max // 2)
    before = np.empty((bins, windows, sources), kind)
    after = np.empty_like(before)
    # Bin by bin over all windows at once: three times as fast as `np.maximum.accumulate` along the bins.
    held = np.full((windows, sources), -far, kind)
    for place in range(bins):
        np.copyto(held, place, where=occupancy[:, place])
        before[place] = held
    held.fill(2 * far)
    for place in reversed(range(bins)):
        np.copyto(held, place, where=occupancy[:, place])
        after[place] = held
    return before, after


def _gaps_to(before: Integers, after: Integers, window: Integers, first: Integers, last: Integers) -> Gaps:
    """Return the gaps of intervals to what `_nearest` found: uint16 (asked, sources).

    window: counted from the first window of the slice.
    """
    left = first[:, None].astype(before.dtype) - before[first, window]
    # An occupied bin at or after the first is inside of the interval, or behind its last one.
    right = np.maximum(after[first, window] - last[:, None].astype(after.dtype), 0)
    gap = np.minimum(left, right)
    # A gap of more bins than a result can hold, which takes a window of that many, is still not absent.
    most = min(ABSENT - 1, np.iinfo(gap.dtype).max)
    result: Gaps = np.minimum(gap, most).astype(np.uint16)
    result[gap >= len(before)] = ABSENT
    return result
