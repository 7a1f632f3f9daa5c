"""Overlaps of intervals. Nothing outside this module uses pyranges."""

import warnings
from bisect import bisect_left, bisect_right

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.records import in_order

IntArray = npt.NDArray[np.int64]


def overlapping_pairs(
    start: IntArray, end: IntArray, other_start: IntArray, other_end: IntArray
) -> tuple[IntArray, IntArray]:
    """Return every pair of half-open intervals on one contig that share a bp, as two arrays of indices.

    All arrays are int64, positions in bp. Pairs are sorted by the first index, then by the second.
    """
    import pandas as pd
    import pyranges

    if not len(start) or not len(other_start):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    left, right = (
        pyranges.PyRanges(
            pd.DataFrame({"Chromosome": "contig", "Start": s, "End": e, label: np.arange(len(s))}), int64=True
        )
        for s, e, label in ((start, end, "left"), (other_start, other_end, "right"))
    )
    with warnings.catch_warnings():
        # pyranges 0.1 passes pandas keywords that pandas 3 has deprecated.
        warnings.simplefilter("ignore")
        joined = left.join(right).df
    if joined.empty:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    i, j = (joined[label].to_numpy(np.int64) for label in ("left", "right"))
    order = np.lexsort((j, i))
    return i[order], j[order]


def sort_intervals(records: npt.NDArray[np.void], before: int = 0) -> npt.NDArray[np.void]:
    """Return records sorted by `start`, then `end`, and fill in `furthest`, which `candidates` searches.

    furthest: the largest end of a record and those before it; before: the largest end of earlier records, bp.
    """
    ordered = in_order(records, np.lexsort((records["end"], records["start"])))
    ordered["furthest"] = np.maximum.accumulate(np.append(before, ordered["end"]))[1:]
    return ordered


def candidates(start: IntArray, furthest: IntArray, low: int, high: int) -> slice:
    """Return a slice of the intervals that can overlap [low, high); no interval outside the slice does.

    start: int64 (intervals,), bp, sorted; furthest: the largest end of each interval and those before it.
    Both may be fields of records mapped from disk: this bisection reads only a few of them, while numpy's
    would copy all.
    """
    stop = bisect_left(start, high)
    return slice(bisect_right(furthest, low, 0, stop), stop)
