"""Several seeds: each as if trained alone, wherever it is trained; a stopped run goes on."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.config import Config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import Cluster
from atypeak_scale.model.files import load_model
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.model.seeds import train_seeds
from atypeak_scale.model.training.train import train
from atypeak_scale.store.build import build_store


@pytest.fixture
def store(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Path:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


def test_train_seeds__each_is_as_trained_alone_and_kept(store: Path, config: Config, tmp_path: Path) -> None:
    start = with_seed(config, 3)
    folders = train_seeds(store, start, 2, tmp_path / "models")
    assert [folder.name for folder in folders] == ["seed-3", "seed-4"]
    for number, folder in zip((3, 4), folders, strict=True):
        alone = train(store, with_seed(config, number))
        for ours, expected in zip(
            weight_arrays(load_model(folder).network), weight_arrays(alone.network), strict=True
        ):
            np.testing.assert_allclose(ours, expected, atol=1e-4)
    before = (folders[1] / "model.json").stat().st_mtime_ns
    shutil.rmtree(folders[0])
    assert train_seeds(store, start, 2, tmp_path / "models") == folders
    assert folders[0].is_dir()
    assert (folders[1] / "model.json").stat().st_mtime_ns == before


def test_train_seeds__on_workers(store: Path, config: Config, tmp_path: Path) -> None:
    folders = train_seeds(store, config, 2, tmp_path / "models", Cluster(workers=2))
    models = [load_model(folder) for folder in folders]
    assert [model.config.training.seed for model in models] == [1, 2]
    assert models[0].history != models[1].history


def test_train_seeds__what_is_no_model_is_refused(store: Path, config: Config, tmp_path: Path) -> None:
    (tmp_path / "models/seed-1").mkdir(parents=True)
    with pytest.raises(InputError, match="not a trained model"):
        train_seeds(store, config, 1, tmp_path / "models")
