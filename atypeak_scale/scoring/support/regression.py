"""Regression of one source on the others: its peaks against placements (method, section 9.10).

It is cross-fitted: the regression of a fold has seen no interval of that fold, and judges those of it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from threadpoolctl import threadpool_limits

from atypeak_scale.scoring.support.neighbours import SUMS, Gaps, Integers, features

C = 0.3  # inverse strength of the L2 penalty
KINDS = 3  # features of each source: covered share, near, present
# Up to so many features Newton's steps, which end at the very optimum, take about as long as L-BFGS on the
# features that are not 0 (CPU time on simulated data, 6,400 rows, 8 % not 0: 213 features 0.08 s and 0.04 s,
# 600 features 0.4 s and 0.1 s). Many sources are in few windows each: L-BFGS takes 0.6 s for 3,000 features.
NEWTON_FEATURES = 300
TOLERANCE = 1e-6  # of the gradient of the mean loss: log-odds are off by about 0.001 at most
MOST_STEPS = 10_000  # far more than either takes
SLICE_BYTES = 64_000_000  # at most, of features that are held at once while intervals are judged

Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Regression:
    """The regressions of one source, one for each fold (method, section 9.10).

    coefficients: float32 (folds, 3 * sources + 3), in the order of `neighbours.features`; intercept: float32
    (folds,). In log-odds. All 0 for every fold if there is one outside of which there is no peak or no
    placement: its rows would get 0, the others not, and they could not be compared. The coefficients of the
    source itself are 0.
    """

    coefficients: Float32Array
    intercept: Float32Array


def fit(
    real_gaps: Gaps,
    real_fold: Integers,
    placed_gaps: Gaps,
    placed_fold: Integers,
    folds: int,
    bin_bp: int,
) -> Regression:
    """Fit the regressions of one source: its peaks against placements, outside of each fold in turn.

    Parameters
    ----------
    real_gaps, placed_gaps : int32 (peaks, sources), int32 (placements, sources)
        As `neighbours.gaps` returns them, in bins; some thousands of rows each at most.
    real_fold, placed_fold : int (peaks,), int (placements,)
        The fold of each row, from 0 to `folds` - 1.
    bin_bp : int
        Width of a bin, bp.

    Notes
    -----
    Peaks and placements weigh the same in total, however many there are of each outside of a fold. Otherwise
    intercepts would follow their numbers, which differ between folds whose rows are compared with each other.
    Weights do it also where the true log-odds are not linear in the features; taking the logarithm of the
    ratio of the numbers off the intercept, the other way, is right only if they are.

    """
    sources = real_gaps.shape[1]
    seen = features(np.concatenate([real_gaps, placed_gaps]), bin_bp)
    is_peak = np.arange(len(seen)) < len(real_gaps)
    fold = np.concatenate([real_fold, placed_fold])
    coefficients = np.zeros((folds, KINDS * sources + SUMS), np.float32)
    intercept = np.zeros(folds, np.float32)
    outside = [fold != left_out for left_out in range(folds)]
    if not all(is_peak[rows].any() and not is_peak[rows].all() for rows in outside):
        return Regression(coefficients, intercept)
    # Threads wait for each other more than they help: on two busy cores they took about four times as long.
    with threadpool_limits(1, user_api="blas"):
        for left_out, training in enumerate(outside):
            coefficients[left_out], intercept[left_out] = _fit_one(seen[training], is_peak[training])
    return Regression(coefficients, intercept)


def log_odds(regression: Regression, gaps: Gaps, fold: Integers, bin_bp: int) -> Float32Array:
    """Return the log-odds of each interval, by the regression that has not seen its fold.

    Method, section 9.10; G of section 9.3.

    Parameters
    ----------
    gaps : int32 (rows, sources)
        In bins.
    fold : int (rows,)
    bin_bp : int
        Width of a bin, bp.

    Returns
    -------
    float32 (rows,)
        0 where a peak is as likely as a placement, if there are as many of both.

    """
    found = np.empty(len(gaps), np.float32)
    # For each feature: itself, its coefficient and their product.
    step = max(1, SLICE_BYTES // (4 * 3 * max(1, regression.coefficients.shape[1])))
    for start in range(0, len(gaps), step):
        rows = slice(start, start + step)
        # Row by row, not as a product of matrices: a row's sum does not depend on the rows beside it.
        terms = features(gaps[rows], bin_bp) * regression.coefficients[fold[rows]]
        found[rows] = terms.sum(axis=1) + regression.intercept[fold[rows]]
    return found


def coefficients_by_kind(regression: Regression) -> Float32Array:
    """Return the mean coefficients over the folds, by kind of feature: who corroborates whom.

    float32 (3, sources), log-odds: covered share, near, present (method, section 9.10).
    """
    mean: Float32Array = regression.coefficients[:, :-SUMS].mean(axis=0)
    return mean.reshape(KINDS, -1)


def _fit_one(seen: Float32Array, is_peak: npt.NDArray[np.bool_]) -> tuple[Float64Array, float]:
    """Return coefficients (features,) and intercept of one regression; 0 if there is nothing to learn."""
    coefficients = np.zeros(seen.shape[1])
    used = np.flatnonzero(seen.any(axis=0))  # of many sources, most may never be near this one
    if not used.size:
        return coefficients, 0.0
    # It takes a second to import: commands that fit nothing must not wait for it.
    from sklearn.linear_model import LogisticRegression

    few = len(used) <= NEWTON_FEATURES
    model = LogisticRegression(
        C=C,
        class_weight="balanced",
        solver="newton-cholesky" if few else "lbfgs",
        tol=TOLERANCE,
        max_iter=MOST_STEPS,
    )
    seen = seen[:, used]
    model.fit(seen.astype(np.float64) if few else sparse.csr_array(seen).astype(np.float64), is_peak)
    coefficients[used] = model.coef_[0]
    return coefficients, float(model.intercept_[0])
