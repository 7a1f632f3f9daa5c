"""Distances, cuts and their agreement, against loops over things and pairs."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from atypeak_scale.assess.interpretation.clusters import (
    adjusted_rand_index,
    cluster,
    mutual_distance,
    silhouettes,
)


def random_distance(seed: int, things: int) -> np.ndarray:
    places = np.random.default_rng(seed).normal(size=(things, 2))
    return np.sqrt(np.square(places[:, None] - places).sum(axis=2))


def silhouettes_by_loops(distance: np.ndarray, label: np.ndarray) -> list[float]:
    found = []
    for i, own in enumerate(label):
        mates = [distance[i, j] for j in range(len(label)) if j != i and label[j] == own]
        if not mates:
            found.append(0.0)
            continue
        others = [distance[i, label == other].mean() for other in set(label.tolist()) - {own}]
        a, b = sum(mates) / len(mates), min(others)
        found.append((b - a) / max(a, b))
    return found


def index_by_pairs(one: list[int], other: list[int]) -> float:
    """Pairs that both put together, corrected for chance, one by one."""
    pairs = list(combinations(range(len(one)), 2))
    in_one = [one[i] == one[j] for i, j in pairs]
    in_other = [other[i] == other[j] for i, j in pairs]
    both = sum(a and b for a, b in zip(in_one, in_other, strict=True))
    expected = sum(in_one) * sum(in_other) / len(pairs)
    most = (sum(in_one) + sum(in_other)) / 2
    return 1.0 if most == expected else (both - expected) / (most - expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=30))
def test_adjusted_rand_index__equals_counting_pairs(labels: list[tuple[int, int]]) -> None:
    one, other = (list(side) for side in zip(*labels, strict=True))
    found = adjusted_rand_index(np.array(one), np.array(other))
    assert found == pytest.approx(index_by_pairs(one, other), abs=1e-12)
    assert found == adjusted_rand_index(np.array(other), np.array(one))


def test_adjusted_rand_index__known_values() -> None:
    assert adjusted_rand_index(np.array(["a", "a", "b"]), np.array([7, 7, 3])) == 1
    assert adjusted_rand_index(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])) == pytest.approx(-0.5)
    assert adjusted_rand_index(np.array([0]), np.array([0])) == 1
    rng = np.random.default_rng(0)
    assert abs(adjusted_rand_index(rng.integers(0, 3, 9000), rng.integers(0, 5, 9000))) < 0.01


def test_mutual_distance__is_what_neither_asks_of_the_other() -> None:
    asked = np.random.default_rng(0).random((5, 5))
    found = mutual_distance(asked)
    for i in range(5):
        for j in range(5):
            expected = 0 if i == j else 1 - (asked[i, j] + asked[j, i]) / 2
            assert found[i, j] == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("clusters", [2, 3, 7])
def test_silhouettes__equal_loops(seed: int, clusters: int) -> None:
    distance = random_distance(seed, 12)
    label = np.append(np.arange(clusters), np.random.default_rng(seed).integers(0, clusters, 12 - clusters))
    np.testing.assert_allclose(silhouettes(distance, label), silhouettes_by_loops(distance, label))


@pytest.mark.parametrize("seed", range(8))
def test_cluster__takes_the_cut_of_the_largest_mean_silhouette(seed: int) -> None:
    distance = random_distance(seed, 15)
    tree = linkage(squareform(distance), "average")
    cuts = [fcluster(tree, number, "maxclust") for number in range(2, 15)]
    best = max(cuts, key=lambda cut: round(float(np.mean(silhouettes_by_loops(distance, cut))), 9))
    found = cluster(distance)
    assert index_by_pairs(found.tolist(), best.tolist()) == 1
    assert len(set(found.tolist())) == len(set(best.tolist()))


@pytest.mark.parametrize("clusters", [1, 2, 5, 15])
def test_cluster__into_a_given_number_the_largest_first(clusters: int) -> None:
    found = cluster(random_distance(1, 15), clusters)
    sizes = np.bincount(found)
    assert len(sizes) == clusters
    assert (np.diff(sizes) <= 0).all()
    assert sizes.min() > 0


@pytest.mark.parametrize("things", [1, 2])
def test_cluster__too_few_to_compare_are_together(things: int) -> None:
    assert cluster(np.ones((things, things)) - np.eye(things)).tolist() == [0] * things


def test_cluster__things_that_are_all_the_same() -> None:
    assert cluster(np.zeros((4, 4))).max() == 1
