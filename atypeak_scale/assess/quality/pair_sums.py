"""What a Q-score needs from the windows: sums that add up block by block (method, sections 6.1-6.3).

The dimensions of (m, n) cells are the m labels of the first view, then the n of the second; L = m + n.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Moments:
    """Number, mean and sum of squared deviations of some values.

    Attributes
    ----------
    count : int64 array
        Number of values; any shape, but the same for all three.
    mean, squares : float64 array
        Their mean, 0 if there are none, and the sum of their squared deviations from it.

    """

    count: npt.NDArray[np.int64]
    mean: FloatArray
    squares: FloatArray

    @classmethod
    def around(cls, centre: FloatArray, count: FloatArray, total: FloatArray, squares: FloatArray) -> Self:
        """Return the moments from sums of deviations from a centre.

        Parameters
        ----------
        centre : float64 array
            Any number; the closer it is to the mean, the fewer digits are lost.
        count, total, squares : float64 array
            Number of values, sum of their deviations from the centre, and sum of the squared deviations.

        Returns
        -------
        Moments
            Moments about the mean.

        """
        shift = total / np.maximum(count, 1)
        about_mean = np.maximum(squares - shift * total, 0.0)
        return cls(count.astype(np.int64), np.where(count > 0, centre + shift, 0.0), about_mean)

    def __add__(self, other: Self) -> "Moments":
        """Combine two sets of values by their counts, means and squared deviations (Chan's formula)."""
        count = self.count + other.count
        some = np.maximum(count, 1)
        step = other.mean - self.mean
        return Moments(
            count,
            self.mean + step * other.count / some,
            self.squares + other.squares + step**2 * (self.count * (other.count / some)),
        )

    def __getitem__(self, at: tuple[int, ...]) -> "Moments":
        return Moments(self.count[at], self.mean[at], self.squares[at])

    def variance(self) -> FloatArray:
        """Return the variance with n - 1, NaN if there are fewer than two values."""
        return np.where(self.count > 1, self.squares / np.maximum(self.count - 1, 1), np.nan)


@dataclass(frozen=True)
class PairSums:
    """Sufficient statistics of some windows; those of several sets of windows add up.

    Attributes
    ----------
    bins : int
        Number of (window, bin) pairs.
    occupied : int64 (L,)
        Sum of each dimension's occupancy over these.
    products : int64 (L, L)
        Sum of the products of each two.
    values : Moments (2, 2, L, L)
        At [a, b, i, j] the values of dimension i in windows where i is present (a = 1) or absent (0), and j
        is present (b = 1) or absent (0).

    """

    bins: int
    occupied: npt.NDArray[np.int64]
    products: npt.NDArray[np.int64]
    values: Moments

    def __add__(self, other: Self) -> "PairSums":
        return PairSums(
            self.bins + other.bins,
            self.occupied + other.occupied,
            self.products + other.products,
            self.values + other.values,
        )


def pair_sums(occupancy: BoolArray, cells: npt.NDArray[np.integer[Any]], rebuilt: FloatArray) -> PairSums:
    """Sum over windows what the Q-score needs.

    Parameters
    ----------
    occupancy : bool (windows, bins, sources)
        Occupancy of the store, without crumbs.
    cells : int (sources, 2)
        The (row, column) of each source.
    rebuilt : float64 (windows, m, n)
        The mean over bins of h(X).

    Returns
    -------
    PairSums
        The sums over these windows.

    """
    windows, bins, sources = occupancy.shape
    m, n = rebuilt.shape[1:]
    dimension_of_source = np.zeros((sources, m + n))
    dimension_of_source[np.arange(sources), cells[:, 0]] = 1
    dimension_of_source[np.arange(sources), m + cells[:, 1]] = 1
    # These products are exact: whole numbers below 2^53.
    dimensions = occupancy.reshape(-1, sources).astype(np.float64) @ dimension_of_source
    present: BoolArray = np.any(dimensions.reshape(windows, bins, -1), axis=1)
    return PairSums(
        windows * bins,
        dimensions.sum(axis=0).astype(np.int64),
        (dimensions.T @ dimensions).astype(np.int64),
        _values_by_presence(present, rebuilt),
    )


def _of_dimensions(cells: FloatArray) -> FloatArray:
    """Sum the cells of each dimension's slice: (windows, m, n) to (windows, L)."""
    return np.concatenate([cells.sum(axis=2), cells.sum(axis=1)], axis=1)


def _values_by_presence(present: BoolArray, rebuilt: FloatArray) -> Moments:
    """Return the moments of every dimension's values by its own presence and that of every other."""
    states = np.stack([~present, present]).astype(np.float64)
    counted = (rebuilt != 0).astype(np.float64)
    number, total = _of_dimensions(counted), _of_dimensions(rebuilt)
    parts = []
    for own in states:
        count = own * number
        # A centre for each state: the values of a dimension differ widely between present and absent.
        centre = (own * total).sum(axis=0) / np.maximum(count.sum(axis=0), 1)
        deviations = own * (total - number * centre)
        squares = own * _squared_deviations(rebuilt, counted, centre)
        by_other = (np.stack([part.T @ other for other in states]) for part in (count, deviations, squares))
        parts.append(Moments.around(centre[:, None], *by_other))
    return Moments(*(np.stack([getattr(part, name) for part in parts]) for name in vars(parts[0])))


def _squared_deviations(rebuilt: FloatArray, counted: FloatArray, centre: FloatArray) -> FloatArray:
    """Sum the squared deviations of each dimension's values from its centre: (windows, L)."""
    m = rebuilt.shape[1]
    of_first = counted * np.square(rebuilt - centre[:m, None])
    of_second = counted * np.square(rebuilt - centre[m:])
    return np.concatenate([of_first.sum(axis=2), of_second.sum(axis=1)], axis=1)
