"""Truth against scores and rebuilt values, compared with loops over windows, cells and bins."""

import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.evidence.artificial import noise_detection, scored_truth
from atypeak_scale.assess.evidence.rebuilt import VALUE_STEP, rebuilt_by_kind, summarize_rebuilt
from atypeak_scale.catalogue import artificial
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.cluster import Cluster
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.blocks import ScoreRun, score_run, score_store
from atypeak_scale.scoring.normalize import normalize_scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.tensor import open_store

Case = tuple[str, str, str, int]
DATASETS, TRS = 3, 4


@dataclass(frozen=True)
class Artificial:
    run: ScoreRun
    truth: Path


def settings(**values: object) -> Config:
    model = {"filters": 4, "deep_dimension": 8}
    store = {"min_crm_peaks": 0, "windows_per_chunk": 16, "rows_per_block": 64}
    return parse_config({"cell_line": "artificial", "model": model, "store": store, **values}, "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Artificial:
    """CRMs of two windows on three contigs, scored by an untrained model with labels in another order."""
    folder = tmp_path_factory.mktemp("artificial")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artificial, "CRMS_PER_CONTIG", 17)
        drawn = ArtificialSettings(
            crms=45, datasets=DATASETS, trs=TRS, crm_length=4000, reliable_datasets=2, seed=8,
            false_negative_probability=0.5,
        )  # fmt: skip
        files = simulate(drawn, folder / "catalogue")
    store = folder / "s.zarr"
    config = settings()
    build_store(files.peaks, files.crms, store, config)
    network = build_autoencoder(320, DATASETS, TRS, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, DATASETS * TRS))
    labels = ("dataset02", "dataset00", "dataset01"), ("tr03", "tr00", "tr02", "tr01")
    run = score_run(store, save_model(TrainedModel(network, labels, config), folder / "model"))
    score_store(run)
    normalize_scores(run, config.normalization)
    return Artificial(run, files.truth)


def kinds_of_peaks(made: Artificial) -> dict[tuple[str, int, int, str, str], tuple[str, int]]:
    """Return (kind, group) by contig, start, end, dataset and TR."""
    truth = pd.read_csv(made.truth, sep="\t")
    known = {}
    for row in truth.itertuples():
        dataset, tr, _ = str(row.name).split(".")
        known[(row.contig, row.start, row.end, dataset, tr)] = (row.kind, row.group)
    assert len(known) == len(truth)
    return known  # type: ignore[return-value]


