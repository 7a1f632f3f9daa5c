"""A K562-shaped catalogue of 107,867 windows, from its files to scored BED files, model given."""

import tempfile
from pathlib import Path

from atypeak_scale import open_store
from atypeak_scale.model import save_model
from benchmarks.harness import TOTAL, Row, timed_command
from benchmarks.shapes import k562_config, k562_shaped_catalogue, random_model

PRECISIONS = ("float32", "bfloat16")
ARTICLE_HOURS = 12


def rows() -> list[Row]:
    """Minutes of each step in a process of its own, against the article's 12 hours; largest peak memory."""
    result = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peaks, crms = k562_shaped_catalogue(folder)
        store, model = folder / "k562.zarr", folder / "model"
        built = timed_command("build-store", peaks, crms, store, "--config", "k562", "--min-crm-peaks", "0")
        build, memory = built.seconds, [built.memory]
        save_model(random_model(open_store(store), k562_config()), model)
        result.append(Row("build-store", build / 60, None, "minutes"))
        for precision in PRECISIONS:
            choice = "--model", model, "--precision", precision
            total = 0.0
            for command in ("score", "normalize", "export"):
                out = ("--out", folder / f"scores-{precision}") if command == "export" else ()
                done = timed_command(command, store, *choice, *out)
                total += done.seconds
                memory.append(done.memory)
                result.append(Row(f"{command}, {precision}", done.seconds / 60, None, "minutes"))
            case = f"scored, normalized and written, {precision}"
            result.append(Row(case, total / 60, ARTICLE_HOURS * 60, "minutes"))
            if precision == PRECISIONS[0]:
                result.append(Row(TOTAL, (build + total) / 60, ARTICLE_HOURS * 60, "minutes"))
        result.append(Row("peak memory of a process tree", max(memory) / 1e9, None, "GB"))
    return result
