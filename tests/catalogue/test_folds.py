import numpy as np
import pytest

from atypeak_scale.catalogue.folds import fold_of_crm, half_of_crm, is_kept_out, uniform_of_crm


def test_folds_are_of_equal_size_and_follow_the_seed():
    crm = np.arange(100_000)
    counts = np.bincount(fold_of_crm(crm, 5, seed=1))
    assert len(counts) == 5
    # Five standard deviations of a binomial count.
    assert np.abs(counts - 20_000).max() < 5 * np.sqrt(100_000 * 0.2 * 0.8)
    assert np.array_equal(fold_of_crm(crm[::-1], 5, seed=1)[::-1], fold_of_crm(crm, 5, seed=1))
    assert (fold_of_crm(crm, 5, seed=1) != fold_of_crm(crm, 5, seed=2)).mean() > 0.75


def test_crms_kept_out_are_the_share_asked_for_and_independent_of_the_folds():
    crm = np.arange(100_000)
    out = is_kept_out(crm, 0.1, seed=1)
    assert abs(out.mean() - 0.1) < 0.005
    by_fold = np.array([out[fold_of_crm(crm, 5, seed=1) == fold].mean() for fold in range(5)])
    assert np.abs(by_fold - 0.1).max() < 0.012


def test_numbers_of_neighbouring_crms_are_unrelated():
    numbers = uniform_of_crm(np.arange(50_000), seed=3)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.02


def test_half_of_crm__is_a_half_and_independent_of_the_other_parts() -> None:
    crm = np.arange(40_000)
    half = half_of_crm(crm)
    assert set(half.tolist()) == {1, 2}
    others = [is_kept_out(crm, 0.3, 0), is_kept_out(crm, 0.3, 1), fold_of_crm(crm, 5, 0) == 2]
    for other in (np.ones(len(crm), bool), *others):
        assert (half[other] == 1).mean() == pytest.approx(0.5, abs=0.02)
    assert (half_of_crm(crm[::-1]) == half[::-1]).all()
