"""What a further window costs, and peak memory, from 10,000 to 1,000,000 windows, model of HeLa's sizes."""

import tempfile
from itertools import pairwise
from pathlib import Path

from atypeak_scale import load_config, open_store, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import ModelSettings
from atypeak_scale.model import save_model
from benchmarks.harness import Row, timed_command
from benchmarks.shapes import random_model

WINDOWS = (10_000, 100_000, 1_000_000)
COMMANDS = ("build-store", "score")


def rows() -> list[Row]:
    """Build and score each catalogue in processes of their own.

    Starting a process takes seconds whatever its work, so what is compared is the time of each further
    window: between the two smaller catalogues, the baseline, and between the two larger ones.
    """
    seconds: dict[str, list[float]] = {command: [] for command in COMMANDS}
    memory: dict[str, list[int]] = {command: [] for command in COMMANDS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = load_config("artificial").model_copy(update={"model": ModelSettings()})
        for windows in WINDOWS:
            files = simulate(ArtificialSettings(crms=windows), folder / f"catalogue-{windows}")
            store = folder / f"{windows}.zarr"
            build = files.peaks, files.crms, store, "--config", "artificial"
            for command in COMMANDS:
                arguments = build if command == "build-store" else (store, "--model", folder / "model")
                timed = timed_command(command, *arguments)
                seconds[command].append(timed.seconds)
                memory[command].append(timed.memory)
                if command == "build-store" and windows == WINDOWS[0]:
                    save_model(random_model(open_store(store), config), folder / "model")
    result = []
    for command in COMMANDS:
        further = [
            (later - earlier) / (more - fewer) * 1e6
            for (earlier, later), (fewer, more) in zip(
                pairwise(seconds[command]), pairwise(WINDOWS), strict=True
            )
        ]
        for (fewer, more), each in zip(pairwise(WINDOWS), further, strict=True):
            result.append(
                Row(f"{command}, from {fewer:,} to {more:,} windows", each, further[0], "us a window")
            )
        for windows, peak in zip(WINDOWS, memory[command], strict=True):
            result.append(
                Row(
                    f"{command}, peak memory at {windows:,} windows",
                    peak / 1e6,
                    memory[command][0] / 1e6,
                    "MB",
                )
            )
    return result
