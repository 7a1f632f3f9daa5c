import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from atypeak_scale.scoring.support import regression
from atypeak_scale.scoring.support.neighbours import ABSENT, Gaps, features, overlapping_sources
from atypeak_scale.scoring.support.regression import coefficients_by_kind, fit, log_odds

BIN, FOLDS, OWN = 10, 3, 0
IntArray = npt.NDArray[np.int64]
Samples = tuple[Gaps, IntArray, Gaps, IntArray]  # of peaks and of placements: gaps, folds


def draw_gaps(rng: np.random.Generator, rows: int, presence: npt.ArrayLike) -> Gaps:
    """Draw gaps of sources that are each in the window at their rate, and half of the time overlap if so."""
    shape = (rows, np.size(presence))
    gap = np.where(rng.random(shape) < 0.5, -1000, rng.integers(1, 100, shape))
    gap = np.where(rng.random(shape) < presence, gap, ABSENT).astype(np.int32)
    gap[:, OWN] = ABSENT
    return gap


def samples(peaks: int, placements: int, alike: bool = False, seed: int = 1) -> Samples:
    """Draw peaks and placements of source 0: sources 1 to 3 are near its peaks, the others anywhere."""
    rng = np.random.default_rng(seed)
    placed = np.array([0, *[0.1] * 3, *[0.5] * 6])
    real = placed if alike else np.array([0, *[0.4] * 3, *[0.5] * 6])
    return (
        draw_gaps(rng, peaks, real),
        rng.integers(0, FOLDS, peaks),
        draw_gaps(rng, placements, placed),
        rng.integers(0, FOLDS, placements),
    )


def power(of_real: npt.ArrayLike, of_placed: npt.ArrayLike) -> float:
    both = np.concatenate([of_real, of_placed])
    return float(roc_auc_score(np.arange(len(both)) < np.size(of_real), both))


def cross_fitted_power(drawn: Samples) -> float:
    fitted = fit(*drawn, FOLDS, BIN)
    real, real_fold, placed, placed_fold = drawn
    return power(log_odds(fitted, real, real_fold, BIN), log_odds(fitted, placed, placed_fold, BIN))


