"""A small store, scored and normalized by an untrained model whose labels are in another order."""

from pathlib import Path

import numpy as np
import pytest
from assess import by_hand
from assess import supported as support

from atypeak_scale.config import Config
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import NORMALIZATION


@pytest.fixture
def scored(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Scores:
    """Build, score and normalize; the scores know store, cell line and model."""
    return by_hand.scored(*catalogue, config, tmp_path)


@pytest.fixture
def random_scored(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Scores:
    """Build a store and give its peaks random scores, in place of a model's: many small blocks are quick."""
    scores = by_hand.unscored(*catalogue, config, tmp_path)
    scores.create()
    by_hand.fill(scores)
    rng = np.random.default_rng(1)
    for variable in (RAW, K_NORMALIZED, FINAL):
        values = rng.normal(750, 375, scores.cell_line.peak_count)
        scores.write(variable, 0, values.astype(np.float32))
    scores.set_attribute(NORMALIZATION, config.normalization.model_dump(mode="json"))
    return scores


@pytest.fixture
def random_support(random_scored: Scores, tmp_path: Path) -> Scores:
    """Give the peaks of the store of the random scores random support too."""
    return by_hand.random_support(random_scored, tmp_path)


@pytest.fixture
def members(catalogue: tuple[Path, Path], scored: Scores) -> list[by_hand.Member]:
    """Hold every line of the peak file against every line of the CRM file."""
    return by_hand.members_by_hand(*catalogue, scored)


@pytest.fixture(scope="session")
def supported(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Build an artificial catalogue and score it by a model of support; tests only read it."""
    return support.supported(tmp_path_factory.mktemp("supported"))


@pytest.fixture(scope="session")
def article(supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Score the same cell line by a model of the article."""
    return support.article_of(supported, tmp_path_factory.mktemp("article") / "model")
