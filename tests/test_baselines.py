"""What the benchmarks of detection and confirmation compare with, against loops."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.config import Config, Selection, parse_config
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from benchmarks import baselines, confirmation
from benchmarks.baselines import PATCH, STRIDE, overlap_counts, pca_scores, peak_table, scaled_by_label
from benchmarks.confirmation import Fold, bootstrap, weighted_auroc
from benchmarks.harness import Row, over_seeds

Catalogue = tuple[Path, Path]
Compared = tuple[list[Row], confirmation.Summary, np.ndarray, np.ndarray]


def test_overlap_counts__equal_all_pairs(cell_line: CellLine) -> None:
    peaks = list(peak_table(cell_line).itertuples())
    counts = overlap_counts(cell_line)
    for at, one in enumerate(peaks):
        others = [
            other
            for other in peaks
            if other.Index != one.Index and other.contig == one.contig
            and other.start < one.end and one.start < other.end
        ]  # fmt: skip
        assert counts["overlapping peaks"][at] == len(others)
        assert counts["overlapping sources"][at] == len({other.source for other in others} - {one.source})
    assert 0 < counts["overlapping sources"].max() < counts["overlapping peaks"].max()


def test_scaled__has_the_same_mean_and_spread_for_every_tr(cell_line: CellLine) -> None:
    score = np.random.default_rng(0).random(len(peak_table(cell_line))) ** 2
    labels = [cell_line.sources[source][1] for source in peak_table(cell_line)["source"]]
    scaled = pd.Series(scaled_by_label(cell_line, score)).groupby(labels)
    np.testing.assert_allclose(scaled.mean(), 750)
    np.testing.assert_allclose(scaled.std(), 375)


def brute_force_pca(cell_line: CellLine, size: int) -> list[float]:
    """Score every peak, one position and one bin at a time, the components by decomposing the data."""
    data = cell_line.data.load()
    occupancy = data["occupancy"].values.astype(float)
    windows, bins, sources = occupancy.shape

    def field(window: int, first: int) -> np.ndarray:
        cells = np.zeros((PATCH, sources))
        for offset in range(PATCH):
            if 0 <= first + offset < bins:
                cells[offset] = occupancy[window, first + offset]
        return cells

    starts = range(-PATCH, bins + 1, STRIDE)
    fields = {(w, s): field(w, s).ravel() for w in range(windows) for s in starts}
    seen = {place: cells for place, cells in fields.items() if cells.any()}
    mean = np.mean(list(seen.values()), axis=0)
    components = np.linalg.svd(np.array(list(seen.values())) - mean, full_matrices=False)[2][:size]
    rebuilt = {
        place: (mean + components.T @ (components @ (cells - mean))).reshape(PATCH, sources)
        for place, cells in seen.items()
    }
    of_peak: dict[int, list[float]] = {}
    for row in range(data.sizes["peak"]):
        window, source = int(data["peak_window"][row]), int(data["peak_source"][row])
        values = [
            np.mean([rebuilt[window, s][x - s, source] for s in starts if s <= x < s + PATCH])
            for x in range(int(data["peak_first_bin"][row]), int(data["peak_last_bin"][row]) + 1)
        ]
        of_peak.setdefault(int(data["peak_catalogue"][row]), []).append(max(values))
    return [float(np.mean(of_peak[peak])) for peak in range(data.sizes["catalogue_peak"])]


def test_pca__equals_brute_force(cell_line: CellLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "WINDOWS_AT_ONCE", 10)
    scores = pca_scores(cell_line, (1, 6), seed=0)
    for size, score in scores.items():
        np.testing.assert_allclose(score, brute_force_pca(cell_line, size), atol=1e-4)


def test_pca__of_all_components_rebuilds_every_peak(cell_line: CellLine) -> None:
    sources = cell_line.shape.sources
    np.testing.assert_allclose(pca_scores(cell_line, [PATCH * sources], 0)[PATCH * sources], 1, atol=1e-4)


def test_pca__of_some_windows_rebuilds_those(cell_line: CellLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "WINDOWS_AT_ONCE", 2)
    monkeypatch.setattr(baselines, "FIT_WINDOWS", 3)
    windows, _, sources = cell_line.shape
    chosen = np.random.default_rng(5).permutation(windows)[:3]
    score = pca_scores(cell_line, [PATCH * sources], seed=5)[PATCH * sources]
    rows = cell_line.rows(0, cell_line.row_count)
    is_whole = pd.Series(rows.window).isin(chosen).groupby(rows.peak).all().to_numpy()
    assert 0 < is_whole.sum() < len(score)
    np.testing.assert_allclose(score[is_whole], 1, atol=1e-4)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40))
def test_weighted_auroc__equals_that_of_copies(peaks: list[tuple[int, bool, int]]) -> None:
    score, high, times = (np.array(column) for column in zip(*peaks, strict=True))
    copies, is_high = np.repeat(score, times), np.repeat(high, times)
    if is_high.all() or not is_high.any():
        return
    expected = auroc(copies[is_high], copies[~is_high])
    assert weighted_auroc(score, high, times) == pytest.approx(expected, abs=1e-12)


def test_bootstrap__is_seeded_and_about_right() -> None:
    rng = np.random.default_rng(0)
    confirmed = rng.random(800) < 0.3
    score = rng.normal(size=800) + confirmed
    drawn = bootstrap(confirmed, [score, -score])
    np.testing.assert_array_equal(drawn, bootstrap(confirmed, [score, -score]))
    np.testing.assert_allclose(drawn[0] + drawn[1], 1)  # the same resamples for both
    whole = auroc(score[confirmed], score[~confirmed])
    # Hanley and McNeil's standard error.
    q1, q2, n, m = whole / (2 - whole), 2 * whole**2 / (1 + whole), confirmed.sum(), (~confirmed).sum()
    error = np.sqrt((whole * (1 - whole) + (n - 1) * (q1 - whole**2) + (m - 1) * (q2 - whole**2)) / (n * m))
    assert drawn[0].std() == pytest.approx(error, rel=0.15)
    assert drawn[0].mean() == pytest.approx(whole, abs=error / 5)


def test_folds__every_replicate_once() -> None:
    names = [fold.name for fold in confirmation.folds()]
    assert len(names) == len(set(names)) == 13
    assert "hela phf8 without GSE22478" in names
    fold = next(fold for fold in confirmation.folds() if fold.name == "hela phf8 without GSE22478")
    assert "GSE22478.phf8" not in (fold.config.selection.sources or ())
    assert {"GSE20303.phf8", "GSE22478.e2f1"} <= set(fold.config.selection.sources or ())


def test_confirmed__shares_a_bp_with_the_source_that_was_left_out(
    catalogue: Catalogue, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirmation, "_peaks", lambda config: catalogue[0])
    others = Selection(sources=("d1.x", "d1.y", "d3.x", "d3.z"))
    fold = Fold(config.model_copy(update={"selection": others}), "d2", "y")
    build_store(*catalogue, tmp_path / "s.zarr", fold.config)
    cell_line = open_store(tmp_path / "s.zarr")
    found, count = confirmation._confirmed(cell_line, fold, tmp_path)
    contigs = cell_line.contigs
    lines = [line.split("\t") for line in catalogue[0].read_text().splitlines()[1:]]
    judges = [(c, int(s), int(e)) for c, s, e, name, *_ in lines if name == "d2.y.cell"]
    for at, peak in enumerate(peak_table(cell_line).itertuples()):
        contig = contigs[peak.contig]
        shares = [c == contig and s < peak.end and peak.start < e for c, s, e in judges]
        assert found[at] == any(shares)
    assert 0 < found.sum() < len(found)
    assert count == len(judges)


def test_least_peaks__of_judged_sources_and_of_the_one_left_out() -> None:
    source = np.array([2.0, 2, 2, 5, 5, 5, 5])
    for judges, least in ((9.0, 3), (2.0, 2)):
        simple = {"source": source, "judges": np.full(7, judges)}
        assert confirmation.least_peaks(simple) == least


def test_support_scores__of_the_peaks_of_one_tr(
    catalogue: Catalogue, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(config: Config, folder: Path) -> CellLine:
        build_store(*catalogue, folder / "s.zarr", config)
        return open_store(folder / "s.zarr")

    monkeypatch.setenv("ATYPEAK_BENCHMARKS", str(tmp_path / "kept"))
    monkeypatch.setattr(confirmation, "_build", build)
    values = config.model_dump()
    values["support"] = {"filters": 4, "deep_dimension": 8, "epochs": 1, "batches_per_epoch": 2}
    values["chance"] = {"placements": 100, "folds": 2}
    values["selection"] = {"sources": ["d1.x", "d1.y", "d3.x", "d3.z"]}
    fold = Fold(parse_config(values, "test"), "d2", "y")
    found = confirmation.support_scores(fold, seed=1)
    build_store(*catalogue, tmp_path / "s.zarr", fold.config)
    table = peak_table(open_store(tmp_path / "s.zarr"))
    assert set(found) == {"support", "network", "regression", confirmation.TREES}
    for values_of_score in found.values():
        assert len(values_of_score) == (table["source"] == 1).sum()
        assert np.isfinite(values_of_score).all()
    np.testing.assert_allclose(found["support"], found["network"] + found["regression"], atol=1e-5)


def test_kept__is_made_once_for_the_same_settings(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATYPEAK_BENCHMARKS", str(tmp_path / "kept"))
    calls: list[Path] = []

    def make(folder: Path) -> confirmation.Columns:
        assert folder.is_dir()
        calls.append(folder)
        return {"raw": np.arange(3.0)}

    def fail(folder: Path) -> confirmation.Columns:
        (folder / "half").write_text("x")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        confirmation._kept("a", config, fail)
    assert list((tmp_path / "kept/confirmation").iterdir()) == []
    for _ in range(2):
        np.testing.assert_array_equal(confirmation._kept("a", config, make)["raw"], [0, 1, 2])
    assert len(calls) == 1
    confirmation._kept("b", config, make)
    confirmation._kept("a", config.model_copy(update={"cell_line": "other"}), make)
    assert len(calls) == 3
    confirmation._kept("a", config, make, "other code")
    assert len(calls) == 4


def test_over_seeds__mean_and_range() -> None:
    row = over_seeds("x", [1.0, 4.0, 1.0], [1.0, 2.0, 1.5], "AUROC")
    assert (row.ours, row.baseline, row.low, row.high) == (2.0, 1.5, 1.0, 4.0)


@pytest.fixture
def compared() -> Compared:
    """Scores that tell the confirmed peaks, nothing, or more than the others; and the counts, of nothing."""
    rng = np.random.default_rng(2)
    confirmed = (rng.random(1000) < 0.5).astype(float)
    good = confirmed + rng.normal(size=1000)
    simple = {
        "confirmed": confirmed,
        confirmation.COUNTS: rng.normal(size=1000),
        "better": confirmed * 5 + good,
    }
    models = [{"raw": good, "final": good, "support": good + confirmed}] * 2
    return *confirmation._compare("a pair", simple, models), confirmed, good


def test_compare__says_which_score_is_better(compared: Compared) -> None:
    rows, summary, confirmed, good = compared
    below = {name: found.below for name, found in summary.items()}
    assert below == {
        confirmation.COUNTS: {"raw": 1, "support": 1},
        "better": {"raw": -1, "support": -1},
        "raw": {"raw": 0, "support": 1},
        "final": {"raw": 0, "support": 1},
        "support": {"raw": -1, "support": 0},
    }
    assert [found.over_counts for found in summary.values()] == [0, 1, 1, 1, 1]
    expected = auroc(good[confirmed > 0], good[confirmed == 0])
    assert rows[0].ours == confirmed.mean()
    for row in rows[1:5]:
        assert row.ours == pytest.approx(expected)
        assert row.low is not None and row.high is not None and row.low < expected < row.high
    ends = [" ".join(row.case.split()[-3:]) for row in rows[1:]]
    assert len(rows) == 9
    assert ends[2:5] == ["raw against final", "raw against support", "against overlapping sources"]


def test_over_pairs__means_and_numbers_of_pairs(compared: Compared) -> None:
    _, summary, *_ = compared
    other = {name: confirmation.Found(0.5, {"raw": -1, "support": 0}, 0) for name in summary}
    rows = confirmation._over_pairs("all", [summary, other])
    found = {(row.case, row.unit.split()[0]): (row.ours, row.baseline) for row in rows}
    mean = {name: (summary[name].auroc + 0.5) / 2 for name in summary}
    counts = confirmation.COUNTS
    assert found[f"all: support against {counts}", "AUROC,"] == pytest.approx((mean["support"], mean[counts]))
    assert found[f"all: support against {counts}", "of"] == (1, 0)
    assert found[f"all: raw against {counts}", "of"] == (1, 1)
    assert found[f"all: better against {counts}", "of"] == (1, 0)
    assert confirmation._over_pairs("none", []) == []
