"""Alone or both, against loops over pairs of labels and SciPy's own test."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.by_hand import Member, members_by_hand
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from atypeak_scale.assess.description.pairs import Presence, alone_both, pairs, pairs_table
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.registry.columns import PAIRS
from atypeak_scale.registry.variables import DOUBT, SUPPORT
from atypeak_scale.scoring.named_scores import named_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import NORMALIZATION

Peak = tuple[int, int, float]  # label, CRM, final score
LABELS = ["p", "q", "r", "s"]
# Few different scores, so that there are ties.
peaks_in_crms = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 9), st.sampled_from([-3.5, 0.0, 700.25, 750.0, 1300.0])),
    min_size=1,
    max_size=60,
)


def by_hand(peaks: list[Peak], labels: list[str]) -> pd.DataFrame:
    """Follow the text: for every two labels, look at every peak of the one, and at every peak of its CRM."""
    rows = []
    for one in range(len(labels)):
        for other in range(len(labels)):
            own = [(crm, final) for label, crm, final in peaks if label == one]
            if one == other or not own:
                continue
            crms_of_other = [crm for label, crm, _ in peaks if label == other]
            both = [final for crm, final in own if crm in crms_of_other]
            alone = [final for crm, final in own if crm not in crms_of_other]
            rows.append({"tr": labels[one], "other_tr": labels[other], **compare_by_hand(both, alone)})
    table = pd.DataFrame(rows)
    table["p_adjusted"] = adjusted_by_hand(table["p"].to_numpy())
    return table


def compare_by_hand(both: list[float], alone: list[float]) -> dict[str, float]:
    nan = float("nan")
    found = {
        "both_peaks": len(both),
        "alone_peaks": len(alone),
        "both_mean": sum(both) / len(both) if both else nan,
        "alone_mean": sum(alone) / len(alone) if alone else nan,
        "both_median": float(np.median(both)) if both else nan,
        "alone_median": float(np.median(alone)) if alone else nan,
    }
    found["mean_difference"] = found["both_mean"] - found["alone_mean"]
    found["median_difference"] = found["both_median"] - found["alone_median"]
    if not both or not alone:
        return {**found, "mann_whitney_u": nan, "superiority": nan, "cohens_d": nan, "p": nan}
    wins = sum((x > y) + (x == y) / 2 for x in both for y in alone)
    squares = sum((x - found["both_mean"]) ** 2 for x in both)
    squares += sum((y - found["alone_mean"]) ** 2 for y in alone)
    freedom = len(both) + len(alone) - 2
    sd = np.sqrt(squares / freedom) if freedom else 0.0
    return {
        **found,
        "mann_whitney_u": wins,
        "superiority": wins / (len(both) * len(alone)),
        "cohens_d": found["mean_difference"] / sd if sd > 1e-6 else nan,
        "p": float(stats.mannwhitneyu(both, alone, method="asymptotic").pvalue)
        if len({*both, *alone}) > 1
        else 1.0,
    }


def adjusted_by_hand(p: np.ndarray) -> list[float]:
    """Benjamini and Hochberg: the smallest of m p / rank over all p that are as large or larger."""
    tested = sorted(p[~np.isnan(p)])
    m = len(tested)
    return [
        float("nan")
        if np.isnan(value)
        else min([1.0, *(m * tested[rank] / (rank + 1) for rank in range(m) if tested[rank] >= value)])
        for value in p
    ]


def assert_equal(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert set(found.columns) == set(expected.columns)
    pd.testing.assert_frame_equal(found[list(expected.columns)], expected, rtol=1e-6, check_dtype=False)


@given(peaks_in_crms)
def test_alone_both__follows_the_text(peaks: list[Peak]) -> None:
    label, crm, final = (np.array(column) for column in zip(*peaks, strict=True))
    assert_equal(alone_both(final, label, crm, LABELS), by_hand(peaks, LABELS))


@given(peaks_in_crms, st.randoms())
def test_alone_both__does_not_depend_on_the_order_of_the_peaks(peaks: list[Peak], shuffler: Callable) -> None:  # type: ignore[type-arg]
    shuffled = peaks.copy()
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    tables = []
    for order in (peaks, shuffled):
        label, crm, final = (np.array(column) for column in zip(*order, strict=True))
        tables.append(alone_both(final.astype(np.float32), label, crm, LABELS))
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@given(st.integers(2, 40), st.integers(0, 3), st.floats(0.5, 4, width=16))
def test_alone_both__distinct_scores_against_scipy(size: int, seed: int, shift: float) -> None:
    rng = np.random.default_rng(seed)
    with_other = rng.permutation(np.arange(size) < size // 2)
    final = rng.normal(size=size) + shift * with_other
    crm = np.arange(size)
    label = np.append(np.zeros(size, int), np.ones(with_other.sum(), int))
    table = alone_both(
        np.append(final, with_other[with_other] * 0.0), label, np.append(crm, crm[with_other]), ["a", "b"]
    )
    row = table.iloc[0]
    test = stats.mannwhitneyu(final[with_other], final[~with_other], method="asymptotic")
    assert (row["mann_whitney_u"], row["p"]) == pytest.approx((test.statistic, test.pvalue))
    assert row["both_peaks"] == with_other.sum()


@pytest.mark.parametrize("labels", [1, 7, 8, 9, 30])
def test_presence__is_a_set_of_pairs(labels: int) -> None:
    rng = np.random.default_rng(labels)
    crm, label = rng.integers(0, 40, 60), rng.integers(0, labels, 60).astype(np.int32)
    presence = Presence(40, labels)
    presence.add(crm[:25], label[:25])
    presence.add(crm[25:], label[25:])
    present = set(zip(crm.tolist(), label.tolist(), strict=True))
    for number in range(labels):
        assert presence.holds(np.arange(40), number).tolist() == [(c, number) in present for c in range(40)]


@pytest.fixture
def expected(members: list[Member]) -> pd.DataFrame:
    labels = ["x", "y", "z"]
    return by_hand([(labels.index(member.tr), member.crm, member.final) for member in members], labels)


def test_pairs__equals_brute_force_on_the_files(scored: Scores, expected: pd.DataFrame) -> None:
    found = pairs(scored)
    assert_equal(found, expected)
    assert list(found.columns) == [column.name for column in PAIRS.named(scored.cell_line.views)]
    assert len(found) == 6
    assert found["p"].nunique() == 5  # z has no spread, and nothing to compare
    assert (found[["both_peaks", "alone_peaks"]].min() > 3).all()


def test_pairs__on_two_workers_is_the_same(scored: Scores, two_workers: DaskExecutor) -> None:
    parallel = pairs(scored, executor=two_workers)
    pd.testing.assert_frame_equal(pairs(scored), parallel, check_exact=True)


def test_pairs__named_ones_are_rows_of_the_whole_table(scored: Scores) -> None:
    whole = pairs(scored)
    named = pairs(scored, [("z", "x")])
    assert list(zip(named["tr"], named["other_tr"], strict=True)) == [("x", "z"), ("z", "x")]
    rows = whole.set_index(["tr", "other_tr"]).loc[[("x", "z"), ("z", "x")]].reset_index()
    pd.testing.assert_frame_equal(named, rows, check_exact=True)


@pytest.mark.parametrize(
    "pair, message",
    [
        (("x", "X"), r"s\.zarr: has no tr 'X'; the nearest known are x$"),
        (("ctcf", "x"), r"s\.zarr: has no tr 'ctcf'; known are x, y, z$"),
        (("x", "x"), r"^pair x x: a tr always occurs with itself; name two different ones$"),
    ],
)
def test_pairs__pairs_that_are_none(scored: Scores, pair: tuple[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        pairs(scored, [pair])


def test_pairs__tell_of_each_label(scored: Scores) -> None:
    events: list[Event] = []
    pairs(scored, executor=InProcess(events.append))
    assert [(event.done, event.total) for event in events if event.stage == "compare"] == [
        (1, 3), (2, 3), (3, 3),
    ]  # fmt: skip


def test_pairs__need_final_scores(scored: Scores) -> None:
    scored.set_attribute(NORMALIZATION, None)
    with pytest.raises(StageMissingError, match=r"is not normalized; normalize it first$"):
        pairs(scored)


@pytest.mark.parametrize("name", [None, "doubt", "support"])
def test_pairs__by_any_score(random_support: Scores, catalogue: tuple[Path, Path], name: str | None) -> None:
    """Peaks without the score are not compared, but they are there."""
    stored = random_support.read(SUPPORT if name == "support" else DOUBT).astype(float)
    values = (stored if name else np.float32(1) - stored.astype(np.float32)).tolist()
    labels = ["x", "y", "z"]
    members = members_by_hand(*catalogue, random_support, values)
    found = pairs(random_support, score=name)
    registered = pairs_table(named_score(random_support, name)).named(random_support.cell_line.views)
    assert list(found.columns) == [column.name for column in registered]
    assert len(found) == 6
    for row in found.to_dict("records"):
        crms_of_other = {member.crm for member in members if member.tr == row["other_tr"]}
        own = [member for member in members if member.tr == row["tr"]]
        judged = [member for member in own if not np.isnan(member.final)]
        assert row["unjudged_peaks"] == len(own) - len(judged)
        assert bool(row["unjudged_peaks"]) == (name != "support" and row["tr"] != "x")
        both = [member.final for member in judged if member.crm in crms_of_other]
        alone = [member.final for member in judged if member.crm not in crms_of_other]
        expected = compare_by_hand(both, alone)
        assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-5, nan_ok=True)
    of_z = found[found["tr"] == "z"]
    assert labels[2] == "z"
    assert (of_z[["both_peaks", "alone_peaks"]].sum(axis=None) == 0) == (name != "support")


def test_pairs__score_must_be_known(random_support: Scores) -> None:
    with pytest.raises(InputError, match="has no score 'final'; known are doubt, "):
        pairs(random_support, score="final")
