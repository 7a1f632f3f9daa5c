"""Sums of chosen rows of a matrix, on all threads: one sparse product for each thread."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
THREADS = int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")) or os.cpu_count() or 1
_POOL = ThreadPoolExecutor(THREADS, "sums")


def sum_rows(rows: IntArray, bounds: IntArray, values: FloatArray) -> FloatArray:
    """Sum the chosen rows of `values` for each of many lists of rows.

    Parameters
    ----------
    rows : int64 (all,)
        Row numbers, one list after another.
    bounds : int64 (lists + 1,)
        List i is rows[bounds[i] : bounds[i + 1]]; it may be empty.
    values : float32 (rows, ...)
        What to sum.

    Returns
    -------
    float32 (lists, size of a row)
        The sums, all axes but the first flattened.

    """
    flat = values.reshape(len(values), math.prod(values.shape[1:]))  # there may be no rows
    sums = np.empty((len(bounds) - 1, flat.shape[1]), np.float32)

    def add(part: slice) -> None:
        here = bounds[part.start : part.stop + 1]
        chosen = rows[here[0] : here[-1]]
        ones = np.ones(len(chosen), np.float32)
        shape = (part.stop - part.start, len(flat))
        sums[part] = sparse.csr_matrix((ones, chosen, here - here[0]), shape=shape) @ flat

    # Each of SciPy's products uses one thread and lets others run at the same time.
    cuts = np.linspace(0, len(sums), THREADS + 1).astype(int)
    list(_POOL.map(add, (slice(a, b) for a, b in pairwise(cuts))))
    return sums
