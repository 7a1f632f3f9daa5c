"""A small store, scored and normalized by an untrained model whose labels are in another order."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from assess import by_hand
from assess import supported as support

from atypeak_scale.config import Config, dump_config
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.result_groups import NORMALIZATION


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which each store is made once; every test gets a copy."""
    return tmp_path_factory.mktemp("templates")


def copied(template: Path, make: Callable[[Path], Scores], folder: Path) -> Scores:
    """Make store and model below a template if they are not there yet; return the scores of a copy."""
    if not template.exists():
        make(template)
    for name in ("s.zarr", "model"):
        shutil.copytree(template / name, folder / name)
    return open_scores(open_store(folder / "s.zarr"), folder / "model")


def name_of(catalogue: tuple[Path, Path], config: Config) -> str:
    """Return a name for what is made from these files with these settings."""
    parts = [*(file.read_bytes() for file in catalogue), dump_config(config).encode()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


@pytest.fixture
def scored(catalogue: tuple[Path, Path], config: Config, templates: Path, tmp_path: Path) -> Scores:
    """Build, score and normalize; the scores know store, cell line and model."""

    def make(folder: Path) -> Scores:
        return by_hand.scored(*catalogue, config, folder)

    return copied(templates / f"scored-{name_of(catalogue, config)}", make, tmp_path)


@pytest.fixture
def random_scored(catalogue: tuple[Path, Path], config: Config, templates: Path, tmp_path: Path) -> Scores:
    """Build a store and give its peaks random scores, in place of a model's: many small blocks are quick."""

    def make(folder: Path) -> Scores:
        return with_random_scores(by_hand.unscored(*catalogue, config, folder), config)

    return copied(templates / f"random-{name_of(catalogue, config)}", make, tmp_path)


def with_random_scores(scores: Scores, config: Config) -> Scores:
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
