"""The Q-score, against loops that follow the text of the method, NumPy's correlation and SciPy's test."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import ttest_ind

from atypeak_scale.assess.quality.pair_sums import PairSums, pair_sums
from atypeak_scale.assess.quality.qscore import qscore, qscore_of, sum_windows
from atypeak_scale.assess.results import load
from atypeak_scale.config import Config, NormalizationSettings, parse_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.results import QSCORE
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.sample import sample_windows
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.verify import verify

ALL = NormalizationSettings(sample="all")
VIEWS = ("dataset", "tr")
PER_PAIR = ["correlation", "correlated", "pos_p", "pos", "neg_p", "neg", "weight", "contribution"]


def by_the_text(X: np.ndarray, h: np.ndarray) -> dict[str, Any]:
    """Follow the method, section 6; X: 0/1 (windows, bins, m, n), h: (windows, m, n), means over bins."""
    windows, _, m, n = X.shape
    L = m + n

    def cells_of(i: int) -> list[tuple[int, int]]:
        return [(i, z) for z in range(n)] if i < m else [(y, i - m) for y in range(m)]

    per_bin = [sum(X[:, :, y, z].astype(float) for y, z in cells_of(i)).ravel() for i in range(L)]
    A = [float(np.mean([X[:, :, y, z].mean() for y, z in cells_of(i)])) for i in range(L)]
    correlation = np.zeros((L, L))
    for i, j in itertools.product(range(L), repeat=2):
        if np.ptp(per_bin[i]) and np.ptp(per_bin[j]):
            correlation[i, j] = np.corrcoef(per_bin[i], per_bin[j])[0, 1]
    found: dict[str, Any] = {name: np.zeros((L, L)) for name in PER_PAIR}
    found["pos_p"][:] = found["neg_p"][:] = np.nan
    for i, j in itertools.permutations(range(L), 2):
        if (i < m) != (j < m):
            continue
        groups: dict[str, list[float]] = {"alone": [], "both": [], "none": [], "phantom": []}
        for w in range(windows):
            has_i, has_j = (any(X[w, :, y, z].any() for y, z in cells_of(d)) for d in (i, j))
            group = ("both" if has_j else "alone") if has_i else ("phantom" if has_j else "none")
            groups[group].extend(float(h[w, y, z]) for y, z in cells_of(i) if h[w, y, z] != 0)
        for name, more, less in (("pos", "both", "alone"), ("neg", "phantom", "none")):
            if min(len(groups[more]), len(groups[less])) >= 2:
                p = ttest_ind(groups[more], groups[less], equal_var=False).pvalue
                found[f"{name}_p"][i, j] = p
                found[name][i, j] = np.mean(groups[more]) > np.mean(groups[less]) and p < 0.05 / L
        C = found["correlated"][i, j] = float(correlation[i, j] > correlation.mean())
        found["weight"][i, j] = np.sqrt(A[i] * A[j])
        found["contribution"][i, j] = found["weight"][i, j] * (
            (C - found["pos"][i, j]) ** 2 + (C - found["neg"][i, j]) ** 2
        )
    return {**found, "correlation": correlation, "abundance": A, "total": found["contribution"].sum()}


def assert_equal(found: xr.Dataset, expected: dict[str, Any]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].to_numpy().astype(float), values, rtol=1e-9, atol=1e-9,
                                   err_msg=name)  # fmt: skip


# Given values

SHAPES = [(3, 4), (2, 2), (1, 5), (5, 1), (1, 2), (4, 3)]


def random_windows(
    seed: int, m: int, n: int, windows: int = 60, bins: int = 8
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return occupancy of sources, their cells, and h.

    A window has one of two groups of sources more often than the other, at the same bins, and h has learned
    it in part. Some h are 0; one source is never seen.
    """
    rng = np.random.default_rng(seed)
    cells = np.array([c for c in itertools.product(range(m), range(n)) if c == (0, 0) or rng.random() < 0.8])
    groups = rng.integers(0, 2, m)[:, None] ^ rng.integers(0, 2, n)
    in_group = groups[cells[:, 0], cells[:, 1]] == rng.integers(0, 2, windows)[:, None]
    runs = rng.random(in_group.shape) < np.where(in_group, 0.6, 0.05)
    occupancy = runs[:, None] & (rng.random((windows, bins, 1)) < 0.7)
    occupancy &= rng.random(occupancy.shape) < 0.9
    occupancy[:, :, -1] = False
    seen = tensor(occupancy, cells, m, n).any(axis=1).astype(float)
    h = rng.normal(0.1, 0.05, seen.shape) + 0.3 * seen
    h += 0.4 * (seen.mean(axis=1, keepdims=True) + seen.mean(axis=2, keepdims=True))
    h[rng.random(h.shape) < 0.1] = 0.0
    return occupancy, cells, h


