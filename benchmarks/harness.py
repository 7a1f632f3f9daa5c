"""Rows of a comparison, the machine they were measured on, and the tables they are printed as."""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

COMMAND = "from atypeak_scale.cli import main; main()"
TOTAL = "the whole job"
MEMORY_SECONDS = 0.1  # between two looks at a process tree
SHARED = Path(__file__).parents[2] / "shared"


@dataclass(frozen=True)
class Row:
    """One comparison: `ours` against `baseline`, both in `unit`; ratio is ours / baseline.

    low, high: the spread of ours, if it has one; the unit says of what.
    """

    case: str
    ours: float
    baseline: float | None
    unit: str
    low: float | None = None
    high: float | None = None

    @property
    def ratio(self) -> float | None:
        """Ours over the baseline, None without one."""
        return None if not self.baseline else self.ours / self.baseline


def kept_folder(name: str) -> Path:
    """Return where a long benchmark keeps what is done: a folder in the one that ATYPEAK_BENCHMARKS names."""
    default = Path(tempfile.gettempdir()) / "atypeak-benchmarks"
    folder = Path(os.environ.get("ATYPEAK_BENCHMARKS", default)) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def interleaved(cases: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the median seconds of each case, run in turn A B C A B C, after an uncounted round."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for repeat in range(repeats + 1):
        for name, run in cases.items():
            started = time.perf_counter()
            run()
            if repeat:
                times[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in times.items()}


@dataclass(frozen=True)
class Timed:
    """What a command printed, how long it took, and the largest memory of its process tree in bytes."""

    printed: str
    seconds: float
    memory: int


def timed_command(*arguments: str | Path) -> Timed:
    """Run one command of the program in a process of its own."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        peak = 0
        command = [sys.executable, "-c", COMMAND, *map(str, arguments)]
        with subprocess.Popen(command, stdout=printed, stderr=errors) as run:
            while run.poll() is None:
                peak = max(peak, tree_memory(run.pid))
                time.sleep(MEMORY_SECONDS)
        seconds = time.perf_counter() - started
        printed.seek(0)
        errors.seek(0)
        if run.returncode:
            raise SystemExit(f"{' '.join(map(str, arguments))}: {errors.read()}")
        return Timed(printed.read(), seconds, peak)


def tree_memory(pid: int) -> int:
    """Return the resident bytes of a process and of all that it started."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    total = 0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            total += member.memory_info().rss
    return total


def against_reference(rows: Sequence[Row], folder: Path, command: str) -> Row:
    """Time the published program's own command in its folder, against the whole job of these rows."""
    ours = next(row for row in rows if row.case == TOTAL)
    started = time.perf_counter()
    subprocess.run(command, shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - started
    scale = {"s": 1, "minutes": 60}[ours.unit]
    return Row(f"{TOTAL}, against the published program in {folder}", ours.ours, seconds / scale, ours.unit)


def matrix_product_rate() -> float:
    """Measure GFLOP/s of a float32 matrix product in TensorFlow with all its threads, median of 7."""
    import tensorflow as tf

    size = 2048
    a = tf.constant(np.random.default_rng(0).random((size, size)), tf.float32)
    product = tf.function(lambda: tf.reduce_sum(tf.linalg.matmul(a, a)))
    seconds = interleaved({"product": lambda: product().numpy()}, repeats=7)["product"]
    return 2 * size**3 / seconds / 1e9


def machine() -> str:
    """Describe processor, cores and memory."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line
        ]
        name = models[0] if models else name
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{name}, {os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"


def markdown(title: str, rows: Sequence[Row]) -> str:
    """Return a table of rows, with the machine's description."""
    lines = [
        f"## {title}",
        "",
        f"{machine()}; matrix products {matrix_product_rate():.0f} GFLOP/s (float32).",
        "",
    ]
    lines += ["| case | ours | baseline | ratio | unit |", "| --- | ---: | ---: | ---: | --- |"]
    for row in rows:
        baseline = "" if row.baseline is None else f"{row.baseline:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
        spread = "" if row.low is None else f" ({row.low:,.4g} to {row.high:,.4g})"
        lines.append(f"| {row.case} | {row.ours:,.4g}{spread} | {baseline} | {ratio} | {row.unit} |")
    return "\n".join(lines)


def over_seeds(case: str, ours: Sequence[float], baseline: Sequence[float] | None, unit: str) -> Row:
    """Return means over seeds, with the lowest and highest of ours."""
    expected = None if baseline is None else float(np.mean(baseline))
    return Row(case, float(np.mean(ours)), expected, unit, min(ours), max(ours))


def write_json(file: Path, rows: Sequence[Row]) -> None:
    """Write the rows as JSON objects with case, ours, baseline, ratio and unit."""
    file.write_text(json.dumps([{**asdict(row), "ratio": row.ratio} for row in rows], indent=1) + "\n")
