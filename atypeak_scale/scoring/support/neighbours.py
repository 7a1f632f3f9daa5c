"""The other sources around an interval: how far away their nearest peaks are (method, section 9.10).

A gap is counted in bins: 1 + the number of empty bins between the interval and the nearest bin that the
source occupies in the window, so 1 for bins that touch. If a source occupies bins of the interval, its gap
is 0 or less: minus the share that it covers of the interval's central third, in thousandths, rounded up. It
is `ABSENT` if the source is not in the window. The source whose interval it is has been taken out of its
window, so its own gap is always `ABSENT`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

ABSENT = 1 << 30  # the gap of a source that is not in the window
WHOLE = 1000  # minus the gap of a source that covers all of the central third
SUMS = 3  # features that are not of one source
REACH_BP = 200  # bp over which nearness falls by a factor e
SLICE_BYTES = 256_000_000  # at most, of what is held beside input and result
# Beyond any window to both sides, yet differences to a bin of a window do not overflow 32 bits.
_FAR = 1 << 29

BoolArray = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.integer[Any]]
Gaps = npt.NDArray[np.int32]


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
    int32 (asked, sources)
        Bins, see the head of this module.

    """
    _, bins, sources = occupancy.shape
    found = np.full((len(window), sources), ABSENT, np.int32)
    if not found.size:
        return found
    order = np.argsort(window, kind="stable")
    windows, begin = np.unique(window[order], return_index=True)
    begin = np.append(begin, len(order))
    # Two bins and a count of 16 or 32 bits for each cell, and their occupancy, which is copied.
    step = max(1, SLICE_BYTES // (bins * sources * (3 * _position_type(bins).itemsize + 1)))
    for start in range(0, len(windows), step):
        stop = min(start + step, len(windows))
        around = _around(occupancy[windows[start:stop]])
        asked = order[begin[start] : begin[stop]]
        local = np.repeat(np.arange(stop - start), np.diff(begin[start : stop + 1]))
        rows = max(1, SLICE_BYTES // (32 * sources))
        for low in range(0, len(asked), rows):
            part, of_part = asked[low : low + rows], local[low : low + rows]
            found[part] = _gaps_to(around, of_part, first[part], last[part])
    found[np.arange(len(window)), source] = ABSENT
    return found


def central_third(first: Integers, last: Integers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first and last bin of the central third of each interval; at least one bin (method, 9.3).

    Parameters
    ----------
    first, last : int (asked,)
        First and last bin of each interval, both included.

    """
    bins = np.maximum((last - first + 1) // 3, 1).astype(np.int64)
    centre = (first.astype(np.int64) + last) // 2
    return centre - (bins - 1) // 2, centre + bins // 2


def overlaps_own(
    occupancy: BoolArray, window: Integers, source: Integers, first: Integers, last: Integers
) -> BoolArray:
    """Return whether each interval overlaps a peak of its own source: bool (asked,).

    The parameters are those of `gaps`.
    """
    place = np.arange(occupancy.shape[1])
    inside = (place >= first[:, None]) & (place <= last[:, None])
    found: BoolArray = np.any(occupancy[window, :, source] & inside, axis=1)
    return found


def features(gaps: Gaps, bin_bp: int) -> npt.NDArray[np.float32]:
    """Return what the regression of a source sees of the other sources (method, section 9.10).

    Parameters
    ----------
    gaps : int32 (rows, sources)
    bin_bp : int
        Width of a bin, bp.

    Returns
    -------
    float32 (rows, 3 * sources + 3)
        For every source the share of the interval's central third that it covers; then for every source
        exp(-gap / 200 bp); then for every source whether it is in the window; then log(1 + sum over the
        sources) of each of the three. The gap in bp is that of the empty bins between: 0 bp, hence 1.0, if
        the source overlaps and if its bins touch. An absent source has 0 in all three.

    """
    # Few different gaps, many rows: the exponentials come from a table.
    farthest = int(gaps.max(initial=0, where=gaps != ABSENT))
    gap = np.arange(-WHOLE, farthest + 2)
    table = np.zeros((3, len(gap)), np.float32)  # the last column is that of absent sources
    table[0, :-1] = np.maximum(-gap[:-1], 0) / WHOLE
    table[1, :-1] = np.exp(-bin_bp * np.maximum(gap[:-1] - 1, 0) / REACH_BP)
    table[2, :-1] = 1
    column = np.minimum(gaps, farthest + 1) + WHOLE
    of_sources = [row[column] for row in table]
    sums = [np.log1p(one.sum(axis=1, keepdims=True)) for one in of_sources]
    return np.concatenate([*of_sources, *sums], axis=1)


def overlapping_sources(gaps: Gaps) -> npt.NDArray[np.int64]:
    """Return how many other sources overlap each interval: int64 (rows,) (method, section 9.1)."""
    count: npt.NDArray[np.int64] = np.sum(gaps <= 0, axis=1, dtype=np.int64)
    return count


def sources_in_window(gaps: Gaps) -> npt.NDArray[np.int64]:
    """Return how many other sources are in the window of each interval: int64 (rows,)."""
    count: npt.NDArray[np.int64] = np.sum(gaps != ABSENT, axis=1, dtype=np.int64)
    return count


def _position_type(bins: int) -> np.dtype[Any]:
    """Return the smallest type that holds differences of bins, and of bins that lie far outside."""
    return np.dtype(np.int16 if bins < 1 << 14 else np.int32)


@dataclass(frozen=True)
class _Around:
    """What is around each bin; int (bins, windows, sources) but for `covered`.

    before, after: nearest occupied bin at or before, and at or after; outside of the window if there is none;
    covered: number of occupied bins before, (bins + 1, windows, sources).
    """

    before: Integers
    after: Integers
    covered: Integers


def _around(occupancy: BoolArray) -> _Around:
    """Return what is around each bin of some windows."""
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
    covered = np.zeros((bins + 1, windows, sources), kind)
    for place in range(bins):
        np.add(covered[place], occupancy[:, place], out=covered[place + 1])
    return _Around(before, after, covered)


def _gaps_to(around: _Around, window: Integers, first: Integers, last: Integers) -> Gaps:
    """Return the gaps of intervals to what is around: int32 (asked, sources).

    window: counted from the first window of the slice.
    """
    before, after, covered = around.before, around.after, around.covered
    left = first[:, None].astype(before.dtype) - before[first, window]
    # An occupied bin at or after the first is inside of the interval, or behind its last one.
    right = np.maximum(after[first, window] - last[:, None].astype(after.dtype), 0)
    gap: Gaps = np.minimum(left, right).astype(np.int32)
    gap[gap >= len(before)] = ABSENT
    centre_first, centre_last = central_third(first, last)
    bins = covered[centre_last + 1, window] - covered[centre_first, window].astype(np.int64)
    share = -(-WHOLE * bins // (centre_last - centre_first + 1)[:, None])
    np.copyto(gap, -share, where=gap <= 0, casting="same_kind")
    return gap