def tensor(occupancy: np.ndarray, cells: np.ndarray, m: int, n: int) -> np.ndarray:
    X = np.zeros((*occupancy.shape[:2], m, n), bool)
    X[:, :, cells[:, 0], cells[:, 1]] = occupancy
    return X


def qscore_from(sums: PairSums, m: int, n: int) -> xr.Dataset:
    labels = tuple(f"d{i}" for i in range(m)), tuple(f"t{i}" for i in range(n))
    return qscore_of(sums, labels, VIEWS)


@pytest.mark.parametrize("m, n", SHAPES)
@pytest.mark.parametrize("seed", range(4))
def test_qscore__follows_the_text_of_the_method(seed: int, m: int, n: int) -> None:
    occupancy, cells, h = random_windows(seed, m, n)
    found = qscore_from(pair_sums(occupancy, cells, h), m, n)
    assert_equal(found, by_the_text(tensor(occupancy, cells, m, n), h))


def test_qscore__the_windows_of_these_tests_have_all_outcomes() -> None:
    """Else equality with the text would say little."""
    sets: dict[str, set[bool]] = {"correlated": set(), "pos": set(), "neg": set()}
    for seed in range(4):
        found = qscore_from(pair_sums(*random_windows(seed, 3, 4)), 3, 4)
        pair = found["weight"].to_numpy() > 0
        for name, outcomes in sets.items():
            outcomes |= set(found[name].to_numpy()[pair].tolist())
    assert all(outcomes == {True, False} for outcomes in sets.values())


@pytest.mark.parametrize("cuts", [[1], [30], [59], [10, 11, 40], list(range(1, 60))])
def test_qscore__of_blocks_equals_that_of_the_whole(cuts: list[int]) -> None:
    occupancy, cells, h = random_windows(7, 3, 4)
    bounds = [0, *cuts, 60]
    sums = [pair_sums(occupancy[a:b], cells, h[a:b]) for a, b in itertools.pairwise(bounds)]
    total = sums[0]
    for part in sums[1:]:
        total = total + part
    assert_equal(qscore_from(total, 3, 4), by_the_text(tensor(occupancy, cells, 3, 4), h))


def test_qscore__one_label_in_both_views_has_no_pairs() -> None:
    found = qscore_from(pair_sums(*random_windows(1, 1, 1)), 1, 1)
    assert found["total"] == 0
    assert found["contribution"].shape == (2, 2)
    assert not found["contribution"].any()


def test_qscore__labels_tell_view_and_name() -> None:
    found = qscore_of(pair_sums(*random_windows(1, 2, 3)), (("a", "x"), ("x", "y", "z")), ("assay", "model"))
    assert found["dimension"].values.tolist() == ["assay:a", "assay:x", "model:x", "model:y", "model:z"]
    assert found["other"].values.tolist() == found["dimension"].values.tolist()
    assert found["view"].values.tolist() == ["assay"] * 2 + ["model"] * 3
    assert found["label"].values.tolist() == ["a", "x", "x", "y", "z"]
    across = found["contribution"].sel(dimension="assay:x", other="model:x")
    assert across == 0


def test_correlation__of_a_dimension_that_is_the_same_everywhere_counts_as_0() -> None:
    occupancy, cells, h = random_windows(2, 3, 4)
    whole, absent = cells[0, 1], np.setdiff1d(range(4), cells[:-1, 1])
    occupancy[:, :, cells[:, 1] == whole] = False
    occupancy[:, :, 0] = True
    found = qscore_from(pair_sums(occupancy, cells, h), 3, 4)
    assert not found["correlation"].to_numpy()[3 + whole].any()
    assert not found["correlation"].to_numpy()[3 + absent].any()
    assert_equal(found, by_the_text(tensor(occupancy, cells, 3, 4), h))