def brute_force(made: Artificial) -> dict[Case, list[float]]:
    """Return the rebuilt values of each (kind, place, group, brothers), window by window, cell by cell."""
    data = open_store(made.run.store)
    tensor, arrays = data.tensor, data.data.load()
    model = load_model(made.run.model)
    datasets, trs = (list(labels) for labels in model.labels)
    X = tensor.sel(dataset=datasets, tr=trs).values.astype(np.float32)
    h = model.network(X, training=False).numpy()
    known = kinds_of_peaks(made)
    contigs = arrays["contig"].values

    def kind_of(row: int) -> tuple[str, int, str, str]:
        peak = int(arrays["peak_catalogue"][row])
        source = int(arrays["peak_source"][row])
        dataset = str(arrays["dataset"].values[int(arrays["source_dataset"][source])])
        tr = str(arrays["tr"].values[int(arrays["source_tr"][source])])
        contig = contigs[int(arrays["catalogue_contig"][peak])]
        place = int(arrays["catalogue_start"][peak]), int(arrays["catalogue_end"][peak])
        return (*known[(contig, *place, dataset, tr)], dataset, tr)

    rows = [kind_of(row) for row in range(arrays.sizes["peak"])]
    crm = arrays["crm"].values
    window_of_row = arrays["peak_window"].values
    group_of_crm = {crm[window_of_row[row]]: group for row, (_, group, _, _) in enumerate(rows) if group >= 0}

    def case(window: int, kind: str, dataset: str, tr: str, brothers: int) -> Case:
        is_watermark = (dataset, tr) == ("dataset00", "tr00")
        place = "watermark" if is_watermark else "unreliable" if dataset == "dataset00" else "reliable"
        group = group_of_crm.get(crm[window])
        if is_watermark or group is None:
            return kind, place, "none", brothers
        return kind, place, "same" if (int(tr[2:]) // 2) == group else "other", brothers

    found = defaultdict(list)
    for window in range(len(X)):
        of_window = [row for row in range(len(rows)) if window_of_row[row] == window]
        for i, dataset in enumerate(datasets):
            for j, tr in enumerate(trs):
                related = [r for r in of_window if rows[r][2] == dataset or rows[r][3] == tr]
                own = [r for r in related if rows[r][2:] == (dataset, tr)]
                for row in own:
                    bins = slice(int(arrays["peak_first_bin"][row]), int(arrays["peak_last_bin"][row]) + 1)
                    key = case(window, rows[row][0], dataset, tr, len(related) - 1)
                    found[key].append(float(h[window, bins, i, j].max()))
                if not own:
                    key = case(window, "phantom", dataset, tr, len(related))
                    found[key].append(float(h[window, :, i, j].max()))
    return found


def test_rebuilt__equals_brute_force(made: Artificial) -> None:
    expected = brute_force(made)
    kinds = {(kind, place, group) for kind, place, group, _ in expected}
    # The catalogue must hold what can go wrong.
    assert {"watermark", "noise", "stack", "phantom"} == {kind for kind, _, _ in kinds}
    assert {
        ("noise", "unreliable", "other"),
        ("noise", "reliable", "none"),
        ("phantom", "watermark", "none"),
    } <= kinds
    found = rebuilt_by_kind(made.run, made.truth)
    assert found.index.names == ["kind", "place", "group", "brothers", "rebuilt"]
    assert found["peaks"].sum() == sum(map(len, expected.values()))
    by_case = dict(list(found.groupby(["kind", "place", "group", "brothers"], observed=True)))
    assert by_case.keys() == expected.keys()
    for case, values in expected.items():
        counted = by_case[case]
        assert counted["peaks"].sum() == len(values)
        assert counted["total"].sum() == pytest.approx(np.sum(values), abs=1e-4)
        assert counted["squares"].sum() == pytest.approx(np.square(values).sum(), abs=1e-4)
        lower = np.repeat(counted.index.get_level_values("rebuilt"), counted["peaks"])
        assert np.all(np.sort(lower) <= np.sort(values) + 1e-5)
        assert np.all(np.sort(values) < np.sort(lower) + VALUE_STEP + 1e-5)


def test_rebuilt__without_crumbs_is_the_score(made: Artificial) -> None:
    peaks = rebuilt_by_kind(made.run, made.truth).drop("phantom").reset_index()
    _, scores = made.run.open()
    rebuilt = scores["rebuilt_score"][:]
    assert peaks["peaks"].sum() == len(rebuilt)
    # Scores have a floor just above 0.
    above, expected = peaks[peaks["rebuilt"] > VALUE_STEP / 2], rebuilt[rebuilt >= VALUE_STEP]
    assert 50 < len(expected) < len(rebuilt)
    assert above["peaks"].sum() == pytest.approx(len(expected), abs=1)
    assert above["total"].sum() == pytest.approx(expected.sum(), abs=2 * VALUE_STEP)


@pytest.mark.parametrize("by", [("kind",), ("kind", "place", "group"), ("place", "brothers")])
def test_summary__equals_the_values(made: Artificial, by: tuple[str, ...]) -> None:
    values = defaultdict(list)
    for case, of_case in brute_force(made).items():
        labels = dict(zip(("kind", "place", "group", "brothers"), case, strict=True))
        values[tuple(labels[name] for name in by)] += of_case
    summary = summarize_rebuilt(rebuilt_by_kind(made.run, made.truth), by)
    assert {key if isinstance(key, tuple) else (key,) for key in summary.index} == values.keys()
    for key, of_case in values.items():
        row = summary.loc[key if len(by) > 1 else key[0]]
        assert row["peaks"] == len(of_case)
        assert row["mean"] == pytest.approx(np.mean(of_case), abs=1e-5)
        if len(of_case) > 1:
            assert row["sd"] == pytest.approx(np.std(of_case, ddof=1), abs=1e-4)
        for name, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
            quantile = np.quantile(of_case, share, method="inverted_cdf")
            assert abs(row[name] - quantile) <= VALUE_STEP / 2 + 1e-5


def test_rebuilt__workers_count_the_same(made: Artificial) -> None:
    alone = rebuilt_by_kind(made.run, made.truth)
    pd.testing.assert_frame_equal(alone, rebuilt_by_kind(made.run, made.truth, Cluster(workers=2)))


def test_scored_truth__every_peak_as_the_table_has_it(made: Artificial) -> None:
    peaks = scored_truth(made.run, made.truth)
    data, (_, scores) = open_store(made.run.store).data.load(), made.run.open()
    known = kinds_of_peaks(made)
    assert len(peaks) == data.sizes["catalogue_peak"]
    for at, row in enumerate(peaks.itertuples()):
        contig = data["contig"].values[int(data["catalogue_contig"][at])]
        position = int(data["catalogue_start"][at]), int(data["catalogue_end"][at])
        assert (row.kind, row.group) == known[(contig, *position, row.dataset, row.tr)]
        assert (row.place == "watermark") == ((row.dataset, row.tr) == ("dataset00", "tr00"))
        assert row.place == "watermark" or (row.place == "unreliable") == (row.dataset == "dataset00")
    for score in ("raw", "k_normalized", "final"):
        np.testing.assert_array_equal(peaks[score], scores[score][:])


def test_detection__equals_pairs(made: Artificial) -> None:
    peaks, found = scored_truth(made.run, made.truth), noise_detection(made.run, made.truth)
    assert found.index.names == ["score", "noise"]
    stack = peaks[peaks["kind"] == "stack"]
    for (score, case), row in found.iterrows():  # type: ignore[misc]
        noise = peaks[peaks["kind"] == "noise"]
        noise = noise if case == "all" else noise[noise["place"] == case]
        low, high = noise[score].to_numpy(), stack[score].to_numpy()
        wins = (high[:, None] > low).mean() + (high[:, None] == low).mean() / 2
        assert row["auroc"] == pytest.approx(wins, abs=1e-9)
        assert row["share"] == pytest.approx(len(low) / (len(low) + len(high)))
        assert (row["noise_peaks"], row["stack_peaks"]) == (len(low), len(high))
        precision, found_before = 0.0, 0
        for threshold in np.unique(np.concatenate([low, high])):  # noise is found from the lowest score up
            hits = int((low <= threshold).sum())
            precision += (hits - found_before) * hits / (hits + (high <= threshold).sum())
            found_before = hits
        assert row["average_precision"] == pytest.approx(precision / len(low), abs=1e-9)
    assert set(found.index) == {(s, c) for s in ("raw", "k_normalized", "final")
                                for c in ("all", "reliable", "unreliable")}  # fmt: skip


def test_truth__of_another_catalogue_is_refused(made: Artificial, tmp_path: Path) -> None:
    other = simulate(ArtificialSettings(crms=45, datasets=DATASETS, trs=TRS, seed=9), tmp_path / "other")
    for function in (scored_truth, noise_detection, rebuilt_by_kind):
        with pytest.raises(InputError, match=r"lacks \d+ peaks of the store on chr1, the first of them \d+-"):
            function(made.run, other.truth)


def test_truth__holds_the_peaks_of_a_selection(made: Artificial, tmp_path: Path) -> None:
    chosen = settings(selection={"datasets": ["dataset01", "dataset02"]})
    folder = made.truth.parent
    store = tmp_path / "s.zarr"
    build_store(folder / "peaks.bed", folder / "crms.bed", store, chosen)
    network = build_autoencoder(320, 2, TRS, chosen.model, seed=1)
    labels = ("dataset01", "dataset02"), tuple(f"tr{i:02d}" for i in range(TRS))
    run = score_run(store, save_model(TrainedModel(network, labels, chosen), tmp_path / "model"))
    with pytest.raises(AtypeakError, match="not normalized"):
        scored_truth(run, made.truth)
    score_store(run)
    normalize_scores(run, chosen.normalization)
    truth = pd.read_csv(made.truth, sep="\t")
    expected = truth[~truth["name"].str.startswith("dataset00")]["kind"].value_counts()
    assert (
        scored_truth(run, made.truth)["kind"].value_counts()[["stack", "noise"]].to_dict()
        == expected.to_dict()
    )


def test_truth__of_equal_peaks_the_first_is_the_first(made: Artificial, tmp_path: Path) -> None:
    """Two peaks of one source at one place, one of them noise, in either order."""
    peaks = "".join(f"chr1\t{start}\t{start + 50}\td.{tr}.artificial\n" for start, tr in
                    ((100, "x"), (100, "x"), (300, "y"), (500, "x"), (500, "x")))  # fmt: skip
    kinds = ["noise\t-1", "stack\t0", "stack\t0", "stack\t0", "noise\t-1"]
    lines = [f"{line}\t{kind}\n" for line, kind in zip(peaks.splitlines(), kinds, strict=True)]
    (tmp_path / "peaks.bed").write_text(peaks)
    (tmp_path / "crms.bed").write_text("chr1\t0\t3200\tcrm\t5\n")
    (tmp_path / "truth.tsv").write_text("contig\tstart\tend\tname\tkind\tgroup\n" + "".join(lines))
    config, store = settings(), tmp_path / "s.zarr"
    build_store(tmp_path / "peaks.bed", tmp_path / "crms.bed", store, config)
    network = build_autoencoder(320, 1, 2, config.model, seed=1)
    run = score_run(store, save_model(TrainedModel(network, (("d",), ("x", "y")), config), tmp_path / "m"))
    score_store(run)
    normalize_scores(run, config.normalization)
    found = scored_truth(run, tmp_path / "truth.tsv")
    assert found["kind"].tolist() == ["noise", "stack", "stack", "stack", "noise"]
    shutil.rmtree(store)
