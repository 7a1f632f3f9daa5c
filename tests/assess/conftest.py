"""A small store, scored and normalized by an untrained model whose labels are in another order."""

from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import Member, members_by_hand, scored, unscored

from atypeak_scale.config import Config
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.store.schema import NORMALIZATION


@pytest.fixture
def scored_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build, score and normalize; the run that names store, cell line and model."""
    return scored(*catalogue, config, tmp_path)


@pytest.fixture
def random_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build a store and give its peaks random scores, in place of a model's: many small blocks are quick."""
    run = unscored(*catalogue, config, tmp_path)
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
