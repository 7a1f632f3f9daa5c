"""1,000,000 windows on a local cluster with a small, fast model: what the cluster itself costs."""

import tempfile
import threading
import time
from pathlib import Path

import psutil
from distributed import get_task_stream

from atypeak_scale import build_store, load_config, open_scores, open_store, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import ModelSettings
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.progress import Event
from atypeak_scale.model import save_model
from atypeak_scale.scoring.score import complete, plan_score
from benchmarks.harness import Row
from benchmarks.shapes import random_model

WINDOWS = 1_000_000
WORKERS = 2
MODEL = ModelSettings(filters=4, deep_dimension=8)
LOOK_SECONDS = 0.5


class _Memory:
    """Resident memory of this process, where client and scheduler live, by share of the blocks done."""

    def __init__(self) -> None:
        self.done = 0.0
        self.seen: list[tuple[float, float]] = []
        self._process = psutil.Process()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def listen(self, event: Event) -> None:
        """Take note of a stage's progress."""
        if event.stage == "score" and event.total:
            self.done = event.done / event.total

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self.seen.append((self.done, self._process.memory_info().rss / 1e6))

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        self._thread.join()

    def largest(self, low: float, high: float) -> float:
        """Return the largest, in MB, while that share was done."""
        return max(memory for done, memory in self.seen if low <= done <= high)


def rows() -> list[Row]:
    """Memory in the second tenth and at the end, and the time of the workers that no block filled."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = load_config("artificial").model_copy(update={"model": MODEL})
        files = simulate(ArtificialSettings(crms=WINDOWS), folder / "catalogue")
        build_store(files.peaks, files.crms, folder / "store.zarr", config)
        cell_line = open_store(folder / "store.zarr")
        model = save_model(random_model(cell_line, config), folder / "model")
        scores = open_scores(cell_line, model)
        plan, memory = plan_score(scores), _Memory()
        with (
            DaskExecutor(workers=WORKERS, progress=memory.listen) as workers,
            get_task_stream(workers.client()) as stream,
        ):
            started = time.time()
            complete(scores, workers)
            ended = time.time()
            memory.stop()
    spans = [
        (span["start"], span["stop"])
        for task in stream.data
        if task["key"].startswith("score_rows")
        for span in task["startstops"]
        if span["action"] == "compute"
    ]
    # Workers load TensorFlow and the model in their first block: counted from when each has done one.
    begun = sorted(stop for _, stop in spans)[WORKERS - 1]
    work = sum(stop - max(start, begun) for start, stop in spans if stop > begun)
    tenths = memory.largest(0.9, 1), memory.largest(0.1, 0.2)
    finished = max(stop for _, stop in spans)
    overhead = (finished - begun) * WORKERS - work
    return [
        Row("blocks", plan.blocks, None, "blocks"),
        Row("score, everything", ended - started, None, "s"),
        Row("time of the workers beside blocks", overhead, work, "s, against that of the blocks"),
        Row("client and scheduler, last tenth against second", *tenths, "MB"),
    ]
