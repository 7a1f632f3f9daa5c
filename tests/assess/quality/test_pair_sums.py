"""Sums over windows against loops over windows and pairs of dimensions."""

import itertools

import numpy as np
import pytest

from atypeak_scale.assess.quality.pair_sums import Moments, pair_sums

CELLS = np.array([(0, 0), (0, 2), (1, 1), (1, 2)])
M, N = 2, 3


def windows(seed: int = 0, count: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Return occupancy of the sources, and what was rebuilt, 0 at some cells."""
    rng = np.random.default_rng(seed)
    occupancy = (rng.random((count, 1, len(CELLS))) < 0.5) & (rng.random((count, 6, len(CELLS))) < 0.5)
    rebuilt = rng.normal(0.2, 0.1, (count, M, N))
    rebuilt[rng.random(rebuilt.shape) < 0.2] = 0.0
    return occupancy, rebuilt


def cells_of(dimension: int) -> list[tuple[int, int]]:
    if dimension < M:
        return [(dimension, j) for j in range(N)]
    return [(i, dimension - M) for i in range(M)]


def moments_of(values: np.ndarray, centre: float = 0.0) -> Moments:
    deviations = values - centre
    return Moments.around(
        np.array(centre), np.array(len(values)), deviations.sum(), np.square(deviations).sum()
    )


@pytest.mark.parametrize("centre", [0.0, 3.0, -50.0])
def test_moments__do_not_depend_on_the_centre(centre: float) -> None:
    values = np.random.default_rng(0).normal(3, 2, 40)
    found = moments_of(values, centre)
    assert found.count == 40
    np.testing.assert_allclose([found.mean, found.variance()], [values.mean(), values.var(ddof=1)])


@pytest.mark.parametrize("cut", [0, 1, 20, 40])
def test_moments__add_up(cut: int) -> None:
    values = np.random.default_rng(1).normal(1e4, 0.01, 40)
    found = moments_of(values[:cut], 1e4) + moments_of(values[cut:], 1e4)
    assert found.count == 40
    np.testing.assert_allclose(found.mean, values.mean(), rtol=1e-12)
    np.testing.assert_allclose(found.variance(), values.var(ddof=1), rtol=1e-6)


def test_moments__of_fewer_than_two_values_have_no_variance() -> None:
    assert moments_of(np.zeros(0)).mean == 0
    assert np.isnan(moments_of(np.zeros(0)).variance())
    assert np.isnan(moments_of(np.ones(1)).variance())
    assert moments_of(np.ones(2)).variance() == 0


def test_pair_sums__equal_loops() -> None:
    occupancy, rebuilt = windows()
    found = pair_sums(occupancy, CELLS, rebuilt)
    assert found.bins == 25 * 6
    tensor = np.zeros((25, 6, M, N), int)
    tensor[:, :, CELLS[:, 0], CELLS[:, 1]] = occupancy
    sums = [sum(tensor[:, :, i, j] for i, j in cells_of(d)) for d in range(M + N)]
    for one, other in itertools.product(range(M + N), repeat=2):
        assert found.occupied[one] == sums[one].sum()
        assert found.products[one, other] == (sums[one] * sums[other]).sum()
        for own, has_other in itertools.product((0, 1), repeat=2):
            values = np.array([
                rebuilt[w, i, j]
                for w in range(25)
                for i, j in cells_of(one)
                if sums[one][w].any() == own and sums[other][w].any() == has_other and rebuilt[w, i, j] != 0
            ])  # fmt: skip
            at = found.values[own, has_other]
            assert at.count[one, other] == len(values)
            if len(values):
                assert at.mean[one, other] == pytest.approx(values.mean())
            if len(values) > 1:
                assert at.variance()[one, other] == pytest.approx(values.var(ddof=1))


def test_pair_sums__of_parts_add_up_to_the_whole() -> None:
    occupancy, rebuilt = windows(3)
    whole = pair_sums(occupancy, CELLS, rebuilt)
    parts = pair_sums(occupancy[:9], CELLS, rebuilt[:9]) + pair_sums(occupancy[9:], CELLS, rebuilt[9:])
    assert parts.bins == whole.bins
    np.testing.assert_array_equal(parts.occupied, whole.occupied)
    np.testing.assert_array_equal(parts.products, whole.products)
    np.testing.assert_array_equal(parts.values.count, whole.values.count)
    np.testing.assert_allclose(parts.values.mean, whole.values.mean)
    np.testing.assert_allclose(parts.values.squares, whole.values.squares, atol=1e-12)
