"""A store of the random catalogue: one that is only read, and a copy for tests that damage it."""

import shutil
from pathlib import Path

import pytest
from conftest import random_catalogue

from atypeak_scale.config import Config
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

Catalogue = tuple[Path, Path]


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Write the files that `built` is made from; the same as those of `catalogue`."""
    return random_catalogue(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def built(inputs: Catalogue, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a store that no test may change."""
    store = tmp_path_factory.mktemp("built") / "s.zarr"
    build_store(*inputs, store, config)
    return store


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """Copy the store, for a test that changes it."""
    return Path(shutil.copytree(built, tmp_path / "s.zarr"))


@pytest.fixture
def cell_line(built: Path) -> CellLine:
    """Return a new handle, which has read nothing, of the store that no test may change."""
    return open_store(built)
