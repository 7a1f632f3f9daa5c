"""A small store, scored and normalized by an untrained model whose labels are in another order."""

from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import Member, members_by_hand, scored

from atypeak_scale.config import Config
from atypeak_scale.score.blocks import ScoreRun


@pytest.fixture
def scored_run(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """Build, score and normalize; the run that names store, cell line and model."""
    return scored(*catalogue, config, tmp_path)


@pytest.fixture
def random_run(scored_run: ScoreRun) -> ScoreRun:
    """Give the peaks of the store random scores, in place of the model's."""
    _, scores = scored_run.open()
    rng = np.random.default_rng(1)
    for name in ("raw", "k_normalized", "final"):
        scores[name][:] = rng.normal(750, 375, scores[name].shape)
    return scored_run


@pytest.fixture
def members(catalogue: tuple[Path, Path], scored_run: ScoreRun) -> list[Member]:
    """Hold every line of the peak file against every line of the CRM file."""
    return members_by_hand(*catalogue, scored_run)
