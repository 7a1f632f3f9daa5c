"""Trained on promoters on chr1, applied to enhancers on chr2 (method, section 7.6)."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.config import Config, parse_config
from atypeak_scale.model.files import TrainedModel, load_model, model_from_arrays, save_model
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.model.training.train import train
from atypeak_scale.registry.variables import K1, RAW, REBUILT_SCORE
from atypeak_scale.scoring.export import PEAKS_FILE, export
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.score import score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

Catalogue = tuple[Path, Path]


@pytest.fixture
def catalogue(catalogue: Catalogue) -> Catalogue:
    """Among the enhancers, add a source that the promoters lack, of a dataset and a TR that they have."""
    with catalogue[0].open("a") as out:
        out.writelines(f"chr2\t{start}\t{start + 300}\td2.z.cell\n" for start in range(3000, 60_000, 5000))
    return catalogue


def build(catalogue: Catalogue, config: Config, folder: Path, name: str, contigs: str) -> Path:
    """Build a store of the CRMs on some contigs; the peaks are those of the whole catalogue."""
    crms = folder / f"{name}.bed"
    lines = catalogue[1].read_text().splitlines(keepends=True)
    crms.write_text("".join(line for line in lines if line.split("\t")[0] in contigs.split()))
    build_store(catalogue[0], crms, folder / f"{name}.zarr", config)
    return folder / f"{name}.zarr"


@pytest.fixture
def model(catalogue: Catalogue, config: Config, tmp_path: Path) -> Path:
    """Train on the promoters."""
    trained = train(open_store(build(catalogue, config, tmp_path, "promoters", "chr1")), config)
    assert trained.labels == (("d1", "d2", "d3"), ("x", "y", "z"))
    return save_model(trained, tmp_path / "model")


def shuffled(model: Path, folder: Path) -> Path:
    """Save the same network with its labels in another order."""
    loaded = load_model(model)
    first, second = [2, 0, 1], [1, 2, 0]
    arrays = weight_arrays(loaded.network)
    assert arrays[0].shape[1] == arrays[2].shape[2] == 3
    arrays[0] = arrays[0][:, first]
    arrays[2] = arrays[2][:, :, second]
    for number in (-2, -1):  # the last layer's filters are the sources, dataset by dataset
        cells = arrays[number].reshape(*arrays[number].shape[:-1], 3, 3)
        arrays[number] = cells[..., first, :][..., second].reshape(arrays[number].shape)
    labels = [loaded.labels[0][i] for i in first], [loaded.labels[1][j] for j in second]
    return save_model(model_from_arrays(arrays, labels, loaded.config), folder)


def brute_force(store: Path, model: TrainedModel) -> list[float]:
    """Score every row with the network itself; labels that the store lacks have empty cells (method, 4.1)."""
    opened = open_store(store)
    data = {name: array.to_numpy() for name, array in opened.data.load().variables.items()}
    X = np.zeros((*opened.tensor.shape[:2], len(model.labels[0]), len(model.labels[1])), np.float32)
    cells = []
    for number, (i, j) in enumerate(zip(data["source_dataset"], data["source_tr"], strict=True)):
        cell = model.labels[0].index(data["dataset"][i]), model.labels[1].index(data["tr"][j])
        X[:, :, *cell] = data["occupancy"][:, :, number]
        cells.append(cell)
    h = model.network(X, training=False).numpy()
    rows = []
    for row, window in enumerate(data["peak_window"]):
        i, j = cells[data["peak_source"][row]]
        bins = slice(data["peak_first_bin"][row], data["peak_last_bin"][row] + 1)
        assert X[window, bins, i, j].all()
        rows.append(max(float(h[window, bins, i, j].max()), 1e-5))
    return rows


def scored(store: Path, model: Path) -> tuple[Scores, dict[str, np.ndarray]]:
    scores = score(open_store(store), model)
    return scores, {variable.name: scores.read(variable) for variable in (REBUILT_SCORE, RAW)}


def test_regions__other_ones_score_as_in_a_store_of_both(
    catalogue: Catalogue, config: Config, model: Path, tmp_path: Path
) -> None:
    enhancers = build(catalogue, config, tmp_path, "enhancers", "chr2")
    both = build(catalogue, config, tmp_path, "both", "chr1 chr2")
    _, ours = scored(enhancers, shuffled(model, tmp_path / "shuffled"))
    _, of_both = scored(both, model)
    data = open_store(both).data.load()
    on_chr2 = data["contig"].values[data["catalogue_contig"].values] == "chr2"
    rows = on_chr2[data["peak_catalogue"].values]
    assert 50 < rows.sum() < len(rows) - 50
    np.testing.assert_allclose(ours["rebuilt_score"], of_both["rebuilt_score"][rows], atol=2e-6)
    np.testing.assert_allclose(ours["raw"], of_both["raw"][on_chr2], atol=2e-6)
    np.testing.assert_allclose(ours["rebuilt_score"], brute_force(enhancers, load_model(model)), atol=1e-5)
    assert np.ptp(ours["raw"]) > 0.01


def test_regions__without_some_labels(
    catalogue: Catalogue, config: Config, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = config.model_dump()
    values["selection"] = {"sources": ["d1.x", "d1.y", "d2.y"]}
    fewer = parse_config(values, "test")
    store = build(catalogue, fewer, tmp_path, "enhancers", "chr2")
    with caplog.at_level(logging.WARNING):
        caplog.clear()  # of the build
        scores, ours = scored(store, shuffled(model, tmp_path / "shuffled"))
    assert [record.getMessage() for record in caplog.records] == [
        f"{store}: has no peak with these labels of the model's dataset: d3",
        f"{store}: has no peak with these labels of the model's tr: z",
    ]
    loaded = load_model(model)
    np.testing.assert_allclose(ours["rebuilt_score"], brute_force(store, loaded), atol=1e-5)

    k1 = normalize(scores, config.normalization).read(K1)
    for number, (i, j) in enumerate([(0, 0), (0, 1), (1, 1)]):
        alone = np.zeros((3, 3))
        alone[i, j] = 1
        U = alone + 0.1 * (alone.sum(axis=1, keepdims=True) + alone.sum(axis=0, keepdims=True))
        everywhere = np.broadcast_to(U, (1, 320, 3, 3)).astype(np.float32)
        R = loaded.network(everywhere, training=False).numpy()[0].mean(axis=0)
        assert k1[number] == pytest.approx(U.sum() / R.sum(), rel=1e-4)  # method, section 5.1
    peaks = pd.read_parquet(export(scores, tmp_path / "scores").folder / PEAKS_FILE)
    assert set(peaks["tr"]) == {"x", "y"}
    means = peaks.astype({"final": float}).groupby("tr")["final"].mean()
    assert means.tolist() == pytest.approx([750, 750], abs=0.1)


def test_regions__with_a_label_more_are_scored_without_it(
    catalogue: Catalogue, config: Config, model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with catalogue[0].open("a") as out:
        out.write("chr2\t3000\t3300\td1.ctcf.cell\n")
    store = build(catalogue, config, tmp_path, "enhancers", "chr2")
    score(open_store(store), model)
    assert "model does not know 1 of the " in caplog.text
    assert "(d1.ctcf): their peaks get no score" in caplog.text
    # Of other regions only: there the TR has no peak, and is not in the store.
    scored(build(catalogue, config, tmp_path, "elsewhere", "chr1"), model)
