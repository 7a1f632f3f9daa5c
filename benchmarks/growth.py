"""Time a window and peak memory, from 10,000 to 1,000,000 windows, with a model of HeLa's sizes."""

import tempfile
from pathlib import Path

from atypeak_scale import load_config, save_model, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import ModelSettings
from benchmarks.harness import Row, timed_command
from benchmarks.shapes import random_model

WINDOWS = (10_000, 100_000, 1_000_000)


def rows() -> list[Row]:
    """Build and score each catalogue in processes of their own; the smallest is the baseline."""
    result: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = load_config("artificial").model_copy(update={"model": ModelSettings()})
        first: dict[str, float] = {}
        for windows in WINDOWS:
            files = simulate(ArtificialSettings(crms=windows), folder / f"catalogue-{windows}")
            store = folder / f"{windows}.zarr"
            build, build_peak = timed_command(
                "build-store", files.peaks, files.crms, store, "--config", "artificial"
            )
            if windows == WINDOWS[0]:
                save_model(random_model(store, config), folder / "model")
            score, score_peak = timed_command("score", store, "--model", folder / "model")
            measured = {
                ("build-store", "us a window"): build / windows * 1e6,
                ("score", "us a window"): score / windows * 1e6,
                ("build-store, peak memory", "MB"): build_peak / 1e6,
                ("score, peak memory", "MB"): score_peak / 1e6,
            }
            for (what, unit), value in measured.items():
                first.setdefault(what, value)
                result.append(Row(f"{windows:,} windows, {what}", value, first[what], unit))
    return result
