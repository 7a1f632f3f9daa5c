"""The truth of an artificial catalogue beside its scores, against the table itself and all pairs."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from assess.evidence.artificial_by_hand import DATASETS, TRS, Artificial, kinds_of_peaks, settings

from atypeak_scale.assess.evidence.artificial import contig_ranges, noise_detection, scored_truth
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.columns import NOISE_DETECTION
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.score import score
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store


def test_scored_truth__every_peak_as_the_table_has_it(made: Artificial) -> None:
    peaks = scored_truth(made.scores, made.truth)
    data, scores = made.scores.cell_line.data.load(), made.scores.open()
    known = kinds_of_peaks(made)
    assert len(peaks) == data.sizes["catalogue_peak"]
    for at, row in enumerate(peaks.itertuples()):
        contig = data["contig"].values[int(data["catalogue_contig"][at])]
        position = int(data["catalogue_start"][at]), int(data["catalogue_end"][at])
        assert (row.kind, row.group) == known[(contig, *position, row.dataset, row.tr)]
        assert (row.place == "watermark") == ((row.dataset, row.tr) == ("dataset00", "tr00"))
        assert row.place == "watermark" or (row.place == "unreliable") == (row.dataset == "dataset00")
    for name in ("raw", "k_normalized", "final"):
        np.testing.assert_array_equal(peaks[name], scores[name].values)


def test_detection__equals_pairs(made: Artificial) -> None:
    peaks, found = scored_truth(made.scores, made.truth), noise_detection(made.scores, made.truth)
    assert found.index.names == ["score", "noise"]
    stack = peaks[peaks["kind"] == "stack"]
    for (name, case), row in found.iterrows():  # type: ignore[misc]
        noise = peaks[peaks["kind"] == "noise"]
        noise = noise if case == "all" else noise[noise["place"] == case]
        low, high = noise[name].to_numpy(), stack[name].to_numpy()
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
    for function in (scored_truth, noise_detection):
        with pytest.raises(InputError, match=r"lacks \d+ peaks of the store on chr1, the first of them \d+-"):
            function(made.scores, other.truth)


def test_truth__holds_the_peaks_of_a_selection(made: Artificial, tmp_path: Path) -> None:
    chosen = settings(selection={"datasets": ["dataset01", "dataset02"]})
    folder = made.truth.parent
    store = tmp_path / "s.zarr"
    build_store(folder / "peaks.bed", folder / "crms.bed", store, chosen)
    network = build_autoencoder(320, 2, TRS, chosen.model, seed=1)
    labels = ("dataset01", "dataset02"), tuple(f"tr{i:02d}" for i in range(TRS))
    model = save_model(TrainedModel(network, labels, chosen), tmp_path / "model")
    scores = score(open_store(store), model)
    with pytest.raises(StageMissingError, match="not normalized"):
        scored_truth(scores, made.truth)
    normalize(scores)
    truth = pd.read_csv(made.truth, sep="\t")
    expected = truth[~truth["name"].str.startswith("dataset00")]["kind"].value_counts()
    assert (
        scored_truth(scores, made.truth)["kind"].value_counts()[["stack", "noise"]].to_dict()
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
    model = save_model(TrainedModel(network, (("d",), ("x", "y")), config), tmp_path / "m")
    found = scored_truth(normalize(score(open_store(store), model)), tmp_path / "truth.tsv")
    assert found["kind"].tolist() == ["noise", "stack", "stack", "stack", "noise"]


def test_detection__columns_are_registered(made: Artificial) -> None:
    found = noise_detection(made.scores, made.truth).reset_index()
    assert list(found.columns) == [column.name for column in NOISE_DETECTION.columns]


def test_contig_ranges__are_those_of_the_arrays(made: Artificial) -> None:
    data = made.scores.cell_line.data.load()
    for kind, name in (("windows", "window_contig"), ("peaks", "catalogue_contig")):
        found = contig_ranges(made.scores.cell_line, kind)  # type: ignore[arg-type]
        assert list(found) == ["chr1", "chr2", "chr3"]
        codes = data[name].values
        for contig, (start, stop) in found.items():
            place = np.flatnonzero(data["contig"].values[codes] == contig)
            assert (place[0], place[-1] + 1) == (start, stop)
