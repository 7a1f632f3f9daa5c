"""Cluster things by what they ask of each other, and compare two clusterings."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from scipy.special import comb

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MOST_CLUSTERS = 50  # that are tried if the number is not given


def mutual_distance(asked: FloatArray) -> FloatArray:
    """Return how little two things ask of each other: 1 - the mean of both (method, section 7.1).

    Parameters
    ----------
    asked : float64 (things, things)
        What each asks of each other one, 0 to 1.

    Returns
    -------
    float64 (things, things)
        Symmetric, 0 on the diagonal.

    """
    distance: FloatArray = 1.0 - (asked + asked.T) / 2
    np.fill_diagonal(distance, 0.0)
    return distance


def silhouettes(distance: FloatArray, label: IntArray) -> FloatArray:
    """Return how much closer everything is to its own cluster than to the next one.

    Parameters
    ----------
    distance : float64 (things, things)
        Symmetric.
    label : int64 (things,)
        Cluster of each: numbers from 0 without gaps, at least two of them.

    Returns
    -------
    float64 (things,)
        (b - a) / max(a, b), with a the mean distance to the others of its cluster, and b the smallest mean
        distance to another cluster; 0 if it is alone in its cluster.

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
    """Cluster things by average linkage.

    Parameters
    ----------
    distance : float64 (things, things)
        Symmetric, 0 on the diagonal.
    clusters : int, optional
        How many. None takes the number with the largest mean silhouette, from 2 to one less than the things
        and at most `MOST_CLUSTERS`; of equal ones, the smaller. Fewer than three things are one cluster.

    Returns
    -------
    int64 (things,)
        Cluster of each, numbered from 0: the largest first.

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
    """Return how two clusterings agree (Hubert and Arabie 1985).

    Pairs of things that both put together, less those expected by chance, over their largest number less
    those expected.

    Parameters
    ----------
    one, other : array (things,)
        Labels of any kind.

    Returns
    -------
    float
        1 if they are equal, 0 on average by chance. 1 too if neither leaves a choice: all apart, or all
        together.

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
