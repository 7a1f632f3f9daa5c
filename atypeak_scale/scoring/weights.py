"""The weight of every source: it corrects how the model's habits inflate or deflate scores (method, section
5).

Everything here works on matrices over (first view, second view) cells, one for each source s: R[s] is what
the model rebuilds from s alone, M[s] the sources that s asks for, and N[s] those it does not ask for.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from atypeak_scale.execution.executor import Executor

if TYPE_CHECKING:
    from atypeak_scale.model.inference.engine import Engine

FloatArray = npt.NDArray[np.float64]
Cells = npt.NDArray[np.integer[Any]]  # row and column of each source: (sources, 2)
LOWEST, HIGHEST = 0.1, 10.0
CLIPPED_LOW, CLIPPED_HIGH, NO_WEIGHT = "clipped to 0.1", "clipped to 10", "none: mean weight taken"


@dataclass(frozen=True)
class Responses:
    """What the model does with uniform windows.

    rebuilt: R, (sources, m, n); full: F, (m, n), the crumbed P; present: (sources,), seen in the sample;
    k1: (sources,), NaN if absent from the sample; complement: N, (sources, m, n); from_complement:
    mean over bins of h(N[s])[s], (sources,).
    """

    rebuilt: FloatArray
    full: FloatArray
    present: npt.NDArray[np.bool_]
    k1: FloatArray
    complement: FloatArray
    from_complement: FloatArray


@dataclass(frozen=True)
class Sums:
    """Counts, sums and sums of squares of an occupancy over windows, (sources,) each."""

    count: npt.NDArray[np.int64]
    total: FloatArray
    squares: FloatArray

    @classmethod
    def of(cls, values: FloatArray, counted: npt.NDArray[np.bool_]) -> Self:
        """Sum (windows, sources) values where counted."""
        kept = np.where(counted, values, 0.0)
        return cls(counted.sum(axis=0), kept.sum(axis=0), np.square(kept).sum(axis=0))

    def __add__(self, other: Self) -> "Sums":
        return Sums(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def mean(self) -> FloatArray:
        """Return the mean, NaN if nothing was counted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.count

    def error(self) -> FloatArray:
        """Return the standard error of the mean, NaN if fewer than two were counted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (self.squares - self.count * self.mean() ** 2) / (self.count - 1)
            return np.sqrt(np.maximum(variance, 0) / self.count)


@dataclass(frozen=True)
class Weights:
    """The factors of the weights, (sources,) each; `flag` says why a `weight` is not their product."""

    k1: FloatArray
    k2: FloatArray
    k3: FloatArray
    weight: FloatArray
    flag: list[str]


def crumbed(cells: FloatArray, crumbs: float) -> FloatArray:
    """Add crumbs to (..., m, n) matrices (method, section 2.5)."""
    hints: FloatArray = crumbs * (cells.sum(axis=-1, keepdims=True) + cells.sum(axis=-2, keepdims=True))
    return cells + hints


def _everywhere(engine: "Engine", matrices: FloatArray, executor: Executor, stage: str) -> FloatArray:
    """Return mu_X(h(T)) of windows T that hold a matrix at every bin: (..., m, n) in and out."""
    means = []
    for done, matrix in enumerate(matrices, 1):
        window = np.broadcast_to(matrix.astype(np.float32), (1, engine.bins, *matrix.shape))
        means.append(engine.rebuilt(window)[0].mean(axis=0, dtype=np.float64))
        executor.tell(stage, done, len(matrices))
    return np.array(means)


def rebuilt_alone(
    engine: "Engine", crumbs: float, executor: Executor, stage: str = "sources alone"
) -> tuple[FloatArray, FloatArray]:
    """Return U and R for every source: what the model sees (the source alone, with crumbs) and what it
    rebuilds.

    (sources, m, n) each, in the order of the engine's cells.
    """
    rows, columns = (np.array(index) for index in zip(*engine.cells, strict=True))
    alone = np.zeros((len(rows), *engine.shape))
    alone[np.arange(len(rows)), rows, columns] = 1.0
    alone = crumbed(alone, crumbs)
    return alone, _everywhere(engine, alone, executor, stage)


def responses(
    engine: "Engine", present: npt.NDArray[np.bool_], crumbs: float, executor: Executor
) -> Responses:
    """Ask the model what it rebuilds from each source alone; `present` marks the sources of the sample."""
    rows, columns = (np.array(index) for index in zip(*engine.cells, strict=True))
    sources = np.arange(len(rows))
    alone, rebuilt = rebuilt_alone(engine, crumbs, executor)
    seen = np.zeros(engine.shape)
    seen[rows[present], columns[present]] = 1.0
    full = crumbed(seen, crumbs)
    with np.errstate(divide="ignore", invalid="ignore"):
        k1 = np.where(present, alone.sum(axis=(1, 2)) / rebuilt.sum(axis=(1, 2)), np.nan)
        request = rebuilt / rebuilt[sources, rows, columns][:, None, None]
    complement = np.clip(full - request * full[rows, columns][:, None, None], 0.0, 2.0)
    answer = _everywhere(engine, np.nan_to_num(complement), executor, "complements")
    return Responses(rebuilt, full, present, k1, complement, answer[sources, rows, columns])


def masks(found: Responses, cells: Cells) -> tuple[FloatArray, FloatArray]:
    """Return the masks whose product with presence (windows, sources) is theta and eta: (sources, sources).

    At the cells of the sources, column s of the first holds M[s] times IW, and of the second N[s] times IW.
    A window holds nothing in other cells. Sources outside the sample have no weight.
    """
    rows, columns = cells.T
    k1 = np.nan_to_num(found.k1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = found.rebuilt / found.rebuilt.max(axis=(1, 2), keepdims=True)
    return k1 * asked[:, rows, columns].T, k1 * found.complement[:, rows, columns].T


def occupancies(presence: npt.NDArray[np.bool_], mask: FloatArray) -> Sums:
    """Sum an occupancy over the windows that hold its source, leaving out zeros (method, section 5.2).

    presence: (windows, sources), whether a source has a peak in the window.
    """
    values = presence @ mask
    return Sums.of(values, presence & (values != 0))


def weights(found: Responses, cells: Cells, theta: Sums, eta: Sums) -> Weights:
    """Combine the factors into one weight for each source (method, sections 5.1 to 5.4).

    If the product of a source is not finite, because it has no windows or no response, the source takes the
    mean weight of the others and a flag. Clipped weights get a flag too.
    """
    rows, columns = cells.T
    theta_mask, eta_mask = masks(found, cells)
    theta_full, eta_full = found.present @ theta_mask, found.present @ eta_mask
    with np.errstate(divide="ignore", invalid="ignore"):
        k2 = theta_full / theta.mean()
        # If no window holds a source that s does not ask for, there is nothing to subtract.
        share = np.where((eta.count == 0) | (eta_full == 0), 0.0, eta.mean() / eta_full)
        k3 = 1.0 - found.from_complement / found.full[rows, columns] * share
        product = np.where(found.present, found.k1 * k2 * k3, np.nan)
    has_weight = np.isfinite(product)
    clipped = np.clip(product, LOWEST, HIGHEST)
    mean = clipped[has_weight].mean() if has_weight.any() else 1.0
    flag = [
        NO_WEIGHT if not ok else CLIPPED_LOW if k < LOWEST else CLIPPED_HIGH if k > HIGHEST else ""
        for ok, k in zip(has_weight, product, strict=True)
    ]
    return Weights(found.k1, k2, k3, np.where(has_weight, clipped, mean), flag)
