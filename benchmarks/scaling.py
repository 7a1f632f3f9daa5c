"""Scoring of HeLa on a real cluster of 1, 2 and 4 single-thread workers: the same arrays, in less time."""

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import numpy.typing as npt

from atypeak_scale import build_store, executor, load_config, open_scores, open_store, score, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, ModelSettings
from atypeak_scale.model import save_model
from atypeak_scale.registry.variables import RAW, REBUILT_SCORE
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.groups import SCORES, open_group
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
        cell_line, config = _data(Path(name))
        model = save_model(random_model(cell_line, config), Path(name) / "model")
        scores = open_scores(cell_line, model)
        expected: dict[str, npt.NDArray[np.float32]] = {}
        seconds: dict[int, float] = {}
        differing = 0
        for workers in WORKERS:
            with loopback_cluster(workers) as cluster:
                times = []
                for repeat in range(PASSES + REPEATS):
                    _forget(cell_line)
                    started = perf_counter()
                    with executor(scheduler=cluster.address) as workers_of_cluster:
                        score(cell_line, model, executor=workers_of_cluster)
                    if repeat >= PASSES:
                        times.append(perf_counter() - started)
            seconds[workers] = median(times)
            expected = expected or _arrays(scores)
            differing += sum(
                not np.array_equal(array, expected[which]) for which, array in _arrays(scores).items()
            )
    return [
        *(Row(f"score, {n} workers", seconds[n], seconds[WORKERS[0]], "s") for n in WORKERS),
        Row("from 1 to 2 workers", seconds[1] / seconds[2], None, "times faster"),
        Row("arrays that differ from those of 1 worker", differing, None, "arrays"),
    ]


def _data(folder: Path) -> tuple[CellLine, Config]:
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
    return open_store(folder / "store.zarr"), config


def _arrays(scores: Scores) -> dict[str, npt.NDArray[np.float32]]:
    return {variable.name: scores.read(variable) for variable in (REBUILT_SCORE, RAW)}


def _forget(cell_line: CellLine) -> None:
    group = open_group(cell_line.store, cell_line.path, "r+")
    if SCORES in group:
        del group[SCORES]
