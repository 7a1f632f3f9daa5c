"""The weight of every source: how the model's own habits inflate or deflate its scores (method, section 5).

Everything here is about matrices over (first view, second view) cells, which occur for each source s:
R[s] what the model rebuilds from s alone, M[s] the sources that s asks for, N[s] those it does not.
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
    k1: (sources,), NaN where absent from the sample; complement: N, (sources, m, n); from_complement:
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
    """Counts, sums and sums of squares of an occupancy over windows; (sources,) each."""

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
        """Return the mean, NaN where nothing was counted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.total / self.count

    def error(self) -> FloatArray:
        """Return the standard error of the mean, NaN where fewer than two were counted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = (self.squares - self.count * self.mean() ** 2) / (self.count - 1)
            return np.sqrt(np.maximum(variance, 0) / self.count)


@dataclass(frozen=True)
class Weights:
    """The factors of a weight, (sources,) each; `flag` says where `weight` is not their product."""

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
    """Return U and R: of every source what is shown, itself alone with its crumbs, and what is rebuilt.

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
    """Ask the model what each source alone brings forth; `present` marks the sources of the sample."""
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
    """Return what turns presence (windows, sources) into theta and eta by a product: (sources, sources) each.

    Column s of the first holds M[s] times IW, of the second N[s] times IW, at the cells of the sources; a
    window holds nothing elsewhere. Sources outside the sample weigh nothing.
    """
    rows, columns = cells.T
    k1 = np.nan_to_num(found.k1)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        asked = found.rebuilt / found.rebuilt.max(axis=(1, 2), keepdims=True)
    return k1 * asked[:, rows, columns].T, k1 * found.complement[:, rows, columns].T


def occupancies(presence: npt.NDArray[np.bool_], mask: FloatArray) -> Sums:
    """Sum an occupancy over windows where its source is present, zeros left out (method, section 5.2).

    presence: (windows, sources), whether a source has a peak in the window.
    """
    values = presence @ mask
    return Sums.of(values, presence & (values != 0))


def weights(found: Responses, cells: Cells, theta: Sums, eta: Sums) -> Weights:
    """Combine the factors into one weight for each source (method, sections 5.1 to 5.4).

    A source without a finite product, for want of windows or of a response, takes the mean weight of the
    others, flagged; so does every clipped weight.
    """
    rows, columns = cells.T
    theta_mask, eta_mask = masks(found, cells)
    theta_full, eta_full = found.present @ theta_mask, found.present @ eta_mask
    with np.errstate(divide="ignore", invalid="ignore"):
        k2 = theta_full / theta.mean()
        # Where no window holds a source that s does not ask for, there is nothing to take off.
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
