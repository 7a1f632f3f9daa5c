"""Dense lines: memory and time a window of training and scoring with 300 to 1,200 sources.

The article's objective has 128 filters and a deep dimension of 2,048, support its default sizes. A command
that needs more than `MOST_BYTES` is stopped, and its row says so. With ATYPEAK_DENSE_TREE another checkout is
measured, such as one of an earlier version.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from benchmarks.harness import COMMAND, MEMORY_SECONDS, Row, kept_folder, tree_memory

SIZES = (300, 600, 900, 1200)  # sources, on half as many datasets and a third as many TRs
WINDOWS = 1024
PEAKS_A_SOURCE = 1 / 40  # in a window
BATCH, FEW, MANY = 48, 1, 5  # steps
MOST_BYTES = int(float(os.environ.get("ATYPEAK_DENSE_GB", "8")) * 1e9)
TREE = os.environ.get("ATYPEAK_DENSE_TREE")
CELL_LINE = "dense"


@dataclass(frozen=True)
class Used:
    """Seconds of CPU and largest memory of a process tree in bytes; `failed` if it was stopped."""

    cpu: float
    memory: int
    failed: bool


def rows() -> list[Row]:
    """CPU milliseconds a window of a training step and of scoring, and the largest memory, by sources."""
    result = []
    for sources in SIZES:
        folder = kept_folder(f"dense-{sources}")
        store = folder / "dense.zarr"
        if not store.exists():
            used = _run("build-store", *_catalogue(folder, sources), store, "--config", _config(folder, FEW))
            result.append(Row(f"{sources} sources: build", used.memory / 1e9, None, "GB"))
        with tempfile.TemporaryDirectory(dir=folder) as name:
            for objective in ("article", "support"):
                result += _measure(f"{sources} sources: {objective}", store, Path(name), objective)
    return result


def _measure(case: str, store: Path, folder: Path, objective: str) -> list[Row]:
    result, train, model = [], {}, folder / objective
    for steps in (FEW, MANY):
        config = _config(folder, steps)
        out = folder / f"{objective}-{steps}"
        train[steps] = _run("train", store, "--config", config, "--model", out, "--objective", objective)
        if train[steps].failed:
            return [Row(f"{case}, train: stopped at", train[steps].memory / 1e9, None, "GB")]
        model = out
    each = (train[MANY].cpu - train[FEW].cpu) / ((MANY - FEW) * BATCH)
    result.append(Row(f"{case}, train", each * 1e3, None, "ms of CPU a window"))
    result.append(Row(f"{case}, train", train[MANY].memory / 1e9, None, "GB"))
    choice = ("--placements", "100") if objective == "support" else ()
    score = _run("score", store, "--model", model, *choice)
    what = "score: stopped at" if score.failed else "score"
    result.append(Row(f"{case}, {what}", score.memory / 1e9, None, "GB"))
    if not score.failed:
        result.append(
            Row(f"{case}, score", score.cpu / WINDOWS * 1e3, None, "ms of CPU a window, start included")
        )
    for row in result:
        print(f"{row.case}: {row.ours:.4g} {row.unit}", flush=True)
    return result


def _run(*arguments: str | Path) -> Used:
    """Run one command of the program; stop it if it takes too much memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    peak, failed = 0, False
    command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors, cwd=TREE) as run,
    ):
        while run.poll() is None:
            peak = max(peak, tree_memory(run.pid))
            if peak > MOST_BYTES:
                failed = True
                run.kill()
            time.sleep(MEMORY_SECONDS)
        errors.seek(0)
        if run.returncode and not failed:
            raise SystemExit(f"{' '.join(map(str, arguments))}: {errors.read()}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Used(cpu, peak, failed)


def _config(folder: Path, steps: int) -> Path:
    values = {
        "cell_line": CELL_LINE,
        "store": {"min_crm_peaks": 0},
        "model": {"filters": 128, "deep_dimension": 2048},
        "training": {"batches_per_epoch": steps, "max_epochs": 1, "shuffle_windows": 512},
        "support": {"batches_per_epoch": steps, "epochs": 1},
    }
    file = folder / f"steps-{steps}.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


def _catalogue(folder: Path, sources: int) -> tuple[Path, Path]:
    """Write peaks that crowd around the middle of their CRMs; every label has a source."""
    rng = np.random.default_rng(sources)
    datasets, trs = sources // 2, sources // 3
    cells = sorted({(s % datasets, s % trs) for s in range(datasets * trs)})
    every = [(s % datasets, (s + s // (datasets * trs)) % trs) for s in range(sources)]
    chosen = dict.fromkeys(every)
    rest = [cells[i] for i in rng.permutation(len(cells)) if cells[i] not in chosen]
    chosen |= dict.fromkeys(rest[: sources - len(chosen)])
    names = [f"d{d:03d}.t{t:03d}.{CELL_LINE}" for d, t in chosen]
    odds = rng.pareto(1.2, sources) + 0.3
    odds /= odds.sum()
    peaks, crms = folder / "peaks.bed", folder / "crms.bed"
    with peaks.open("w") as out, crms.open("w") as modules:
        for window in range(WINDOWS):
            start = 10_000 * (window + 1)
            modules.write(f"chr1\t{start}\t{start + 3200}\t.\t1\n")
            count = 1 + rng.poisson(sources * PEAKS_A_SOURCE)
            of_window = rng.choice(sources, count, p=odds)
            if window * 2 < sources:  # so that every source has some
                of_window = np.append(of_window, [2 * window % sources, (2 * window + 1) % sources])
            for source in of_window:
                middle = start + 1600 + int(rng.normal(0, 300))
                half = int(rng.lognormal(np.log(200), 0.4))
                out.write(f"chr1\t{middle - half}\t{middle + half}\t{names[source]}\n")
    return peaks, crms
