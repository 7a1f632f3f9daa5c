"""A chunk of every array lost in turn; part of the benchmark of faults.

`verify` must name the array. Every command that reads results must refuse, or give exactly what it gives
without the loss because it does not need the array.
"""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import zarr

from atypeak_scale import (
    assess,
    build_store,
    export,
    normalize,
    open_scores,
    open_store,
    score,
    simulate,
    train,
    verify,
)
from atypeak_scale.catalogue.artificial import CELL_LINE, ArtificialSettings
from atypeak_scale.config import parse_config, with_objective
from atypeak_scale.errors import AtypeakError
from atypeak_scale.scoring.scores import Scores
from benchmarks.harness import Row

CRMS = 400
REFUSED, SAME, TOLD, WRONG = "refused in one line", "the same without it", "named by verify", "wrong"
VALUES: dict[str, Any] = {
    "cell_line": CELL_LINE,
    "store": {"min_crm_peaks": 0, "rows_per_block": 256, "windows_per_chunk": 64},
    "model": {"filters": 4, "deep_dimension": 8},
    "training": {"max_epochs": 1, "batches_per_epoch": 1},
    "support": {"filters": 4, "deep_dimension": 8, "epochs": 1},
    "chance": {"placements": 200},
    "normalization": {"sample": "all"},
}


def _scores(folder: Path) -> list[Scores]:
    cell_line = open_store(folder / "s.zarr")
    return [open_scores(cell_line, folder / name) for name in ("model", "support-model")]


def _exported(folder: Path) -> dict[str, bytes]:
    return _files(export(_scores(folder), folder / "out").folder)


def _ranked(folder: Path) -> dict[str, bytes]:
    assess.crms(_scores(folder), folder / "crms")
    return _files(folder / "crms")


def _explained(folder: Path) -> str:
    support = _scores(folder)[1]
    return assess.explain_peaks(support, assess.least_supported(support, 1)).to_csv()


def _described(folder: Path) -> str:
    return str(assess.pairs(_scores(folder)[1]).to_csv())


def _files(folder: Any) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


READERS: tuple[Callable[[Path], Any], ...] = (_exported, _ranked, _explained, _described)


def _prepare(folder: Path) -> None:
    config = parse_config(VALUES, "benchmark")
    made = simulate(ArtificialSettings(crms=CRMS), folder / "catalogue")
    build_store(made.peaks, made.crms, folder / "s.zarr", config)
    cell_line = open_store(folder / "s.zarr")
    train(cell_line, config, folder / "model")
    train(cell_line, with_objective(config, "support"), folder / "support-model")
    normalize(score(cell_line, folder / "model"))
    score(cell_line, folder / "support-model")


def _without(folder: Path, reader: Callable[[Path], Any], expected: Any) -> tuple[str, str]:
    """Return what a reader makes of a store that lost a chunk, and the problem if it is wrong."""
    try:
        found = reader(folder)
    except AtypeakError as error:
        return REFUSED, str(error)
    except Exception as error:
        return WRONG, f"{type(error).__name__}: {error}"
    finally:
        for name in ("out", "crms"):
            shutil.rmtree(folder / name, ignore_errors=True)
    return (SAME, "") if found == expected else (WRONG, "other output, and no error")


def rows() -> list[Row]:
    """For every reader, what it made of a lost chunk of every array."""
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="lost-chunks-") as name:
        folder = Path(name)
        _prepare(folder)
        expected = {reader: reader(folder) for reader in READERS}
        for out in ("out", "crms"):
            shutil.rmtree(folder / out, ignore_errors=True)
        store = zarr.open_group(folder / "s.zarr", mode="r")
        arrays = sorted(key for key, node in store.members(max_depth=None) if isinstance(node, zarr.Array))
        for array in arrays:
            chunks = sorted(file for file in (folder / "s.zarr" / array / "c").rglob("*") if file.is_file())
            if not chunks:
                continue
            chunk = chunks[len(chunks) // 2]
            kept = chunk.read_bytes()
            chunk.unlink()
            told = any(array in damage for damage in verify(folder / "s.zarr").damages)
            found = {"verify": (TOLD, "") if told else (WRONG, "not named")}
            for reader, whole in expected.items():
                found[reader.__name__.strip("_")] = _without(folder, reader, whole)
            chunk.write_bytes(kept)
            for who, (outcome, problem) in found.items():
                outcomes[who, outcome] += 1
                if outcome == WRONG:
                    print(f"{array} lost, {who}: {problem}", file=sys.stderr, flush=True)
    bad = sum(count for (_, outcome), count in outcomes.items() if outcome == WRONG)
    return [
        *(
            Row(f"a lost chunk, {who}: {outcome}", n, None, "arrays")
            for (who, outcome), n in outcomes.items()
        ),
        Row("lost chunks: wrong", bad, None, "tries"),
    ]
