"""Scoring of HeLa on a real cluster of 1, 2 and 4 single-thread workers: the same arrays, in less time."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt
from atypeak_scale.execution.cluster import Cluster

from atypeak_scale import build_store, load_config, save_model, score_run, score_store, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, ModelSettings
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.store import schema
from benchmarks.harness import SHARED, Row
from benchmarks.loopback import loopback_cluster
from benchmarks.shapes import random_model

WORKERS = (1, 2, 4)
REPEATS = 3
ROWS_PER_BLOCK = 4096  # enough blocks for an even share among few workers
PASSES = 2  # scorings before the first that counts: workers have loaded TensorFlow and the model by then


def rows() -> list[Row]:
    """Seconds of the score stage by number of workers, one worker the baseline; and whether arrays differ."""
    with tempfile.TemporaryDirectory() as name:
        store, config = _store(Path(name))
        model = save_model(random_model(store, config), Path(name) / "model")
        run = score_run(store, model)
        expected: dict[str, npt.NDArray[np.float32]] = {}
        seconds: dict[int, float] = {}
        differing = 0
        for workers in WORKERS:
            with loopback_cluster(workers) as cluster:
                times = []
                for repeat in range(PASSES + REPEATS):
                    _forget(run)
                    started = perf_counter()
                    score_store(run, Cluster(scheduler=cluster.address))
                    if repeat >= PASSES:
                        times.append(perf_counter() - started)
            seconds[workers] = median(times)
            expected = expected or _arrays(run)
            differing += sum(
                not np.array_equal(array, expected[which]) for which, array in _arrays(run).items()
            )
    return [
        *(Row(f"score, {n} workers", seconds[n], seconds[WORKERS[0]], "s") for n in WORKERS),
        Row("from 1 to 2 workers", seconds[1] / seconds[2], None, "times faster"),
        Row("arrays that differ from those of 1 worker", differing, None, "arrays"),
    ]


def _store(folder: Path) -> tuple[Path, Config]:
    """HeLa, or, without ../shared, an artificial catalogue and a model of its sizes."""
    config = load_config("hela" if SHARED.is_dir() else "artificial")
    settings = config.store.model_copy(update={"rows_per_block": ROWS_PER_BLOCK})
    config = config.model_copy(update={"store": settings, "model": ModelSettings()})
    if SHARED.is_dir():
        files = SHARED / "data/hela.published-raw.bed.xz", SHARED / "data/crm.bed.xz"
    else:
        made = simulate(ArtificialSettings(crms=30_000), folder / "catalogue")
        files = made.peaks, made.crms
    build_store(*files, folder / "store.zarr", config)
    return folder / "store.zarr", config


def _arrays(run: ScoreRun) -> dict[str, npt.NDArray[np.float32]]:
    _, scores = run.open()
    return {name: schema.read_array(scores, name) for name in ("rebuilt_score", "raw")}


def _forget(run: ScoreRun) -> None:
    data, _ = run.open()
    del schema.open_group(run.store, data.path, "r+")[schema.SCORES]
