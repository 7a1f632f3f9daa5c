"""Rows that stand for several."""

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


def repeated(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return every row as often as it counts, and the number of each repeat of it, from 0.

    counts: int64 (rows,), 0 or more; both results: int64 (sum of counts,).
    """
    row = np.repeat(np.arange(len(counts)), counts)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
