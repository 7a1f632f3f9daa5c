"""A small store, scored and normalized by an untrained model whose labels are in another order."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.config import Config
from atypeak_scale.model.autoencoder import build_autoencoder
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.score.blocks import ScoreRun, score_run, score_store
from atypeak_scale.score.normalize import NORMALIZATION, normalize_scores
from atypeak_scale.store.build import build_store


@pytest.fixture
def scored_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build, score and normalize; the run that names store, cell line and model."""
    store = tmp_path / "s.zarr"
    build_store(*catalogue, store, config)
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, 9))
    model = TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config)
    run = score_run(store, save_model(model, tmp_path / "model"))
    score_store(run)
    normalize_scores(run, config.normalization)
    return run


@pytest.fixture
def random_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build a store and give its peaks random final scores; there is no model behind them."""
    build_store(*catalogue, tmp_path / "s.zarr", config)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.keras").touch()
    run = ScoreRun(
        tmp_path / "s.zarr", config.cell_line, tmp_path / "model", config, "f" * 64, 0.0, "float32"
    )
    _, scores = run.open()
    rng = np.random.default_rng(1)
    for name in ("raw", "k_normalized", "final"):
        scores[name][:] = rng.normal(750, 375, scores[name].shape)
    scores.attrs[NORMALIZATION] = config.normalization.model_dump(mode="json")
    return run
