"""Workers somewhere else find what was named here."""

import os
from pathlib import Path

import pytest
from atypeak_scale.execution.cluster import Cluster
from atypeak_scale.score.blocks import is_scored, score_run, score_store
from storage.object_store import files
from storage.untrained import untrained

from atypeak_scale.config import Config
from atypeak_scale.model.files import save_model
from atypeak_scale.store.build import build_store
from atypeak_scale.store.verify import verify_store

Catalogue = tuple[Path, Path]


def test_score_run__does_not_depend_on_the_working_directory(
    local: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_model(untrained(config), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    run = score_run("s.zarr", Path("model"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    score_store(run)
    assert is_scored(run)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_workers__with_another_working_directory_find_relative_places(
    catalogue: Catalogue, config: Config, local: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster:
        with Client(cluster) as client:
            client.run(os.chdir, tmp_path / "elsewhere")
        there = Cluster(scheduler=cluster.scheduler_address)
        inputs = [file.relative_to(tmp_path) for file in catalogue]
        result = build_store(*inputs, "new.zarr", config, there)
        assert result.store == Path("new.zarr")
        assert verify_store("new.zarr", there).damages == []
    assert files(tmp_path / "new.zarr") == files(local)
    assert list((tmp_path / "elsewhere").iterdir()) == []
