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
from conftest import random_catalogue

from atypeak_scale.config import Config
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import PEAK_SCORES, REBUILT_SCORE
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from benchmarks.loopback import Loopback, loopback_cluster

RUN = "from atypeak_scale.cli import main; main()"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Loopback]:
    with loopback_cluster(2) as running:
        yield running


def made(folder: Path, config: Config) -> Scores:
    """Build a store of a few hundred windows and save an untrained model."""
    catalogue = random_catalogue(folder / "catalogue", crms=200)
    build_store(*catalogue, folder / "s.zarr", config)
    network = build_autoencoder(320, 3, 3, config.model, seed=1)
    model = save_model(TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), config), folder / "model")
    return open_scores(open_store(folder / "s.zarr"), model)


def arrays(scores: Scores) -> dict[str, np.ndarray]:
    return {variable.name: scores.read(variable) for variable in (REBUILT_SCORE, *PEAK_SCORES)}


def score_and_normalize(scores: Scores, cluster: Loopback, config: Config) -> None:
    with DaskExecutor(scheduler=cluster.address) as distant:
        complete(scores, distant)
        normalize(scores, config.normalization, distant)


def start(command: str, scores: Scores, cluster: Loopback) -> "subprocess.Popen[str]":
    names = [str(scores.cell_line.store), "--model", str(scores.model), "--scheduler", cluster.address]
    return subprocess.Popen(
        [sys.executable, "-c", RUN, command, *names],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip


@pytest.mark.slow
def test_score__one_two_workers_and_resumed_ones_give_the_same_arrays(
    cluster: Loopback, config: Config, tmp_path: Path
) -> None:
    """Alone, on two workers, and on two workers after the command was killed."""
    expected = made(tmp_path / "one", config)
    with loopback_cluster(1) as single:
        score_and_normalize(expected, single, config)
    two = made(tmp_path / "two", config)
    score_and_normalize(two, cluster, config)
    resumed = made(tmp_path / "resumed", config)
    client = start("score", resumed, cluster)
    chunks = Path(resumed.location) / resumed.path / "rebuilt_score/c"
    while not (chunks.is_dir() and len(list(chunks.iterdir())) >= 2) and client.poll() is None:
        time.sleep(0.005)
    os.kill(client.pid, signal.SIGKILL)
    client.communicate()
    for command in ("score", "normalize"):
        again = start(command, resumed, cluster)
        _, errors = again.communicate(timeout=120)
        assert again.returncode == 0, errors
    for scores in (two, resumed):
        for name, values in arrays(expected).items():
            np.testing.assert_array_equal(arrays(scores)[name], values)


def test_score__interrupted_ends_in_seconds_and_says_how_to_go_on(
    cluster: Loopback, config: Config, tmp_path: Path
) -> None:
    client = start("score", made(tmp_path, config), cluster)
    assert client.stderr is not None
    assert "cluster 2/2: threads; dashboard at" in client.stderr.readline()
    client.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, errors = client.communicate(timeout=60)
    assert time.monotonic() - began < 20
    if client.returncode:  # else it was done before
        assert errors.splitlines()[-1].startswith("Interrupted; nothing is half written.")
    assert "Traceback" not in errors
