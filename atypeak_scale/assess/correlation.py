"""Pearson's correlation of whole numbers, exact even if large sums cancel (method, section 6.2)."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def pearson(together: IntArray, sums: IntArray, cells: int) -> FloatArray:
    """Return Pearson's correlations of d whole numbers over some cells.

    Parameters
    ----------
    together : int64 (d, d)
        Sums of products of each two.
    sums : int64 (d,)
        Their sums.
    cells : int
        Number of cells.

    Returns
    -------
    float64 (d, d)
        Correlations, NaN if undefined.

    """
    # Python's whole numbers do not overflow, so nothing is lost when large numbers cancel.
    exact = sums.astype(object)
    covariance = (cells * together.astype(object) - np.outer(exact, exact)).astype(np.float64)
    variance = np.diag(covariance)
    with np.errstate(invalid="ignore"):
        # The root of the product, not the product of roots, gives exactly 1 for two equal ones.
        correlation: FloatArray = np.clip(covariance / np.sqrt(np.outer(variance, variance)), -1, 1)
    return correlation
