"""Cluster things by what they ask of one another, and compare two clusterings."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.spatial.distance import squareform
from scipy.special import comb

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
MOST_CLUSTERS = 50  # to try if no number is given


def mutual_distance(asked: FloatArray) -> FloatArray:
    """Return how little each two things ask of each other: 1 - the mean of both (method, section 7.1).

    Parameters
    ----------
    asked : float64 (things, things)
        What each asks of every other, 0 to 1.

    Returns
    -------
    float64 (things, things)
        Symmetric, 0 on the diagonal.

    """
    distance: FloatArray = 1.0 - (asked + asked.T) / 2
    np.fill_diagonal(distance, 0.0)
    return distance


def silhouettes(distance: FloatArray, label: IntArray) -> FloatArray:
    """Return how much closer each thing is to its own cluster than to the next one.

    Parameters
    ----------
    distance : float64 (things, things)
        Symmetric.
    label : int64 (things,)
        Cluster of each thing: numbers from 0 without gaps, at least two clusters.

    Returns
    -------
    float64 (things,)
        (b - a) / max(a, b). Here a is the mean distance to the others in the cluster, and b the smallest mean
        distance to another cluster. 0 for a thing that is alone in its cluster.

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
        How many. None takes the number with the largest mean silhouette, from 2 to one less than the number
        of things and at most `MOST_CLUSTERS`; if several are equal, the smallest. Fewer than three things are
        one cluster.

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
    # Rounded, so that means that differ only by rounding count as equal.
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
    """Return how well two clusterings agree (Hubert and Arabie 1985).

    It is the number of pairs that both clusterings put together, minus the number expected by chance, over
    the largest possible number minus the expected one.

    Parameters
    ----------
    one, other : array (things,)
        Labels of any kind.

    Returns
    -------
    float
        1 if they are equal, 0 on average by chance. Also 1 if both put everything apart, or both put
        everything together.

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
