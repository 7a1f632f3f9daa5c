"""Scores by label and by the size of the CRM (article, Fig. 6b), against loops and SciPy."""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from assess.by_hand import Member, members_by_hand
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from atypeak_scale.assess.description.distributions import (
    _Quartiles,
    _range_of,
    _RankSums,
    score_density,
    score_quartiles,
)
from atypeak_scale.errors import StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.registry.columns import SCORES
from atypeak_scale.registry.results import DENSITY
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import NORMALIZATION


def test_quartiles__equal_those_of_every_group(scored: Scores, two_workers: DaskExecutor) -> None:
    data, opened = scored.cell_line.data.load(), scored.open()
    values = {score: opened[score].values for score in ("raw", "k_normalized", "final")}
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for peak, source in enumerate(data["catalogue_source"].values.tolist()):
        dataset = str(data["dataset"].values[data["source_dataset"].values[source]])
        tr = str(data["tr"].values[data["source_tr"].values[source]])
        for group in (("source", f"{dataset}.{tr}"), ("dataset", dataset), ("tr", tr)):
            groups[group].append(peak)
    found = score_quartiles(scored)
    assert len(found) == 3 * len(groups) == 3 * (5 + 3 + 3)
    for row in found.itertuples():
        own = sorted(float(values[str(row.score)][peak]) for peak in groups[str(row.of), str(row.label)])
        assert row.peaks == len(own)
        assert row.mean == pytest.approx(sum(own) / len(own))
        quartiles = [row.lower_quartile, row.median, row.upper_quartile]
        assert quartiles == pytest.approx([between(own, share) for share in (0.25, 0.5, 0.75)])
    assert list(found.columns) == [column.name for column in SCORES.columns]
    pd.testing.assert_frame_equal(found, score_quartiles(scored, two_workers), check_exact=True)


def test_distributions__need_final_scores(scored: Scores) -> None:
    scored.set_attribute(NORMALIZATION, None)
    for function in (score_quartiles, score_density):
        with pytest.raises(StageMissingError, match=r"is not normalized; normalize it first$"):
            function(scored)


