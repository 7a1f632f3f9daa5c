"""Power of every score against all pairs of a real peak and a placement."""

from collections import defaultdict

import numpy as np
import pytest
from assess.evidence.test_placed import windows_of
from assess.supported import PLACEMENTS, pairs_won

from atypeak_scale.assess.evidence import power as power_module
from atypeak_scale.assess.evidence.placed import placed
from atypeak_scale.assess.evidence.power import power
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import EVIDENCE
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores

SCORES = ["support", "network", "regression", "overlapping_sources", "sources_in_window", "raw"]


def real_of(supported: Scores, article: Scores) -> dict[str, np.ndarray]:
    """Return every score of the real peaks; the counts from the occupancy itself."""
    data = supported.cell_line.data.load()
    every = data["occupancy"].values
    overlapping: dict[int, int] = defaultdict(int)
    in_window: dict[int, int] = defaultdict(int)
    for row in range(data.sizes["peak"]):
        peak, own = int(data["peak_catalogue"][row]), int(data["peak_source"][row])
        window = every[int(data["peak_window"][row])].copy()
        window[:, own] = False
        bins = window[int(data["peak_first_bin"][row]) : int(data["peak_last_bin"][row]) + 1]
        overlapping[peak] = max(overlapping[peak], int(bins.any(axis=0).sum()))
        in_window[peak] = max(in_window[peak], int(window.any(axis=0).sum()))
    peaks = range(data.sizes["catalogue_peak"])
    return {
        "support": supported.read(v.SUPPORT), "network": supported.read(v.NETWORK),
        "regression": supported.read(v.REGRESSION),
        "overlapping_sources": np.array([overlapping[peak] for peak in peaks]),
        "sources_in_window": np.array([in_window[peak] for peak in peaks]),
        "raw": article.read(v.RAW),
    }  # fmt: skip


def placed_of(supported: Scores, article: Scores) -> dict[str, np.ndarray]:
    """Return every score of the placements; the counts from the occupancy itself."""
    windows, source, first, last = windows_of(supported)
    windows[np.arange(len(windows)), :, source] = False
    network = supported.read(v.PLACED_NETWORK)
    regression = supported.placements.read(v.PLACED_REGRESSION)
    return {
        "support": network + regression, "network": network, "regression": regression,
        "overlapping_sources": np.array([
            window[a : b + 1].any(axis=0).sum() for window, a, b in zip(windows, first, last, strict=True)
        ]),
        "sources_in_window": windows.any(axis=1).sum(axis=1),
        "raw": placed(supported, article, InProcess()).raw,
    }  # fmt: skip


def test_power__equals_all_pairs(supported: Scores, article: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_module, "SOURCES_AT_ONCE", 4)
    table = power(supported, article)
    assert list(table.columns) == [column.name for column in EVIDENCE.named(("dataset", "tr"))]
    real, low = real_of(supported, article), placed_of(supported, article)
    own = supported.cell_line.peaks(0, supported.cell_line.peak_count).source
    windows, source, *_ = windows_of(supported)
    is_present = windows[np.arange(len(windows)), :, source].any(axis=1)
    for number, labels in enumerate(supported.cell_line.sources):
        of_source = table[(table["dataset"] == labels[0]) & (table["tr"] == labels[1])]
        assert of_source["score"].tolist() == SCORES
        counts = real["overlapping_sources"][own == number], low["overlapping_sources"][source == number]
        base = pairs_won(*counts)
        for row in of_source.itertuples():
            assert (row.scope, row.sources, row.placements) == ("source", 1, PLACEMENTS)
            assert row.peaks == (own == number).sum()
            high, others = real[row.score][own == number], low[row.score][source == number]
            assert row.auroc == pytest.approx(pairs_won(high, others), abs=1e-9)
            assert row.over_counts == pytest.approx(row.auroc - base, abs=1e-9)
            apart = low[row.score][(source == number) & ~is_present]
            assert row.absent == pytest.approx(pairs_won(high, apart), abs=1e-9)
            strata = [
                (pairs_won(high[a], others[b]), a.sum() * b.sum() / (a.sum() + b.sum()))
                for count in range(6)
                if min((a := counts[0] == count).sum(), (b := counts[1] == count).sum()) >= 10
            ]
            if strata:
                expected = np.average([one for one, _ in strata], weights=[weight for _, weight in strata])
                assert row.equal_counts == pytest.approx(expected, abs=1e-9)
            else:
                assert np.isnan(row.equal_counts)
            assert row.auroc_low <= row.auroc <= row.auroc_high
            assert row.auroc_high - row.auroc_low > 0.01
    assert table["equal_counts"].notna().sum() >= 12
    assert (table[table["score"] == "overlapping_sources"][["over_counts_low", "over_counts_high"]] == 0).all(
        axis=None
    )


def test_power__means_over_large_and_small_sources(
    supported: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    peaks = np.bincount(supported.cell_line.peaks(0, supported.cell_line.peak_count).source)
    monkeypatch.setattr(power_module, "MANY_PEAKS", int(np.sort(peaks)[2]))
    table = power(supported)
    assert "raw" not in set(table["score"])
    of_sources = table[table["scope"] == "source"].reset_index(drop=True)
    of_sources["is_large"] = np.repeat(peaks >= np.sort(peaks)[2], 5)
    for scope, is_large in (("mean", True), ("mean of small", False)):
        means = table[table["scope"] == scope].set_index("score")
        expected = of_sources[of_sources["is_large"] == is_large].groupby("score")
        for name in ("auroc", "over_counts", "equal_counts", "absent"):
            for score in SCORES[:5]:
                assert means[name][score] == pytest.approx(expected[name].mean()[score])
                assert means[f"{name}_low"][score] <= means[name][score] <= means[f"{name}_high"][score]
        for name in ("sources", "peaks", "placements"):
            assert means[name].to_dict() == expected[name].sum().to_dict()
    assert table["scope"].drop_duplicates().tolist() == ["mean", "mean of small", "source"]
    monkeypatch.setattr(power_module, "MANY_PEAKS", 1)
    assert set(power(supported)["scope"]) == {"mean", "source"}


def test_power__on_workers_is_the_same(supported: Scores, article: Scores, two_workers: DaskExecutor) -> None:
    here = power(supported, article)
    there = power(supported, article, two_workers)
    numbers = here.select_dtypes("number").columns
    np.testing.assert_allclose(there[numbers], here[numbers], atol=0.002)  # products of the model round
    without = here["score"] != "raw"
    assert there[without].equals(here[without])


def test_power__refuses(supported: Scores, article: Scores) -> None:
    with pytest.raises(InputError, match="is no model of support"):
        power(article)
    with pytest.raises(InputError, match="is no model of the article"):
        power(supported, supported)
    unscored = open_scores(article.cell_line, article.model, crumbs=0.2)
    with pytest.raises(StageMissingError, match="not scored by this model"):
        power(supported, unscored)
