"""A small store, scored and normalized by an untrained model whose labels are in another order."""

from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import Member, members_by_hand, scored

from atypeak_scale.config import Config
from atypeak_scale.score.blocks import ScoreRun
from atypeak_scale.score.normalize import NORMALIZATION
from atypeak_scale.store.build import build_store


@pytest.fixture
def scored_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build, score and normalize; the run that names store, cell line and model."""
    return scored(*catalogue, config, tmp_path)


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


@pytest.fixture
def members(catalogue: tuple[Path, Path], scored_run: ScoreRun) -> list[Member]:
    """Hold every line of the peak file against every line of the CRM file."""
    return members_by_hand(*catalogue, scored_run)
