"""Structured arrays of many rows."""

import numpy as np
import numpy.typing as npt


def in_order(records: npt.NDArray[np.void], order: npt.NDArray[np.int64]) -> npt.NDArray[np.void]:
    """Return `records[order]`: (rows,), of the same dtype.

    NumPy moves plain bytes ten times as fast as records, which it copies field by field.
    """
    whole = np.ascontiguousarray(records).view(f"V{records.itemsize}")
    return np.take(whole, order).view(records.dtype)