def test_correlation__of_two_dimensions_that_are_the_same_is_not_above_itself() -> None:
    """All correlations are 1, and so is their mean: rounding must not make one of them higher."""
    rng = np.random.default_rng(3)
    occupancy = np.repeat(rng.random((50, 7, 1)) < 0.3, 3, axis=2)
    found = qscore_from(
        pair_sums(occupancy, np.array([[0, 0], [1, 0], [2, 0]]), rng.random((50, 3, 1))), 3, 1
    )
    assert (found["correlation"] == 1).all()
    assert not found["correlated"].any()


# Welch tests at their limits


def two_labels(with_other: list[float], without: list[float]) -> tuple[float, bool]:
    """Return p and Pos of a label present in every window; the other is present in the first windows."""
    values = np.array([*with_other, *without])
    occupancy = np.ones((len(values), 1, 2), bool)
    occupancy[len(with_other) :, 0, 1] = False
    h = np.zeros((len(values), 2, 1))
    h[:, 0, 0] = values
    found = qscore_from(pair_sums(occupancy, np.array([[0, 0], [1, 0]]), h), 2, 1)
    at = found.sel(dimension="dataset:d0", other="dataset:d1")
    return float(at["pos_p"]), bool(at["pos"])


@pytest.mark.parametrize("with_other, without", [([], [1, 2]), ([3], [1, 2]), ([3, 4], [1]), ([3, 4], [])])
def test_welch__fewer_than_two_values_are_not_significant(
    with_other: list[float], without: list[float]
) -> None:
    p, pos = two_labels(with_other, without)
    assert np.isnan(p)
    assert not pos


@pytest.mark.parametrize("levels", [(0.3, 0.1), (0.1, 0.3), (0.1, 0.1), (1e-3, 0.7)])
def test_welch__no_spread_on_either_side_is_not_significant(levels: tuple[float, float]) -> None:
    p, pos = two_labels([levels[0]] * 7, [levels[1]] * 11)
    assert np.isnan(p)
    assert not pos


def test_welch__no_spread_on_one_side_is_as_scipy_has_it() -> None:
    constant, other = [0.5] * 6, [0.1, 0.12, 0.09, 0.14]
    for sides in ((constant, other), (other, constant)):
        with pytest.warns(RuntimeWarning, match="data are nearly identical"):
            expected = ttest_ind(*sides, equal_var=False).pvalue
        p, pos = two_labels(*sides)
        assert p == pytest.approx(expected, rel=1e-9)
        assert pos == (sides[0] is constant)


def test_welch__small_differences_of_large_values() -> None:
    """Sums of squares about zero would keep no digit of this variance."""
    rng = np.random.default_rng(0)
    with_other, without = 1e4 + 0.02 + rng.normal(0, 0.01, 40), 1e4 + rng.normal(0, 0.02, 50)
    expected = ttest_ind(with_other, without, equal_var=False).pvalue
    p, pos = two_labels(with_other.tolist(), without.tolist())
    assert p == pytest.approx(expected, rel=1e-6)
    assert pos


# Stores


Make = Callable[..., Scores]
GROUPS = [["d1.x", "d2.x", "d2.y"], ["d3.z", "d1.z", "d3.y"]]


def grouped_catalogue(folder: Path, seed: int) -> tuple[Path, Path]:
    """Write CRMs of one window, with peaks of one group at one place, and some of the other elsewhere."""
    rng = np.random.default_rng(seed)
    crms, peaks = [], []
    for start in range(0, 320_000, 4000):
        crms.append(f"chr1\t{start}\t{start + 3200}\n")
        group = GROUPS[rng.integers(2)]
        centre = rng.integers(500, 2700)
        for name in itertools.chain(*GROUPS):
            if rng.random() < (0.7 if name in group else 0.15):
                middle = start + (centre if name in group else rng.integers(500, 2700))
                peaks.append(f"chr1\t{middle - 200}\t{middle + rng.integers(100, 300)}\t{name}.cell\n")
    folder.mkdir(parents=True)
    (folder / "peaks.bed").write_text("".join(peaks))
    (folder / "crms.bed").write_text("".join(crms))
    return folder / "peaks.bed", folder / "crms.bed"


