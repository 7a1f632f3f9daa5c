"""The main job on all HeLa data with `atypeak-scale run`, and again from the store and the models on.

It makes both scores, the article's and support. The published program has no support: what its stages took is
the baseline of the article's stages and of the whole.
"""

import re
import shutil
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.harness import SHARED, TOTAL, Row, timed_command

REPEATS = 3
SUPPORT_STAGES = ("train-support", "support")
# ../shared/README.md: the published program on two cores of this kind, quiet machine. Training: 15 epochs of
# 48 steps of 0.95 s; scoring: 107,867 windows at 15 a second with two processes.
PUBLISHED = {"build-store": 1.3, "train": 15 * 48 * 0.95, "score": 107_867 / 15, "normalize": 24.0}
FROM_STORE_TO_DOUBT = "from the store to the doubt of every peak: train-support and support"
FROM_STORE = "from the store to the BED files, one process, loading included"


def rows() -> list[Row]:
    """Seconds of every stage and of the whole, medians of three new folders, and the largest memory."""
    data = SHARED / "data"
    if not data.is_dir():
        raise SystemExit(f"{SHARED} with the real data is absent")
    seconds: dict[str, list[float]] = {}
    memory = 0
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            workdir = Path(folder) / str(repeat)
            command = (
                "run", "hela", "--workdir", workdir,
                "--peaks", data / "hela.published-raw.bed.xz", "--crms", data / "crm.bed.xz",
            )  # fmt: skip
            whole = timed_command(*command)
            stages = re.findall(r"^(\S+)\s+([\d.]+) s ", whole.printed, re.MULTILINE)
            for stage, duration in stages:
                seconds.setdefault(stage, []).append(float(duration))
            of_support = (float(duration) for stage, duration in stages if stage in SUPPORT_STAGES)
            seconds.setdefault(FROM_STORE_TO_DOUBT, []).append(sum(of_support))
            seconds.setdefault(TOTAL, []).append(whole.seconds)
            shutil.rmtree(workdir / "scores")
            for results in ("scores", "placements"):
                shutil.rmtree(workdir / "store.zarr/hela" / results)
            again = timed_command(*command)
            seconds.setdefault(FROM_STORE, []).append(again.seconds)
            memory = max(memory, whole.memory, again.memory)
    baseline = {**PUBLISHED, TOTAL: sum(PUBLISHED.values())}
    return [
        *(Row(what, median(values), baseline.get(what), "s") for what, values in seconds.items()),
        Row("peak memory of a process tree", memory / 1e9, None, "GB"),
    ]
