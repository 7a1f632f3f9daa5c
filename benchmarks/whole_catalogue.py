"""A catalogue of the shape of ReMap 2022: split, surveyed and built; against other ways; stopped and started.

ATYPEAK_MILLIONS chooses the sizes, in millions of peaks: "1.82,18.2" if it is not set, and "1.82,18.2,182" is
the whole of it. Catalogues are kept in the folder that ATYPEAK_BENCHMARKS names.
"""

import cProfile
import os
import pstats
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atypeak_scale.catalogue.folder import open_catalogue
from atypeak_scale.config import parse_config
from atypeak_scale.store.build import build_store
from benchmarks.catalogue_2022 import write_catalogue
from benchmarks.harness import COMMAND, MEMORY_SECONDS, Row, kept_folder, tree_memory

MIN_PEAKS = 100_000  # of the cell lines that are built
STOPS = 20
SEED = 1
AWK = r"""zcat "$1" | awk -F'\t' -v out="$2" '{n = index($4, "."); rest = substr($4, n + 1);
line = substr(rest, index(rest, ".") + 1); print > (out "/" line)}'"""
DUCKDB = """
import sys, duckdb
connection = duckdb.connect()
connection.execute("SET threads = 2; SET memory_limit = '1GB'; SET preserve_insertion_order = false")
connection.execute(f'''
    COPY (SELECT c0 contig, c1 "start", c2 "end", split_part(c3, '.', 1) dataset, split_part(c3, '.', 2) tr,
          regexp_replace(c3, '^[^.]*[.][^.]*[.]', '') cell_line
          FROM read_csv('{sys.argv[1]}', delim='\\t', header=false, auto_detect=false, quote='', escape='',
          columns={{'c0': 'VARCHAR', 'c1': 'BIGINT', 'c2': 'BIGINT', 'c3': 'VARCHAR', 'c4': 'VARCHAR',
          'c5': 'VARCHAR', 'c6': 'VARCHAR', 'c7': 'VARCHAR', 'c8': 'VARCHAR'}}))
    TO '{sys.argv[2]}' (FORMAT parquet, PARTITION_BY (cell_line))''')
"""


@dataclass(frozen=True)
class Measured:
    """CPU and wall time in s, and the largest memory of the process tree in GB."""

    cpu: float
    seconds: float
    memory: float


def measured(command: Sequence[str | Path]) -> Measured:
    """Run a command to its end."""
    before, started, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as run:
        while run.poll() is None:
            peak = max(peak, tree_memory(run.pid))
            time.sleep(MEMORY_SECONDS)
        assert run.stderr is not None
        errors = run.stderr.read().decode(errors="replace")
    if run.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: {errors[-1000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(cpu, time.perf_counter() - started, peak / 1e9)


def program(*arguments: str | Path) -> list[str | Path]:
    """Return a command of the program."""
    return [sys.executable, "-c", COMMAND, *arguments]


def rows() -> list[Row]:
    """Measure every size, then the other ways and the stops at the smallest."""
    folder = kept_folder("whole-catalogue")
    sizes = [float(text) for text in os.environ.get("ATYPEAK_MILLIONS", "1.82,18.2").split(",")]
    found: list[Row] = []
    for millions in sizes:
        peaks, crms = folder / f"{millions:g}.bed.gz", folder / f"{millions:g}-crms.bed.gz"
        if not peaks.exists():
            write_catalogue(peaks.with_name(f"new-{peaks.name}"), crms, round(millions * 1e6), SEED)
            peaks.with_name(f"new-{peaks.name}").rename(peaks)
        found += _one_size(folder, f"{millions:g} million peaks", peaks, crms)
    smallest = folder / f"{sizes[0]:g}.bed.gz"
    shares = shares_of_build(folder / "split", folder / f"{sizes[-1]:g}-crms.bed.gz", folder)
    return [*found, *shares, *_others(folder, smallest), _stopped(folder, smallest)]


def _fresh(folder: Path) -> Path:
    if folder.is_dir():
        shutil.rmtree(folder)
    return folder


def _one_size(folder: Path, case: str, peaks: Path, crms: Path) -> list[Row]:
    split, store, out = (_fresh(folder / name) for name in ("split", "store.zarr", "survey"))
    steps = {
        "split": program("split", peaks, split),
        "survey of the folder": program("survey", split, crms, "--out", out),
        f"all lines with {MIN_PEAKS:,} peaks built, 2 workers": program(
            "build-store", split, crms, store, "--all", "--min-peaks", str(MIN_PEAKS), "--workers", "2"
        ),
    }
    found = []
    for what, command in steps.items():
        if "built" in what and not any(line.peaks >= MIN_PEAKS for line in open_catalogue(split).lines):
            continue
        one = measured(command)
        found += [
            Row(f"{case}: {what}", one.cpu, None, "s of CPU"),
            Row(f"{case}: {what}", one.seconds, None, "s"),
            Row(f"{case}: {what}", one.memory, None, "GB, process tree"),
        ]
    return found


def shares_of_build(split: Path, crms: Path, folder: Path) -> list[Row]:
    """Build the largest cell line in this process; return what share of the time each step takes."""
    line = next(iter(open_catalogue(split).largest_first(MIN_PEAKS)))
    profile = cProfile.Profile()
    profile.runcall(
        build_store, split, crms, _fresh(folder / "one.zarr"), parse_config({"cell_line": line.name}, "")
    )
    spent = pstats.Stats(profile).get_stats_profile().func_profiles
    whole = spent["build_store"].cumtime
    steps = {"read CRMs": "read_windows", "read and sort peaks": "spool_peaks", "overlap": "overlap",
             "write arrays": "write_arrays"}  # fmt: skip
    return [
        Row(f"{line.name}, {line.peaks:,} peaks: {what}", 100 * spent[name].cumtime / whole, None, "%")
        for what, name in steps.items()
    ]


def _others(folder: Path, peaks: Path) -> list[Row]:
    """Compare splitting with other ways, in turn."""
    out = folder / "other"
    ways: dict[str, list[str | Path]] = {
        "split": program("split", peaks, out),
        "zcat and awk, without sorting": ["bash", "-c", AWK, "bash", peaks, out],
        "duckdb, without sorting": [sys.executable, "-c", DUCKDB, peaks, out],
    }
    times: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(3):
        for name, command in ways.items():
            _fresh(out)
            if "awk" in name:
                out.mkdir()
            times[name].append(measured(command))
    ours = times.pop("split")
    found = []
    for name, theirs in times.items():
        for field, unit in (("cpu", "s of CPU, median of 3 in turn"), ("memory", "GB, process tree")):
            mine, other = (float(np.median([getattr(one, field) for one in some])) for some in (ours, theirs))
            found.append(Row(f"split, against {name}", mine, other, unit))
    return found


def _stopped(folder: Path, peaks: Path) -> Row:
    """Kill splits at random moments and start them again; return how many gave another folder."""
    whole = _fresh(folder / "whole")
    seconds = measured(program("split", peaks, whole)).seconds
    expected, rng, wrong = _content(whole), np.random.default_rng(SEED), 0
    for _ in range(STOPS):
        out = _fresh(folder / "stopped")
        with subprocess.Popen(
            list(map(str, program("split", peaks, out))), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as run:
            time.sleep(float(rng.uniform(0.1, 0.95)) * seconds)
            run.send_signal(signal.SIGKILL)
        if _content(out) != expected:
            measured(program("split", peaks, out))
        wrong += _content(out) != expected
    return Row(f"split killed {STOPS} times and started again: other folders", wrong, None, "expected 0")


def _content(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and ".lock" not in file.name)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}