@pytest.mark.parametrize("newton_features", [0, 300])
def test_log_odds__are_those_of_scikit_learn(newton_features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another solver to a narrower tolerance, on all columns, and judged one fold at a time."""
    monkeypatch.setattr(regression, "NEWTON_FEATURES", newton_features)
    monkeypatch.setattr(regression, "SLICE_BYTES", 5_000)  # many slices
    drawn = samples(200, 300)
    fitted = fit(*drawn, FOLDS, BIN)
    gaps, fold = np.concatenate([drawn[0], drawn[2]]), np.concatenate([drawn[1], drawn[3]])
    found = log_odds(fitted, gaps, fold, BIN)
    seen, is_peak = features(gaps, BIN).astype(float), np.arange(500) < 200
    for left_out in range(FOLDS):
        inside = fold == left_out
        model = LogisticRegression(C=0.3, class_weight="balanced", solver="newton-cg", tol=1e-8)
        model.fit(seen[~inside], is_peak[~inside])
        np.testing.assert_allclose(found[inside], model.decision_function(seen[inside]), atol=2e-3)
    assert found.dtype == fitted.coefficients.dtype == fitted.intercept.dtype == np.float32
    assert fitted.coefficients.shape == (FOLDS, 33)


@pytest.mark.parametrize("newton_features", [0, 300])
def test_fit__is_at_the_optimum(newton_features: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The penalized loss, written out here, is flat at the fit and not beside it."""
    monkeypatch.setattr(regression, "NEWTON_FEATURES", newton_features)
    real, real_fold, placed, placed_fold = samples(100, 150)
    fitted = fit(real, real_fold, placed, placed_fold, FOLDS, BIN)
    gaps, fold = np.concatenate([real, placed]), np.concatenate([real_fold, placed_fold])
    training = fold != 1
    seen = features(gaps, BIN)[training].astype(float)
    sign = np.where(np.arange(250) < 100, 1, -1)[training]
    weight = len(sign) / 2 / np.where(sign == 1, (sign == 1).sum(), (sign == -1).sum())

    def mean_loss(at: npt.NDArray[np.float64]) -> float:
        losses = weight * np.logaddexp(0, -sign * (seen @ at[:-1] + at[-1]))
        return float(losses.sum() + 0.5 / 0.3 * np.sum(at[:-1] ** 2)) / len(sign)

    at = np.append(fitted.coefficients[1], fitted.intercept[1]).astype(float)
    assert np.abs(approx_fprime(at, mean_loss)).max() < 1e-5
    assert np.abs(approx_fprime(at + 0.1, mean_loss)).max() > 1e-3


def test_fit__does_not_see_the_fold_it_judges() -> None:
    real, real_fold, placed, placed_fold = samples(150, 150)
    before = fit(real, real_fold, placed, placed_fold, FOLDS, BIN)
    rng = np.random.default_rng(9)
    real[real_fold == 1] = draw_gaps(rng, int((real_fold == 1).sum()), np.full(10, 0.9))
    placed[placed_fold == 1] = draw_gaps(rng, int((placed_fold == 1).sum()), np.full(10, 0.01))
    after = fit(real, real_fold, placed, placed_fold, FOLDS, BIN)
    np.testing.assert_array_equal(after.coefficients[1], before.coefficients[1])
    assert after.intercept[1] == before.intercept[1]
    for other in (0, 2):
        assert np.abs(after.coefficients[other] - before.coefficients[other]).max() > 0.1


def test_fit__own_source_and_absent_sources_have_no_coefficient() -> None:
    real, real_fold, placed, placed_fold = samples(100, 100)
    real[:, 7] = placed[:, 7] = ABSENT
    fitted = fit(real, real_fold, placed, placed_fold, FOLDS, BIN)
    of_source = np.abs(fitted.coefficients[:, :30]).reshape(FOLDS, 3, 10).sum(axis=(0, 1))
    assert np.flatnonzero(of_source == 0).tolist() == [OWN, 7]


def test_log_odds__do_not_follow_the_numbers_of_peaks_and_placements() -> None:
    """Peaks and placements that differ in nothing: even odds, however many there are of each."""
    real, real_fold, placed, placed_fold = samples(300, 3000, alike=True)
    found = log_odds(fit(real, real_fold, placed, placed_fold, FOLDS, BIN), placed, placed_fold, BIN)
    assert abs(found.mean()) < 0.1 < np.log(10)
    # Exactly even where the regression has nothing to go by.
    nothing = np.full((40, 10), ABSENT, np.int32)
    fold = np.arange(40) % FOLDS
    assert not log_odds(fit(nothing[:4], fold[:4], nothing, fold, FOLDS, BIN), nothing, fold, BIN).any()


def test_log_odds__rank_better_than_counts() -> None:
    drawn = samples(600, 600)
    counts = power(overlapping_sources(drawn[0]), overlapping_sources(drawn[2]))
    assert cross_fitted_power(drawn) > counts + 0.05 > 0.55


def test_log_odds__know_nothing_of_noise() -> None:
    assert cross_fitted_power(samples(600, 600, alike=True)) == pytest.approx(0.5, abs=0.05)


def test_log_odds__do_not_depend_on_the_rows_beside() -> None:
    drawn = samples(100, 100)
    fitted = fit(*drawn, FOLDS, BIN)
    whole = log_odds(fitted, drawn[0], drawn[1], BIN)
    alone = [log_odds(fitted, drawn[0][[k]], drawn[1][[k]], BIN)[0] for k in range(100)]
    np.testing.assert_array_equal(whole, np.array(alone))
    assert log_odds(fitted, drawn[0][:0], drawn[1][:0], BIN).shape == (0,)


def test_fit__zeros_for_all_folds_if_one_has_nothing_to_tell_apart() -> None:
    """All peaks lie in one fold: they would get 0, and placements of other folds what is fitted to them."""
    real, _, placed, placed_fold = samples(20, 100)
    fitted = fit(real, np.full(20, 2), placed, placed_fold, FOLDS, BIN)
    assert not fitted.coefficients.any()
    assert not fitted.intercept.any()
    assert not fit(real[:0], np.zeros(0, int), placed, placed_fold, FOLDS, BIN).coefficients.any()


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_fit__few_rows_end_without_a_warning(peaks: int, placements: int, seed: int) -> None:
    """Classes that can be told apart entirely too; pytest makes a warning an error."""
    fitted = fit(*samples(peaks, placements, seed=seed), FOLDS, BIN)
    assert np.isfinite(fitted.coefficients).all()
    assert np.isfinite(fitted.intercept).all()


def test_coefficients_by_kind__mean_over_folds() -> None:
    drawn = samples(400, 400)
    fitted = fit(*drawn, FOLDS, BIN)
    found = coefficients_by_kind(fitted)
    overlap, near, present = found
    for source in range(10):
        assert overlap[source] == pytest.approx(fitted.coefficients[:, source].mean(), rel=1e-5)
        assert near[source] == pytest.approx(fitted.coefficients[:, 10 + source].mean(), rel=1e-5)
        assert present[source] == pytest.approx(fitted.coefficients[:, 20 + source].mean(), rel=1e-5)
    assert found.dtype == np.float32
    corroborates = found.sum(axis=0)
    assert corroborates[1:4].min() > corroborates[4:].max()
