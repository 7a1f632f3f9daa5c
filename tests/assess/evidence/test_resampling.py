"""AUROCs of resamples against data that is literally repeated, as often as each CRM was drawn."""

import numpy as np
import pytest
from assess.supported import pairs_won

from atypeak_scale.assess.evidence.resampling import (
    Compared,
    Resamples,
    aurocs,
    crms_of,
    mean_over,
    with_interval,
)
from atypeak_scale.scoring.scores import Scores


def test_crms__are_those_of_all_windows(supported: Scores) -> None:
    crms = crms_of(supported.cell_line)
    data = supported.cell_line.data.load()
    assert set(crms) == {*data["crm"].values.tolist(), *data["empty_crm"].values.tolist()}
    assert (np.diff(crms) > 0).all()


def test_times__are_as_many_crms_and_the_same_again(supported: Scores) -> None:
    resamples, crms = Resamples(supported.cell_line, 3, 5), crms_of(supported.cell_line)
    first, again = list(resamples.times()), list(resamples.times())
    np.testing.assert_array_equal(first, again)
    assert {times.sum() for times in first} == {len(crms)}
    assert not np.delete(first[0], crms).any()
    assert len({tuple(times) for times in first}) == 5


@pytest.mark.parametrize("with_strata", [False, True])
def test_aurocs__equal_repeated_data(supported: Scores, with_strata: bool) -> None:
    rng = np.random.default_rng(1)
    crms, resamples = crms_of(supported.cell_line), Resamples(supported.cell_line, 3, 4)
    n, m = 60, 80
    high, low = rng.integers(0, 6, n).astype(float), rng.integers(0, 5, m).astype(float)
    high_crm, low_crm = rng.choice(crms, n), rng.choice(crms, m)
    strata = (rng.integers(0, 2, n), rng.integers(0, 2, m)) if with_strata else None
    of_low = {"a": low, "b": low**2 - 4 * low}
    compared = Compared({"a": high, "b": high**2 - 4 * high}, of_low, high_crm, low_crm, strata)
    found = aurocs([compared, compared], resamples)
    assert found.shape == (2, 2, 5)
    np.testing.assert_array_equal(found[0], found[1])
    every = np.ones(crms[-1] + 1)
    for at, times in enumerate([every, *resamples.times()]):
        for number, name in enumerate(("a", "b")):
            values = []
            for stratum in (0, 1) if strata else (None,):
                parts = [
                    np.repeat(score[name], times[crm].astype(int) * (of if stratum is not None else 1))
                    for score, crm, of in (
                        (compared.high, high_crm, strata is None or strata[0] == stratum),
                        (compared.low, low_crm, strata is None or strata[1] == stratum),
                    )
                ]
                n1, n2 = map(len, parts)
                values.append((pairs_won(*parts), n1 * n2 / (n1 + n2)))
            expected = np.average(*np.array(values).T[:1], weights=np.array(values)[:, 1])
            assert found[0, number, at] == pytest.approx(expected, abs=1e-9)


def test_means_and_intervals__leave_out_what_is_not_known() -> None:
    found = np.array([[0.5, np.nan, np.nan], [0.7, 0.9, np.nan]])
    np.testing.assert_allclose(mean_over(found), [0.6, 0.9, np.nan])
    known = np.concatenate([[0.4], np.linspace(0, 1, 1001), [np.nan]])
    assert with_interval(known) == pytest.approx((0.4, 0.025, 0.975))
    assert np.isnan(with_interval(np.full(3, np.nan))).all()
