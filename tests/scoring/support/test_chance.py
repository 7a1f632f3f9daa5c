"""Chance against loops over its definitions, literal resamples, and simulations of a known share of noise."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from atypeak_scale.scoring.support.chance import (
    Chance,
    chance,
    doubt_of_rank,
    memorised,
    p_by_rank,
    q_of_rank,
    rank_among,
)

# Few values, so that many are equal.
supports = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=25).map(np.array)


def p_of(real: np.ndarray, placed: np.ndarray) -> np.ndarray:
    return np.array([(1 + sum(other >= one for other in placed)) / (1 + len(placed)) for one in real])


def share_of(p: np.ndarray) -> float:
    return min(1.0, sum(one > 0.5 for one in p) / (0.5 * len(p)))


def power_of(real: np.ndarray, placed: np.ndarray) -> float:
    return float(((real[:, None] > placed) + 0.5 * (real[:, None] == placed)).mean())


def q_of(p: np.ndarray, share: float) -> list[float]:
    """Try every threshold from the p of a peak on."""
    return [
        min(1.0, *(share * t * len(p) / sum(other <= t for other in p) for t in (*p, 1.0) if t >= one))
        for one in p
    ]


def doubt_of(real: np.ndarray, placed: np.ndarray, share: float) -> list[float]:
    """Fit by the max-min formula of isotonic regression, over levels of support from the highest down."""
    placed = np.append(placed, np.inf)
    levels = sorted({*real, *placed}, reverse=True)
    noise = np.array([(placed == level).mean() for level in levels])
    total = noise + [(real == level).mean() for level in levels]
    fit = {
        level: max(
            min(noise[a : b + 1].sum() / total[a : b + 1].sum() for b in range(k, len(levels)))
            for a in range(k + 1)
        )
        for k, level in enumerate(levels)
    }
    return [min(1.0, share * fit[one] / (1 - fit[one])) for one in real]


def tables(
    real: np.ndarray, placed: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rank = rank_among(real, np.sort(placed))
    by_rank = np.bincount(rank, minlength=len(placed) + 1)
    return rank, p_by_rank(len(placed)), q_of_rank(by_rank, share), doubt_of_rank(by_rank, share)


@given(supports, supports)
def test_p__counts_placements_at_least_as_large(real: np.ndarray, placed: np.ndarray) -> None:
    rank = rank_among(real, np.sort(placed))
    assert rank.dtype == np.int64
    p = p_by_rank(len(placed))[rank]
    np.testing.assert_array_equal(p, p_of(real, placed))
    assert (p > 0).all()
    assert (p <= 1).all()


@given(supports, supports, st.floats(0.01, 1))
def test_tables__equal_their_definitions(real: np.ndarray, placed: np.ndarray, share: float) -> None:
    rank, p, q, doubt = tables(real, placed, share)
    assert q.dtype == doubt.dtype == np.float32
    np.testing.assert_allclose(q[rank], q_of(p[rank], share), rtol=1e-6)
    np.testing.assert_allclose(doubt[rank], doubt_of(real, placed, share), rtol=1e-5)


@given(supports, supports, st.floats(0, 1))
def test_tables__are_monotone_and_bounded(real: np.ndarray, placed: np.ndarray, share: float) -> None:
    """Both fall as support rises; a group is at most as doubtful as its most doubtful member."""
    rank, p, q, doubt = tables(real, placed, share)
    for table in (q, doubt):
        assert (np.diff(table) >= 0).all()
        assert ((table >= 0) & (table <= 1)).all()
    assert (q >= share * p - 1e-6).all()
    assert (q <= doubt + 1e-6).all()
    assert q[0] == pytest.approx(doubt[0], rel=1e-5)
    assert (doubt[rank.max() + 1 :] == 1).all()


@given(supports, supports)
def test_doubt__steps_only_where_a_placement_comes_next(real: np.ndarray, placed: np.ndarray) -> None:
    """The fit over all levels of support gives one value to all peaks of a rank."""
    rank = rank_among(real, np.sort(placed))
    doubt = np.array(doubt_of(real, placed, 0.5))
    for one in np.unique(rank):
        assert np.ptp(doubt[rank == one]) < 1e-12


def test_doubt__above_all_placements_is_not_zero() -> None:
    """Of 40 peaks above 99 placements, with pi0 = 0.5, half a peak of 100 may be noise: pi0 n / 100 / 40."""
    by_rank = np.bincount(np.append(np.zeros(40, int), np.linspace(1, 99, 60).astype(int)), minlength=100)
    doubt = doubt_of_rank(by_rank, 0.5)
    assert doubt[0] == pytest.approx(0.5 * 100 / 100 / 40)
    assert q_of_rank(by_rank, 0.5)[0] == doubt[0]


def source(n: int, N: int, share: float, distance: float, seed: int, crms: int = 300) -> tuple:
    """Return peaks, of which a share are placements in truth, placements, CRMs of both, and what is noise."""
    rng = np.random.default_rng(seed)
    is_noise = rng.random(n) < share
    real = rng.normal(0, 1, n) + np.where(is_noise, 0, distance)
    return real, rng.integers(crms, size=n), rng.normal(0, 1, N), rng.integers(crms, size=N), is_noise


def same(one: Chance, other: Chance) -> bool:
    pairs = [(getattr(one, field.name), getattr(other, field.name)) for field in fields(Chance)]
    return all(np.array_equal(a, b, equal_nan=not isinstance(a, str)) for a, b in pairs)


def test_chance__equals_literal_resamples() -> None:
    rng = np.random.default_rng(5)
    real, placed = rng.integers(0, 9, 130).astype(float), rng.integers(-3, 5, 70).astype(float)
    real_crm, placed_crm = rng.integers(10, 30, 130), rng.integers(5, 25, 70)
    found = chance(real, real_crm, placed, placed_crm, np.random.default_rng(8), resamples=40)

    rng = np.random.default_rng(8)
    crms = sorted({*real_crm, *placed_crm})
    shares, powers = [], []
    for _ in range(40):
        drawn = [crms[k] for k in rng.integers(len(crms), size=len(crms))]
        of_real = np.concatenate([real[real_crm == crm] for crm in drawn])
        of_placed = np.concatenate([placed[placed_crm == crm] for crm in drawn])
        shares.append(share_of(p_of(of_real, of_placed)))
        powers.append(power_of(of_real, of_placed))
    p = p_of(real, placed)
    share = share_of(p)
    assert 0 < share < 1
    assert found.share_random == pytest.approx(share)
    assert found.power == pytest.approx(power_of(real, placed))
    low, high = np.quantile(shares, [0.025, 0.975])
    assert (found.share_random_low, found.share_random_high) == pytest.approx((low, high))
    low, high = np.quantile(powers, [0.025, 0.975])
    assert (found.power_low, found.power_high) == pytest.approx((low, high))
    assert (found.verdict, found.peaks) == ("judged", 130)
    rank = rank_among(real, np.sort(placed))
    np.testing.assert_allclose(found.q_by_rank[rank], q_of(p, share), rtol=1e-6)
    np.testing.assert_allclose(found.doubt_by_rank[rank], doubt_of(real, placed, share), rtol=1e-5)
    assert found.p_error == pytest.approx((0.05 * 0.95 / 70) ** 0.5)


@given(st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=10)
def test_chance__only_the_order_of_support_counts(seed: int) -> None:
    real, real_crm, placed, placed_crm, _ = source(150, 90, 0.3, 2.5, seed)
    one = chance(real, real_crm, placed, placed_crm, np.random.default_rng(1), 20)
    other = chance(np.exp(real), real_crm, np.exp(placed), placed_crm, np.random.default_rng(1), 20)
    assert same(one, other)
    # Nor does the order in which they are listed, or how CRMs are numbered, as long as their order stays.
    turned = chance(real[::-1], real_crm[::-1] * 7, placed, placed_crm * 7, np.random.default_rng(1), 20)
    assert same(one, turned)


def test_chance__what_cannot_be_judged_has_no_doubt() -> None:
    few = chance(*source(99, 400, 0.2, 5, 0)[:4], np.random.default_rng(0))
    enough = chance(*source(100, 400, 0.2, 5, 0)[:4], np.random.default_rng(0))
    weak = chance(*source(2000, 2000, 0.2, 0.3, 0)[:4], np.random.default_rng(0))
    assert (few.verdict, enough.verdict, weak.verdict) == ("few peaks", "judged", "low power")
    assert weak.power < 0.6
    for one in (few, weak):
        assert np.isnan(one.q_by_rank).all()
        assert np.isnan(one.doubt_by_rank).all()
    assert not np.isnan(enough.doubt_by_rank).any()
    assert [len(one.doubt_by_rank) for one in (few, enough, weak)] == [401, 401, 2001]


def test_chance__the_interval_of_power_decides_not_power() -> None:
    """Peaks of few CRMs say little, however many they are."""
    rng = np.random.default_rng(3)
    crm = rng.integers(10, size=900)
    real, placed = np.linspace(-1.5, 3.5, 10)[crm] + rng.normal(0, 0.5, 900), rng.normal(0, 1, 900)
    placed_crm = np.arange(100, 1000)
    found = chance(real, crm, placed, placed_crm, np.random.default_rng(0))
    assert found.power > 0.65
    assert found.power_low <= 0.6
    assert found.verdict == "low power"
    apart = chance(real, np.arange(1000, 1900), placed, placed_crm, np.random.default_rng(0))
    assert apart.power == found.power
    assert apart.verdict == "judged"


def test_chance__all_equal_lies_like_random() -> None:
    zeros, crm = np.zeros(200), np.arange(200)
    found = chance(zeros, crm, zeros, crm, np.random.default_rng(0), 50)
    assert (found.share_random, found.power, found.power_low, found.power_high) == (1, 0.5, 0.5, 0.5)
    assert found.verdict == "low power"


@pytest.mark.parametrize("peaks", [0, 1])
def test_chance__of_hardly_a_peak(peaks: int) -> None:
    real, crm = np.full(peaks, 9.0), np.arange(peaks)
    found = chance(real, crm, np.arange(50.0), np.arange(50), np.random.default_rng(0), 50)
    assert (found.peaks, found.verdict) == (peaks, "few peaks")
    expected = (1, 0.19) if peaks else (np.nan, np.nan)  # 9 placements of 50 are below it, one is equal
    assert (found.share_random, found.power) == pytest.approx(expected, nan_ok=True)
    assert np.isnan(found.power_low) == (peaks == 0)


def test_chance__refuses_nan_and_no_placement() -> None:
    good, bad, crm = np.arange(3.0), np.array([1, np.nan, 2]), np.arange(3)
    rng = np.random.default_rng(0)
    for real, placed in ((bad, good), (good, bad)):
        with pytest.raises(ValueError, match="expected support, found NaN"):
            chance(real, crm, placed, crm, rng)
        with pytest.raises(ValueError, match="expected support, found NaN"):
            rank_among(real, placed)
    with pytest.raises(ValueError, match="expected scores, found NaN"):
        memorised(bad, np.array([True, False, True]), crm, crm, rng)
    with pytest.raises(ValueError, match="expected placements, found none"):
        chance(good, crm, good[:0], crm[:0], rng)
    with pytest.raises(ValueError, match="sorted"):
        rank_among(good, good[::-1])


def test_p__of_noise_is_uniform() -> None:
    """Every rank is as likely, with placements anew for each peak: nothing is lost to their finite number."""
    rng = np.random.default_rng(4)
    ranks = [int(rank_among(rng.normal(size=1), np.sort(rng.normal(size=9)))[0]) for _ in range(5000)]
    assert chisquare(np.bincount(ranks, minlength=10)).pvalue > 0.01
    # With ties p is too large rather than too small.
    p = [p_of(rng.integers(3, size=1), rng.integers(3, size=9))[0] for _ in range(2000)]
    assert all(np.mean(np.array(p) <= level) <= level + 0.01 for level in p_by_rank(9))


def test_share_random__interval_covers_the_share_where_crms_are_alike_inside() -> None:
    """Peaks and placements of a CRM share its level; noise comes in runs within CRMs."""
    rng = np.random.default_rng(6)
    covered, share = [], 0.3
    for _ in range(150):
        level, rate = rng.normal(0, 1, 250), rng.beta(0.6, 1.4, 250)  # of mean 0.3
        crm, placed_crm = rng.integers(250, size=750), rng.integers(250, size=1500)
        is_noise = rng.random(750) < rate[crm]
        real = level[crm] + rng.normal(0, 0.7, 750) + np.where(is_noise, 0, 9)
        placed = level[placed_crm] + rng.normal(0, 0.7, 1500)
        found = chance(real, crm, placed, placed_crm, rng, 200)
        covered.append(found.share_random_low <= share <= found.share_random_high)
    assert 0.9 <= np.mean(covered) <= 0.99


def test_share_random__error_is_that_of_drawing_placements_anew() -> None:
    real, crm, _, placed_crm, _ = source(4000, 400, 0.4, 1.5, 7)
    rng = np.random.default_rng(7)
    drawn = [chance(real, crm, rng.normal(0, 1, 400), placed_crm, rng, 1) for _ in range(300)]
    spread = np.std([one.share_random for one in drawn])
    assert np.mean([one.share_random_error for one in drawn]) == pytest.approx(spread, rel=0.12)


@pytest.mark.parametrize(("share", "distance", "n"), [(0.2, 2.5, 5000), (0.5, 2.5, 5000), (0.3, 3, 20_000)])
def test_doubt__is_the_share_of_noise(share: float, distance: float, n: int) -> None:
    doubts, noise, top, top_noise = [], [], [], []
    for seed in range(10):
        real, crm, placed, placed_crm, is_noise = source(n, 10_000, share, distance, seed)
        found = chance(real, crm, placed, placed_crm, np.random.default_rng(seed), 10)
        rank = rank_among(real, np.sort(placed))
        doubts.append(found.doubt_by_rank[rank])
        noise.append(is_noise)
        is_top = doubts[-1] == found.doubt_by_rank[0]
        top.append(doubts[-1][is_top])
        top_noise.append(is_noise[is_top])
    doubt, is_noise = np.concatenate(doubts), np.concatenate(noise)
    tenth = np.minimum((doubt * 10).astype(int), 9)
    large = [k for k in range(10) if (tenth == k).sum() >= 200]
    assert len(large) == 10
    for k in large:
        inside = tenth == k
        assert is_noise[inside].mean() == pytest.approx(doubt[inside].mean(), abs=0.07)
    # The highest step, where a fit without the placement above all would say that there is no noise.
    assert np.concatenate(top_noise).mean() == pytest.approx(np.concatenate(top).mean(), abs=0.003)


def peaks_to_compare(memory: float) -> tuple[np.ndarray, ...]:
    """Return support, which rises by `memory` in CRMs trained on, whether trained on, source and CRM."""
    rng = np.random.default_rng(9)
    crm, labels = rng.integers(400, size=3000), rng.choice(5, size=3000, p=[0.5, 0.3, 0.15, 0.04, 0.01])
    trained_on = crm % 10 > 0
    support = rng.normal(0, 1, 400)[crm] + rng.normal(3 * labels, 1) + memory * trained_on
    return support, trained_on, labels, crm


def test_memorised__equals_literal_resamples() -> None:
    support, trained_on, labels, crm = peaks_to_compare(0.5)
    support = np.round(support)  # ties
    sizes = np.array([np.bincount(labels[which], minlength=5) for which in (trained_on, ~trained_on)])
    used = np.flatnonzero(sizes.min(axis=0) >= 20).tolist()
    assert used == [0, 1, 2]

    def mean(rows: np.ndarray) -> float:
        area = total = 0.0
        for k in used:
            of_source = rows[labels[rows] == k]
            one, other = support[of_source[trained_on[of_source]]], support[of_source[~trained_on[of_source]]]
            weight = len(one) * len(other) / (len(one) + len(other))
            area, total = area + weight * power_of(one, other), total + weight
        return area / total

    found = memorised(support, trained_on, labels, crm, np.random.default_rng(2), resamples=30)
    rng = np.random.default_rng(2)
    crms = np.unique(crm)
    draws = [crms[rng.integers(len(crms), size=len(crms))] for _ in range(30)]
    again = [mean(np.concatenate([np.flatnonzero(crm == one) for one in drawn])) for drawn in draws]
    assert found == pytest.approx((mean(np.arange(3000)), *np.quantile(again, [0.025, 0.975])))


def test_memorised__tells_memory_from_none() -> None:
    for memory in (0, 1):
        auroc, low, high = memorised(*peaks_to_compare(memory), np.random.default_rng(0))
        assert low <= auroc <= high
        assert (low > 0.5) == bool(memory)
    support, trained_on, labels, crm = peaks_to_compare(0)
    nothing = memorised(support, np.ones_like(trained_on), labels, crm, np.random.default_rng(0), 5)
    assert np.isnan(nothing).all()
