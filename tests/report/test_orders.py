"""Orders of sources along a matrix."""

import numpy as np

from atypeak_scale.report.orders import blocks_of, by_group, clustered


def test_clustered__puts_what_is_alike_side_by_side() -> None:
    rng = np.random.default_rng(1)
    kind = rng.permutation(np.repeat(np.arange(3), 5))
    alike = (kind[:, None] == kind).astype(float) + rng.normal(0, 0.05, (15, 15))
    order = clustered(alike)
    assert sorted(order) == list(range(15))
    assert (np.diff(kind[order]) != 0).sum() == 2  # three runs


def test_clustered__takes_missing_values_and_few_things() -> None:
    alike = np.full((4, 4), np.nan)
    assert sorted(clustered(alike)) == [0, 1, 2, 3]
    assert clustered(np.ones((2, 2))).tolist() == [0, 1]
    assert clustered(np.ones((0, 0))).tolist() == []


def test_by_group__keeps_groups_together() -> None:
    group = np.array([1, 0, 2, 0, 1, 1, 0])
    order = by_group(group, np.random.default_rng(2).random((7, 7)))
    assert sorted(order) == list(range(7))
    assert group[order].tolist() == [0, 0, 0, 1, 1, 1, 2]
    assert blocks_of(group[order]) == [(0, 3), (3, 6), (6, 7)]
