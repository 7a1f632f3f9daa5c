"""A small store with an untrained model of support, made once; every test gets a copy."""

import shutil
from pathlib import Path

import pytest
from conftest import random_catalogue

from atypeak_scale.config import Config, for_support, parse_config
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import open_store

ROWS = 64  # in a block: some blocks of rows, and 16 of the 1,000 placements


@pytest.fixture(scope="session")
def support_config(config: Config) -> Config:
    """Return settings of a tiny network of support, with few placements."""
    values = config.model_dump()
    values["support"] = {"filters": 4, "deep_dimension": 8}
    values["chance"] = {"placements": 200, "folds": 3, "seed": 5}
    values["store"] |= {"rows_per_block": ROWS}
    return for_support(parse_config(values, "test"))


def handle(folder: Path) -> Scores:
    return open_scores(open_store(folder / "s.zarr"), folder / "model")


@pytest.fixture(scope="session")
def support_template(tmp_path_factory: pytest.TempPathFactory, support_config: Config) -> Path:
    """Make the store and the model, unscored and complete."""
    # All tests load this module, and most of them do without TensorFlow.
    from scoring.by_hand import save_untrained

    from atypeak_scale.scoring.score import complete
    from atypeak_scale.store.build import build_store

    folder = tmp_path_factory.mktemp("support")
    unscored, complete_ = folder / "unscored", folder / "complete"
    build_store(*random_catalogue(unscored / "catalogue"), unscored / "s.zarr", support_config)
    save_untrained(unscored / "model", support_config)
    shutil.copytree(unscored, complete_)
    complete(handle(complete_))
    return folder


@pytest.fixture
def unjudged(support_template: Path, tmp_path: Path) -> Scores:
    """Return the handle of support that does not exist yet: s.zarr and model in the test's folder."""
    shutil.copytree(support_template / "unscored", tmp_path, dirs_exist_ok=True)
    return handle(tmp_path)


@pytest.fixture
def support(support_template: Path, tmp_path: Path) -> Scores:
    """Return support that is complete: s.zarr and model in the folder `complete`."""
    shutil.copytree(support_template / "complete", tmp_path / "complete")
    return handle(tmp_path / "complete")
