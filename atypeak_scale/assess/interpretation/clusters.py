"""Cluster things by what they ask of each other, and compare two clusterings."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from scipy.special import comb

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MOST_CLUSTERS = 50  # that are tried where the number is not given


def mutual_distance(asked: FloatArray) -> FloatArray:
    """Return 1 - the mean of what two things ask of each other: (things, things), symmetric, 0 to itself."""
    distance: FloatArray = 1.0 - (asked + asked.T) / 2
    np.fill_diagonal(distance, 0.0)
    return distance


def silhouettes(distance: FloatArray, label: IntArray) -> FloatArray:
    """Return (b - a) / max(a, b) of every thing, 0 where it is alone in its cluster.

    a: its mean distance to the others of its cluster; b: the smallest of its mean distances to another.
    distance: (things, things); label: (things,), numbers from 0 without gaps, at least two of them.
    """
    count = np.bincount(label)
    total = distance @ (label[:, None] == np.arange(len(count)))
    things = np.arange(len(label))
    others = count[label] - 1
    a = total[things, label] / np.maximum(others, 1)
    mean = total / count
    mean[things, label] = np.inf
    b = mean.min(axis=1)
    largest = np.maximum(a, b)
    values: FloatArray = np.divide(b - a, largest, out=np.zeros_like(a), where=(others > 0) & (largest > 0))
    return values


def cluster(distance: FloatArray, clusters: int | None = None) -> IntArray:
    """Return the cluster of every thing by average linkage, numbered from 0: the largest first.

    Without `clusters`, the tree is cut into the number, from 2 to one less than the things and at most
    `MOST_CLUSTERS`, whose mean silhouette is the largest, the smaller number where two are equal; fewer
    than three things are one cluster.
    """
    things = len(distance)
    if clusters is None and things < 3:
        return np.zeros(things, np.int64)
    if things == 1:
        return np.zeros(1, np.int64)
    tree = linkage(squareform(distance, checks=False), "average")
    tried = range(2, min(things - 1, MOST_CLUSTERS) + 1) if clusters is None else [clusters]
    cuts: list[IntArray] = [cut_tree(tree, [number])[:, 0].astype(np.int64) for number in tried]
    if len(cuts) == 1:
        return _largest_first(cuts[0])
    means = [silhouettes(distance, cut).mean() for cut in cuts]
    # Rounded, so that equal means that differ by rounding are equal.
    return _largest_first(cuts[int(np.argmax(np.round(means, 9)))])


def _largest_first(label: IntArray) -> IntArray:
    """Number clusters by their size, then by their first member."""
    _, first, inverse, count = np.unique(label, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -count))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    numbers: IntArray = rank[inverse].astype(np.int64)
    return numbers


def adjusted_rand_index(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    """Return how two clusterings, (things,) labels each, agree: 1 where they are equal, 0 by chance.

    Hubert and Arabie (1985): pairs of things that both put together, less those expected by chance, over
    their largest number less those expected. 1 too where neither leaves a choice: all apart or all together.
    """
    _, rows = np.unique(one, return_inverse=True)
    _, columns = np.unique(other, return_inverse=True)
    table = np.zeros((rows.max(initial=0) + 1, columns.max(initial=0) + 1), np.int64)
    np.add.at(table, (rows, columns), 1)
    together = comb(table, 2).sum()
    of_one, of_other = comb(table.sum(axis=1), 2).sum(), comb(table.sum(axis=0), 2).sum()
    pairs = comb(len(rows), 2)
    expected = of_one * of_other / pairs if pairs else 0.0
    most = (of_one + of_other) / 2
    return 1.0 if most == expected else float((together - expected) / (most - expected))
