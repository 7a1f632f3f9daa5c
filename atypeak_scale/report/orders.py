"""The order of sources along a matrix: those that are alike stand beside each other."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]


def clustered(alike: FloatArray) -> npt.NDArray[np.int64]:
    """Return an order in which things that are alike stand beside each other: int64 (things,).

    Parameters
    ----------
    alike : (things, things) float
        How alike each two are, from about -1 to 1; NaN counts as 0, and both directions are averaged.

    """
    if len(alike) < 3:
        return np.arange(len(alike))
    known = np.nan_to_num(np.asarray(alike, np.float64))
    distance = 1 - np.clip((known + known.T) / 2, -1, 1)
    np.fill_diagonal(distance, 0)
    return leaves_list(linkage(squareform(distance, checks=False), "average")).astype(np.int64)


def by_group(group: IntArray, alike: FloatArray) -> npt.NDArray[np.int64]:
    """Return an order by group, and within a group by likeness: int64 (things,).

    Parameters
    ----------
    group : (things,) int
        Number of the group of each.
    alike : (things, things) float
        As for `clustered`.

    """
    parts = []
    for number in np.unique(group):
        members = np.flatnonzero(group == number)
        parts.append(members[clustered(alike[np.ix_(members, members)])])
    return np.concatenate(parts)


def blocks_of(group: IntArray) -> list[tuple[int, int]]:
    """Return the ranges [start, stop) of equal neighbours, of sorted groups (things,)."""
    borders = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(group)]
    return list(pairwise(borders))
