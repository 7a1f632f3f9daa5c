"""Batches of the store in random order, and what a source gives to each cell."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atypeak_scale.errors import DamagedError
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.stream import (
    crumb_matrix,
    crumbs_between,
    has_windows,
    read_packed,
    some_windows,
    training_windows,
    unpack,
)


def crumbed_cell_by_cell(window: np.ndarray, crumbs: float) -> np.ndarray:
    """Return what the method, section 2.5, says: every cell with a peak adds c to its row and its column."""
    result = window.astype(np.float64)
    bins, m, n = window.shape
    for x in range(bins):
        for i in range(m):
            for j in range(n):
                if window[x, i, j]:
                    for other in range(n):
                        result[x, i, other] += crumbs * window[x, i, j]
                    for other in range(m):
                        result[x, other, j] += crumbs * window[x, i, j]
    return result


@given(st.data(), st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5]))
def test_crumb_matrix__equals_crumbs_cell_by_cell(data: st.DataObject, m: int, n: int, crumbs: float) -> None:
    cells = data.draw(st.permutations([(i, j) for i in range(m) for j in range(n)]))
    cells = cells[: data.draw(st.integers(1, len(cells)))]
    occupancy = data.draw(arrays(bool, (2, 3, len(cells))))
    unpacked = unpack(tf.constant(np.packbits(occupancy, axis=-1)), len(cells)).numpy()
    np.testing.assert_array_equal(unpacked, occupancy)
    ours = (unpacked @ crumb_matrix(cells, (m, n), crumbs)).reshape(2, 3, m, n)
    for window, rebuilt in zip(occupancy, ours, strict=True):
        tensor = np.zeros((3, m, n))
        for source, (i, j) in enumerate(cells):
            tensor[:, i, j] = window[:, source]
        np.testing.assert_allclose(rebuilt, crumbed_cell_by_cell(tensor, crumbs), rtol=1e-6)
    of_sources = [i * n + j for i, j in cells]
    np.testing.assert_array_equal(
        crumbs_between(cells, crumbs), crumb_matrix(cells, (m, n), crumbs)[:, of_sources]
    )


def test_crumb_matrix__isolated_peak_becomes_one_and_two_crumbs() -> None:
    tensor = crumb_matrix([(0, 1)], (2, 3), 0.1).reshape(2, 3)
    np.testing.assert_allclose(tensor, [[0.1, 1.2, 0.1], [0, 0.1, 0]], rtol=1e-6)


def take(cell_line: CellLine, batches: int, **settings: int) -> np.ndarray:
    stream = training_windows(cell_line, **{"seed": 1, "batch": 4, "shuffle_windows": 20, **settings})
    return np.stack([batch.numpy() for batch in stream.take(batches)])


def test_stream__same_seed_same_batches(cell_line: CellLine) -> None:
    assert np.array_equal(take(cell_line, 30), take(cell_line, 30))
    assert not np.array_equal(take(cell_line, 30), take(cell_line, 30, seed=2))


@pytest.mark.parametrize("shuffle_windows", [1, 5, 1000])
def test_stream__every_window_once_before_any_comes_again(cell_line: CellLine, shuffle_windows: int) -> None:
    windows = cell_line.data.sizes["window"]
    everything = np.packbits(cell_line.data["occupancy"].values, axis=-1)
    stream = training_windows(cell_line, seed=3, batch=1, shuffle_windows=shuffle_windows)
    drawn = [batch.numpy()[0].tobytes() for batch in stream.take(3 * windows)]
    expected = sorted(window.tobytes() for window in everything)
    passes = [drawn[start : start + windows] for start in range(0, 3 * windows, windows)]
    assert all(sorted(one) == expected for one in passes)
    assert passes[0] != passes[1] != passes[2]


def test_stream__mixes_far_windows(cell_line: CellLine) -> None:
    everything = {w.tobytes(): i for i, w in enumerate(read_packed(cell_line, 0, 10**6))}
    windows, bins, sources = cell_line.shape
    drawn = take(cell_line, 2, batch=8, shuffle_windows=1000).reshape(16, bins, -(-sources // 8))
    first = [everything[w.tobytes()] for w in drawn]
    assert max(first) - min(first) > windows / 2
    assert np.abs(np.diff(first)).mean() > 5


def test_stream__what_fails_while_reading_is_kept(store: Path) -> None:
    """TensorFlow raises an error of its own instead."""
    for chunk in (store / "cell/occupancy/c").rglob("0"):
        if chunk.is_file():
            chunk.write_bytes(b"damaged")
    failures: list[Exception] = []
    stream = training_windows(open_store(store), seed=1, batch=4, shuffle_windows=9, failures=failures)
    with pytest.raises(tf.errors.OpError):
        next(iter(stream))
    assert isinstance(failures[0], DamagedError)


def by_crm(cell_line: CellLine) -> tuple[np.ndarray, list[bytes]]:
    """Return the CRM and the packed occupancy of every window."""
    packed = np.packbits(cell_line.data["occupancy"].values, axis=-1)
    return cell_line.data["crm"].values, [window.tobytes() for window in packed]


@pytest.mark.parametrize("divisor", [2, 5])
def test_stream__only_windows_of_crms_that_are_used(cell_line: CellLine, divisor: int) -> None:
    crms, windows = by_crm(cell_line)
    used = [window for crm, window in zip(crms, windows, strict=True) if crm % divisor == 1]
    assert 0 < len(used) < len(windows)
    stream = training_windows(
        cell_line, seed=3, batch=1, shuffle_windows=9, is_used=lambda crm: crm % divisor == 1
    )
    drawn = [batch.numpy()[0].tobytes() for batch in stream.take(2 * len(used))]
    assert sorted(drawn[: len(used)]) == sorted(drawn[len(used) :]) == sorted(used)


def test_stream__a_filter_that_takes_all_changes_nothing(cell_line: CellLine) -> None:
    stream = training_windows(
        cell_line, seed=1, batch=4, shuffle_windows=20, is_used=lambda crm: np.ones(len(crm), bool)
    )
    filtered = np.stack([batch.numpy() for batch in stream.take(30)])
    assert np.array_equal(filtered, take(cell_line, 30))


def test_some_windows__are_of_wanted_crms_and_at_most_so_many(cell_line: CellLine) -> None:
    crms, windows = by_crm(cell_line)
    wanted = sorted(window for crm, window in zip(crms, windows, strict=True) if crm % 2)
    found = some_windows(cell_line, lambda crm: crm % 2 == 1, 10**6, seed=1)
    assert sorted(window.tobytes() for window in found) == wanted
    few = some_windows(cell_line, lambda crm: crm % 2 == 1, 5, seed=1)
    assert len(few) == 5
    assert {window.tobytes() for window in few} <= set(wanted)
    assert np.array_equal(few, some_windows(cell_line, lambda crm: crm % 2 == 1, 5, seed=1))
    others = [some_windows(cell_line, lambda crm: crm % 2 == 1, 5, seed=seed) for seed in range(2, 6)]
    assert not all(np.array_equal(few, other) for other in others)
    none = some_windows(cell_line, lambda crm: crm < 0, 5, seed=1)
    assert none.shape == (0, *found.shape[1:])


def test_has_windows__finds_the_last_crm_and_no_more(cell_line: CellLine) -> None:
    last = int(by_crm(cell_line)[0][-1])
    assert has_windows(cell_line, lambda crm: crm == last)
    assert not has_windows(cell_line, lambda crm: crm < 0)
