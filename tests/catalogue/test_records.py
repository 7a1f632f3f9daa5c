"""Rows of structured arrays, moved as plain bytes."""

import numpy as np
import pytest

from atypeak_scale.catalogue.records import in_order

DTYPE = np.dtype([("start", np.int64), ("source", np.int32), ("signal", np.float32), ("flag", np.bool_)])


@pytest.mark.parametrize("step", [1, 3])
def test_in_order__is_what_indexing_gives(step: int) -> None:
    rng = np.random.default_rng(0)
    records = np.frombuffer(rng.bytes(300 * DTYPE.itemsize), DTYPE)[::step]
    order = rng.integers(len(records), size=500)
    found = in_order(records, order)
    assert found.dtype == DTYPE
    assert found.tobytes() == records[order].tobytes()
    assert len(in_order(records[:0], order[:0])) == 0
