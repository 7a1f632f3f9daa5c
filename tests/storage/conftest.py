"""An empty bucket, and a store and a model in it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from storage.object_store import Objects

from atypeak_scale.config import Config

if TYPE_CHECKING:
    from atypeak_scale.score.blocks import ScoreRun

Catalogue = tuple[Path, Path]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of an empty folder; what is uploaded is made in `tmp_path / "tmp"`."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    yield "objects://bucket"
    Objects.store.clear()
    Objects.changes.clear()
    Objects.allowed, Objects.unreadable = float("inf"), None


@pytest.fixture
def local(catalogue: Catalogue, config: Config, tmp_path: Path) -> Path:
    """Build a store on disk."""
    from atypeak_scale.store.build import build_store

    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


@pytest.fixture
def run(bucket: str, catalogue: Catalogue, config: Config) -> "ScoreRun":
    """Build a store and save a model at URLs; the run that names both."""
    from atypeak_scale.score.blocks import score_run
    from storage.untrained import untrained

    from atypeak_scale.model.files import save_model
    from atypeak_scale.store.build import build_store

    build_store(*catalogue, f"{bucket}/s.zarr", config)
    save_model(untrained(config), f"{bucket}/model")
    return score_run(f"{bucket}/s.zarr", f"{bucket}/model")