@pytest.fixture
def make(config: Config, tmp_path: Path) -> Make:
    """Return a function that builds a store and an untrained model whose labels are in another order."""

    def make_scores(seed: int = 0, crumbs: float | None = None, **store_settings: Any) -> Scores:
        folder = tmp_path / f"run-{seed}"
        values = config.model_dump()
        values["store"].update(store_settings)
        settings = parse_config(values, "test")
        build_store(*grouped_catalogue(folder, seed), folder / "s.zarr", settings)
        network = build_autoencoder(320, 3, 3, config.model, seed=seed)
        model = TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), settings)
        return open_scores(open_store(folder / "s.zarr"), save_model(model, folder / "model"), crumbs)

    return make_scores


def tensor_and_h(scores: Scores, windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labelled view of some windows, and the engine's h for the windows of each chunk."""
    cell_line, model = scores.cell_line, load_model(scores.model)
    # In the model's own order, to be brought into that of the store by name.
    engine = Engine(model, model.labels, cell_line.sources, scores.crumbs)
    first, second = cell_line.labels
    h = []
    for start, stop in cell_line.blocks("windows"):
        of_chunk = windows[(windows >= start) & (windows < stop)]
        occupancy = cell_line.data["occupancy"].values[of_chunk]
        for _, rebuilt in engine.rebuilt_windows(occupancy, of_sources=False):
            for window in rebuilt.astype(np.float64).mean(axis=1).reshape(-1, 3, 3):
                by_model = dict(zip(itertools.product(*model.labels), window.ravel(), strict=True))
                h.append([[by_model[d, t] for t in second] for d in first])
    return cell_line.tensor.values[windows], np.array(h)


@pytest.mark.parametrize("seed", range(3))
def test_store__equals_the_text_of_the_method(make: Make, seed: int) -> None:
    scores = make(seed)
    found = qscore(scores, ALL)
    windows = np.arange(scores.cell_line.shape.windows)
    assert found.attrs == {"sampled_windows": len(windows), "sample": "all", "seed": 1}
    assert_equal(found, by_the_text(*tensor_and_h(scores, windows)))
    assert found["label"].values.tolist() == ["d1", "d2", "d3", "x", "y", "z"]
    assert np.isfinite(found["pos_p"].to_numpy()).sum() > 5


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_store__h_is_that_of_the_network_with_the_crumbs_of_the_run(make: Make, crumbs: float) -> None:
    """Presence, correlations and abundances take the windows as they are, whatever the crumbs."""
    scores = make(crumbs=crumbs)
    model = load_model(scores.model)
    X = scores.cell_line.tensor.sel(dataset=list(model.labels[0]), tr=list(model.labels[1])).values.astype(
        float
    )
    crumbed = X + crumbs * (X.sum(axis=3, keepdims=True) + X.sum(axis=2, keepdims=True))
    h = model.network(crumbed.astype(np.float32), training=False).numpy().mean(axis=1, dtype=np.float64)
    back = [[list(names).index(label) for label in sorted(names)] for names in model.labels]
    X, h = X[:, :, back[0]][..., back[1]], h[:, back[0]][..., back[1]]
    expected, found = by_the_text(X, h), qscore(scores, ALL)
    np.testing.assert_allclose(found["pos_p"], expected["pos_p"], atol=1e-3)
    np.testing.assert_allclose(found["neg_p"], expected["neg_p"], atol=1e-3)
    np.testing.assert_allclose(found["correlation"], expected["correlation"], atol=1e-9)
    np.testing.assert_allclose(found["abundance"], expected["abundance"], rtol=1e-9)


def test_store__sample_is_that_of_the_normalization(make: Make) -> None:
    scores = make(1)
    settings = NormalizationSettings(sample=30, seed=5)
    found = qscore(scores, settings)
    windows = sample_windows(scores.cell_line.shape.windows, settings)
    assert found.attrs == {"sampled_windows": 30, "sample": 30, "seed": 5}
    assert_equal(found, by_the_text(*tensor_and_h(scores, windows)))


def test_store__given_windows(make: Make) -> None:
    scores = make(2)
    windows = np.array([0, 3, 6, 7, 20, 21, 22, 40])
    found = qscore_of(sum_windows(scores, windows), scores.cell_line.labels, VIEWS)
    assert_equal(found, by_the_text(*tensor_and_h(scores, windows)))


def test_store__parallel_equals_serial(make: Make, two_workers: DaskExecutor) -> None:
    scores = make()
    parallel = qscore(scores, ALL, executor=two_workers)
    xr.testing.assert_identical(parallel, qscore(scores, ALL))


def test_store__sample_is_that_of_the_model_unless_given(make: Make) -> None:
    scores = make()
    xr.testing.assert_identical(qscore(scores), qscore(scores, scores.config.normalization))


def test_store__views_of_other_names(make: Make) -> None:
    found = qscore(make(views=("assay", "line")), ALL)
    assert found["view"].values.tolist() == ["assay"] * 3 + ["line"] * 3


def test_store__keeps_what_was_found_and_needs_no_scores(make: Make) -> None:
    scores = make()
    found = qscore(scores, ALL)
    xr.testing.assert_identical(load(scores, QSCORE), found.assign_attrs(complete=True))
    again = qscore(scores, NormalizationSettings(sample=9))
    xr.testing.assert_identical(load(scores, QSCORE), again.assign_attrs(complete=True))
    assert not scores.is_scored()
    assert all(found[name].attrs["description"] for name in found.data_vars)


def test_store__second_writer_is_refused_and_what_is_kept_can_be_verified(make: Make) -> None:
    scores = make()
    with (
        scores.writing("qscore"),
        pytest.raises(AtypeakError, match="is being written by process"),
    ):
        qscore(scores, ALL)
    qscore(scores, ALL)
    assert verify(scores.cell_line.store).damages == []


def test_tables__hold_every_pair_and_the_total(make: Make, tmp_path: Path) -> None:
    scores = make()
    found = qscore(scores, ALL, tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {
        "columns.tsv",
        "pairs.tsv",
        "total.tsv",
        MADE_FROM,
    }
    pairs = pd.read_csv(tmp_path / "out/pairs.tsv", sep="\t")
    assert pairs.columns.tolist() == ["view", "dimension", "other", *PER_PAIR]
    for row in pairs.to_dict("records"):
        one, other = (f"{row['view']}:{row[name]}" for name in ("dimension", "other"))
        at = found.sel(dimension=one, other=other)
        for name in PER_PAIR:
            assert float(at[name]) == pytest.approx(row[name], rel=1e-15, nan_ok=True)
    labels = {"dataset": ["d1", "d2", "d3"], "tr": ["x", "y", "z"]}
    expected = [(v, *pair) for v, names in labels.items() for pair in itertools.permutations(names, 2)]
    assert list(pairs[["view", "dimension", "other"]].itertuples(index=False, name=None)) == expected
    (total,) = pd.read_csv(tmp_path / "out/total.tsv", sep="\t").to_dict("records")
    assert total["total"] == pytest.approx(pairs["contribution"].sum(), rel=1e-12)
    assert (total["pairs"], total["sampled_windows"], total["sample"]) == (
        12, found.attrs["sampled_windows"], "all",
    )  # fmt: skip
    made_from = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    assert made_from["scores"]["model_fingerprint"] == scores.fingerprint
    assert made_from["sample"] == found.attrs


def test_tables__missing_values_are_empty(make: Make, tmp_path: Path) -> None:
    """A sample of one window has no two values to compare."""
    qscore(make(), NormalizationSettings(sample=1), tmp_path / "out")
    lines = [line.split("\t") for line in (tmp_path / "out/pairs.tsv").read_text().splitlines()]
    assert {line[lines[0].index("pos_p")] for line in lines[1:]} == {""}


def test_tables__existing_folder_is_refused_before_the_work(make: Make, tmp_path: Path) -> None:
    scores = make()
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        qscore(scores, ALL, tmp_path / "out")
    with pytest.raises(InputError, match="has no qscore"):
        load(scores, QSCORE)
