"""Correlations of whole numbers from their sums, against NumPy."""

import numpy as np

from atypeak_scale.assess.correlation import pearson


def sums_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    return values.T @ values, values.sum(axis=0), len(values)


def test_pearson__equals_numpy() -> None:
    values = np.random.default_rng(0).integers(0, 5, (200, 4))
    np.testing.assert_allclose(pearson(*sums_of(values)), np.corrcoef(values.T), atol=1e-12)


def test_pearson__is_exact_for_the_same_and_nan_for_constants() -> None:
    values = np.random.default_rng(1).integers(0, 2, (77, 3))
    values[:, 1], values[:, 2] = values[:, 0], 1
    found = pearson(*sums_of(values))
    assert (found[:2, :2] == 1).all()
    assert np.isnan(found[2]).all()


def test_pearson__does_not_overflow() -> None:
    """Occupancy of many windows: the sums fit int64, their products do not."""
    cells = 10**10
    together = np.array([[3 * 10**9, 10**9], [10**9, 2 * 10**9]])
    sums = np.array([3 * 10**9, 2 * 10**9])
    found = pearson(together, sums, cells)
    covariance, variances = 0.1 - 0.3 * 0.2, (0.3 * 0.7, 0.2 * 0.8)
    assert found[0, 1] == found[1, 0]
    np.testing.assert_allclose(found[0, 1], covariance / np.sqrt(np.prod(variances)), rtol=1e-12)
