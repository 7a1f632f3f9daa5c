"""The main job on all HeLa data, command by command, each a process of its own with all that it loads."""

import tempfile
from pathlib import Path
from statistics import median

from benchmarks.harness import SHARED, TOTAL, Row, timed_command

REPEATS = 3
# ../shared/README.md: the published program on two cores of this kind, quiet machine. Training: 15 epochs of
# 48 steps of 0.95 s; scoring: 107,867 windows at 15 a second with two processes.
PUBLISHED = {"build-store": 1.3, "train": 15 * 48 * 0.95, "score": 107_867 / 15, "normalize": 24.0}


def rows() -> list[Row]:
    """Seconds of every command, the median of three whole runs, and the largest memory of any."""
    data = SHARED / "data"
    if not data.is_dir():
        raise SystemExit(f"{SHARED} with the real data is absent")
    seconds: dict[str, list[float]] = {}
    memory = 0
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            store, model, out = (Path(folder) / f"{what}-{repeat}" for what in ("store", "model", "scores"))
            commands: dict[str, tuple[str | Path, ...]] = {
                "build-store": (data / "hela.published-raw.bed.xz", data / "crm.bed.xz", store,
                                "--config", "hela"),
                "train": (store, "--config", "hela", "--model", model),
                "score": (store, "--model", model),
                "normalize": (store, "--model", model),
                "export": (store, "--out", out),
            }  # fmt: skip
            for command, arguments in commands.items():
                duration, peak = timed_command(command, *arguments)
                seconds.setdefault(command, []).append(duration)
                memory = max(memory, peak)
    medians = {command: median(values) for command, values in seconds.items()}
    to_bed = sum(medians[command] for command in ("score", "normalize", "export"))
    return [
        *(Row(command, value, PUBLISHED.get(command), "s") for command, value in medians.items()),
        Row("from the store to the BED files", to_bed, None, "s"),
        Row(TOTAL, sum(medians.values()), sum(PUBLISHED.values()), "s"),
        Row("peak memory of a process tree", memory / 1e9, None, "GB"),
    ]
