"""Scheduler, workers and command as processes of their own: the same arrays whatever happens to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from atypeak_scale.execution.cluster import Cluster
from conftest import random_catalogue

from atypeak_scale.config import Config
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.blocks import ScoreRun, score_run, score_store
from atypeak_scale.scoring.normalize import normalize_scores
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from benchmarks.loopback import Loopback, loopback_cluster

ARRAYS = ("rebuilt_score", "raw", "k_normalized", "final")
RUN = "from atypeak_scale.cli import main; main()"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Loopback]:
    with loopback_cluster(2) as running:
        yield running


def made(folder: Path, config: Config) -> ScoreRun:
    """Build a store of a few hundred windows and save an untrained model."""
    catalogue = random_catalogue(folder / "catalogue", crms=200)
    build_store(*catalogue, folder / "s.zarr", config)
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    model = save_model(TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), config), folder / "model")
    return score_run(folder / "s.zarr", model)


def arrays(run: ScoreRun) -> dict[str, np.ndarray]:
    _, scores = run.open()
    return {name: schema.read_array(scores, name) for name in ARRAYS}


def start(command: str, run: ScoreRun, cluster: Loopback) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", RUN, command, run.store, "--model", run.model, "--scheduler", cluster.address],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def test_score__one_two_workers_and_resumed_ones_give_the_same_arrays(
    cluster: Loopback, config: Config, tmp_path: Path
) -> None:
    """Alone, on two workers, and on two workers after the command was killed."""
    expected = made(tmp_path / "one", config)
    with loopback_cluster(1) as single:
        where = Cluster(scheduler=single.address)
        score_store(expected, where)
        normalize_scores(expected, config.normalization, where)
    two = made(tmp_path / "two", config)
    score_store(two, Cluster(scheduler=cluster.address))
    normalize_scores(two, config.normalization, Cluster(scheduler=cluster.address))
    resumed = made(tmp_path / "resumed", config)
    client = start("score", resumed, cluster)
    chunks = resumed.store / "cell" / resumed.group / "rebuilt_score/c"
    while not (chunks.is_dir() and len(list(chunks.iterdir())) >= 2) and client.poll() is None:
        time.sleep(0.005)
    os.kill(client.pid, signal.SIGKILL)
    client.communicate()
    for command in ("score", "normalize"):
        again = start(command, resumed, cluster)
        _, errors = again.communicate(timeout=120)
        assert again.returncode == 0, errors
    for run in (two, resumed):
        for name, values in arrays(expected).items():
            np.testing.assert_array_equal(arrays(run)[name], values)


def test_score__interrupted_ends_in_seconds_and_says_how_to_go_on(
    cluster: Loopback, config: Config, tmp_path: Path
) -> None:
    run = made(tmp_path, config)
    client = start("score", run, cluster)
    assert client.stderr is not None
    assert "cluster 2/2: threads; dashboard at" in client.stderr.readline()
    client.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = client.communicate(timeout=60)
    assert time.monotonic() - began < 20
    if client.returncode:  # else it was done before
        assert errors.splitlines()[-1].startswith("Interrupted; nothing is half written.")
    assert "Traceback" not in errors