def between(ordered: list[float], share: float) -> float:
    """Return the value at a share of the way through, on the line between its neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def test_density__equals_brute_force_on_the_files(
    scored: Scores, members: list[Member], two_workers: DaskExecutor
) -> None:
    size = Counter(member.crm for member in members)
    of_crm: dict[int, list[float]] = defaultdict(list)
    of_bin: dict[int, list[float]] = defaultdict(list)
    for member in members:
        of_crm[member.crm].append(member.final)
        of_bin[len(bin(size[member.crm])) - 3].append(member.final)  # binary digits less one: floor of log2
    found = score_density(scored)
    assert found["log2_peaks"].values.tolist() == list(range(max(of_bin) + 1))
    assert len(of_bin) > 2
    for number, finals in of_bin.items():
        row = found.sel(log2_peaks=number)
        crms = [crm for crm in of_crm if 2**number <= size[crm] < 2 ** (number + 1)]
        assert (int(row["crms"]), int(row["peaks"])) == (len(crms), len(finals))
        assert float(row["mean"]) == pytest.approx(np.mean(finals))
        for name, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
            assert float(row[name]) == pytest.approx(between(sorted(finals), share))
        assert float(row["crm_mean"]) == pytest.approx(np.mean([np.mean(of_crm[crm]) for crm in crms]))
        assert float(row["crm_maximum"]) == pytest.approx(np.mean([max(of_crm[crm]) for crm in crms]))
    relations = {
        "peak": ([size[member.crm] for member in members], [member.final for member in members]),
        "crm_mean": ([size[crm] for crm in of_crm], [np.mean(of_crm[crm]) for crm in of_crm]),
        "crm_maximum": ([size[crm] for crm in of_crm], [max(of_crm[crm]) for crm in of_crm]),
    }
    assert found["relation"].values.tolist() == list(relations)
    for name, (sizes, values) in relations.items():
        test, row = stats.spearmanr(sizes, values), found.sel(relation=name)
        assert (float(row["spearman"]), float(row["p"])) == pytest.approx((test.statistic, test.pvalue))
    assert len({_range_of(np.float32(member.final), 16.0).item() for member in members}) > 10  # type: ignore[arg-type]
    assert {str(name): array.attrs["description"] for name, array in found.data_vars.items()} == (
        DENSITY.variables
    )
    xr.testing.assert_identical(found, score_density(scored, two_workers))


@pytest.mark.parametrize("step", [16.0, 1.0, 1 / 8])
@given(values=st.lists(st.floats(-3000, 6000, width=32), min_size=2, max_size=40))
def test_ranges__ascend_with_the_scores_and_are_narrow(step: float, values: list[float]) -> None:
    ordered = np.sort(np.array(values, np.float32))
    place = _range_of(ordered, step)
    assert (np.diff(place) >= 0).all()
    inner = (ordered > -62 * step) & (ordered < 187 * step)
    for number in np.unique(place[inner]):
        assert np.ptp(ordered[inner & (place == number)]) <= step


valued = st.lists(st.tuples(st.integers(0, 2), st.integers(-9, 9)), min_size=1, max_size=40)


@given(valued, st.lists(st.integers(-9, 9), max_size=4))
def test_quartiles__in_pieces_equal_numpy(rows: list[tuple[int, int]], cuts: list[int]) -> None:
    group, value = (np.array(column) for column in zip(*sorted(rows, key=lambda row: row[1]), strict=True))
    quartiles = _Quartiles(np.bincount(group, minlength=3))
    for piece in np.split(np.arange(len(value)), np.searchsorted(value, sorted(cuts))):
        quartiles.add(group[piece], value[piece].astype(float))
    for number in range(3):
        own = value[group == number]
        expected = np.quantile(own, [0.25, 0.5, 0.75]) if len(own) else [np.nan] * 3
        np.testing.assert_allclose(quartiles.values()[:, number], expected, atol=1e-12)


@given(
    st.lists(st.lists(st.integers(-9, 9), min_size=0, max_size=5), min_size=1, max_size=12).filter(any),
    st.lists(st.integers(-9, 9), max_size=4),
)
def test_rank_sums__in_pieces_equal_scipy(crms: list[list[int]], cuts: list[int]) -> None:
    count = np.array([len(scores) for scores in crms])
    rows = sorted((score, len(scores)) for scores in crms for score in scores)
    value, size = (np.array(column) for column in zip(*rows, strict=True))
    ranks = _RankSums(count, count)
    for piece in np.split(np.arange(len(value)), np.searchsorted(value, sorted(cuts))):
        ranks.add(size[piece], value[piece].astype(float))
    if len(value) < 3 or len({*value.tolist()}) == 1 or len({*size.tolist()}) == 1:
        assert np.isnan(ranks.spearman()).all()
    else:
        test = stats.spearmanr(size, value)
        assert ranks.spearman() == pytest.approx((test.statistic, test.pvalue), abs=1e-7)


@pytest.mark.parametrize("name", [None, "q_random", "overlapping_sources", "network"])
def test_density__by_any_score(
    random_support: Scores, catalogue: tuple[Path, Path], name: str | None
) -> None:
    """Peaks without the score count in the size of their CRM only."""
    values = random_support.open()[name or "doubt"].values.astype(np.float32)
    values = values if name else 1 - values
    members = members_by_hand(*catalogue, random_support, values.tolist())
    size = Counter(member.crm for member in members)
    of_crm: dict[int, list[float]] = defaultdict(list)
    for member in members:
        of_crm[member.crm] += [] if np.isnan(member.final) else [member.final]
    found = score_density(random_support, score=name)
    for number in found["log2_peaks"].values.tolist():
        row = found.sel(log2_peaks=number)
        crms = [crm for crm in size if 2**number <= size[crm] < 2 ** (number + 1)]
        judged = [of_crm[crm] for crm in crms if of_crm[crm]]
        own = sorted(score for scores in judged for score in scores)
        assert (int(row["crms"]), int(row["peaks"])) == (len(crms), sum(size[crm] for crm in crms))
        assert int(row["unjudged_peaks"]) == int(row["peaks"]) - len(own)
        assert float(row["mean"]) == pytest.approx(np.mean(own))
        for column, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
            assert float(row[column]) == pytest.approx(between(own, share))
        assert float(row["crm_mean"]) == pytest.approx(np.mean([np.mean(scores) for scores in judged]))
        assert float(row["crm_maximum"]) == pytest.approx(np.mean([max(scores) for scores in judged]))
    of_judged = [crm for crm in of_crm if of_crm[crm]]
    assert (
        bool(found["unjudged_peaks"].sum()) == (len(of_judged) < len(of_crm)) == (name in (None, "q_random"))
    )
    relations = {
        "peak": ([size[c] for c in of_judged for _ in of_crm[c]], [s for c in of_judged for s in of_crm[c]]),
        "crm_mean": ([size[c] for c in of_judged], [np.mean(of_crm[c]) for c in of_judged]),
        "crm_maximum": ([size[c] for c in of_judged], [max(of_crm[c]) for c in of_judged]),
    }
    for relation, (sizes, scores) in relations.items():
        test, row = stats.spearmanr(sizes, scores), found.sel(relation=relation)
        assert (float(row["spearman"]), float(row["p"])) == pytest.approx((test.statistic, test.pvalue))
    assert found["mean"].attrs["description"] == f"mean {name or 'trust'} of the peaks"


def test_quartiles__of_peaks_that_have_the_score(random_support: Scores) -> None:
    source = random_support.cell_line.data["catalogue_source"].values
    names = [".".join(labels) for labels in random_support.cell_line.sources]
    opened = random_support.open()
    found = score_quartiles(random_support).query("of == 'source'")
    assert set(found["score"]) == {
        "support", "trust", "doubt", "p_random", "q_random", "network", "regression", "overlapping_sources",
    }  # fmt: skip
    empty = set()
    for row in found.itertuples():
        values = opened["doubt" if row.score == "trust" else str(row.score)].values.astype(float)
        own = values[source == names.index(str(row.label))]
        own = np.sort((1 - own if row.score == "trust" else own)[~np.isnan(own)])
        assert row.peaks == len(own)
        if len(own):
            assert (row.mean, row.median) == pytest.approx((own.mean(), np.median(own)))
        else:
            assert np.isnan([row.mean, row.lower_quartile, row.median, row.upper_quartile]).all()
            empty.add((row.label, row.score))
    assert empty == {(s, score) for s in ("d2.y", "d3.z") for score in ("trust", "doubt", "q_random")}
