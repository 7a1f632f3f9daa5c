"""Scores of both objectives on one store, with doubts for two peaks of three; and one of hostile names."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import random_catalogue
from scoring.by_hand import save_untrained

from atypeak_scale.config import Config, parse_config
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

HOSTILE = {
    "d1": '<script>alert("1")</script>',
    "d2": "é,;|'",
    "d3": "$name \\",
    "x": "x&amp;",
    "y": "y",
    "z": 'z"',
}
HOSTILE_CELL = "<b>&\"é'"


@pytest.fixture(scope="session")
def both_template(tmp_path_factory: pytest.TempPathFactory, config: Config, support_config: Config) -> Path:
    folder = tmp_path_factory.mktemp("both")
    build_store(*random_catalogue(folder / "catalogue"), folder / "s.zarr", config)
    for name, settings in (("model", config), ("support-model", support_config)):
        save_untrained(folder / name, settings)
    article, support = handles(folder)
    complete(article)
    normalize(article, config.normalization)
    complete(support)
    doubt = np.linspace(0, 1, support.cell_line.peak_count).astype(np.float32)
    doubt[::3] = np.nan
    support.write(v.DOUBT, 0, doubt)
    return folder


def handles(folder: Path) -> list[Scores]:
    cell_line = open_store(folder / "s.zarr")
    return [open_scores(cell_line, folder / name) for name in ("model", "support-model")]


@pytest.fixture
def both(both_template: Path, tmp_path: Path) -> list[Scores]:
    """Return scores of the article and support."""
    shutil.copytree(both_template, tmp_path / "both")
    return handles(tmp_path / "both")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Scores:
    """Return scores of the article whose labels and cell line hold what breaks files."""
    folder = tmp_path_factory.mktemp("hostile")
    peaks, crms = random_catalogue(folder / "catalogue")
    lines = [line.split("\t") for line in peaks.read_text().splitlines() if "\t" in line]
    for line in lines:
        dataset, tr, _ = line[3].split(".")
        line[3] = f"{HOSTILE[dataset]}.{HOSTILE[tr]}.{HOSTILE_CELL}"
    peaks.write_text("".join("\t".join(line) + "\n" for line in lines))
    settings = parse_config({**config.model_dump(), "cell_line": HOSTILE_CELL}, "test")
    build_store(peaks, crms, folder / "s.zarr", settings)
    cell_line = open_store(folder / "s.zarr")
    network = build_autoencoder(320, 3, 3, settings.model, seed=1)
    save_model(TrainedModel(network, cell_line.labels, settings), folder / "model")
    scores = open_scores(cell_line, folder / "model")
    complete(scores)
    normalize(scores, settings.normalization)
    return scores
