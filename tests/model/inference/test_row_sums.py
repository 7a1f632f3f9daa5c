import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.model.inference import row_sums
from atypeak_scale.model.inference.row_sums import sum_rows


@given(st.lists(st.lists(st.integers(0, 6), max_size=5), max_size=9), st.integers(0, 10**6))
def test_sum_rows__equals_a_loop(lists: list[list[int]], seed: int) -> None:
    values = np.random.default_rng(seed).integers(-9, 9, (7, 2, 3)).astype(np.float32)
    rows = np.array([row for of_list in lists for row in of_list], np.int64)
    bounds = np.cumsum([0, *map(len, lists)])
    expected = [np.sum([values[row] for row in of_list], axis=0) + np.zeros((2, 3)) for of_list in lists]
    found = sum_rows(rows, bounds, values)
    assert found.dtype == np.float32
    assert found.tolist() == [matrix.ravel().tolist() for matrix in expected]


def test_sum_rows__threads_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(50, 4)).astype(np.float32)
    bounds = np.cumsum([0, *rng.integers(0, 6, 100)])
    rows = rng.integers(0, 50, bounds[-1])
    one = sum_rows(rows, bounds, values)
    monkeypatch.setattr(row_sums, "THREADS", 7)
    np.testing.assert_array_equal(sum_rows(rows, bounds, values), one)
    # A part of the lists, as the engine asks for them: the bounds do not begin at 0.
    np.testing.assert_array_equal(sum_rows(rows, bounds[20:31], values), one[20:30])


def test_sum_rows__of_nothing() -> None:
    nothing = np.zeros(0, np.int64)
    sums = sum_rows(nothing, np.zeros(3, np.int64), np.zeros((0, 2, 5), np.float32))
    np.testing.assert_array_equal(sums, np.zeros((2, 10)))
