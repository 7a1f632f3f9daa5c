"""Pearson's correlation of whole numbers, exact where large sums cancel (method, section 6.2)."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def pearson(together: IntArray, sums: IntArray, cells: int) -> FloatArray:
    """Return Pearson's correlations of d whole numbers over some cells.

    Parameters
    ----------
    together : int64 (d, d)
        Sums of products of two.
    sums : int64 (d,)
        Their sums.
    cells : int
        Over how many cells.

    Returns
    -------
    float64 (d, d)
        Correlations, NaN if undefined.

    """
    # As Python's whole numbers, which do not overflow: nothing is lost where large numbers cancel.
    exact = sums.astype(object)
    covariance = (cells * together.astype(object) - np.outer(exact, exact)).astype(np.float64)
    variance = np.diag(covariance)
    with np.errstate(invalid="ignore"):
        # The root of the product, not the product of roots: 1 exactly where two are the same.
        correlation: FloatArray = np.clip(covariance / np.sqrt(np.outer(variance, variance)), -1, 1)
    return correlation
