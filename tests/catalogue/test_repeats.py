"""Rows that stand for several, against a loop."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.repeats import repeated


@given(st.lists(st.integers(0, 5), max_size=20))
def test_repeated__loop(counts: list[int]) -> None:
    row, number = repeated(np.array(counts, np.int64))
    expected = [(at, repeat) for at, count in enumerate(counts) for repeat in range(count)]
    assert list(zip(row.tolist(), number.tolist(), strict=True)) == expected
