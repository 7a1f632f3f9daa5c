"""Two commands at once on one store, interleaved at every step; part of the benchmark of faults.

Before a step of one command (a lock, a rename to a name that others see, a chunk that is written) the other
command runs until it is done or waits for a lock. Each of the two must be right or refused in one line. Then
the store must be sound, what it calls complete must equal what the command gives alone, and nothing may be
left over.
"""

import fcntl
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
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
from atypeak_scale.config import Config, NormalizationSettings, parse_config, with_seed
from atypeak_scale.errors import AtypeakError
from atypeak_scale.provenance import read_provenance
from atypeak_scale.registry.variables import FINAL, RAW
from atypeak_scale.scoring.score import score_part
from atypeak_scale.scoring.scores import Scores
from benchmarks.harness import Row

CRMS = 40
MOST_STEPS = 12  # of one command, spread evenly over all that it has
SECONDS_TO_WAIT = 1.5  # after which the other one surely waits for a lock
SECONDS_TO_END = 60
OTHER_LINE = "other"
OTHER_SAMPLE = NormalizationSettings(sample=10, seed=5)
Command = Callable[[Path], Any]


def _config(cell_line: str = CELL_LINE, seed: int = 1) -> Config:
    values = {
        "cell_line": cell_line,
        "store": {"min_crm_peaks": 0, "rows_per_block": 32, "windows_per_chunk": 8},
        "model": {"filters": 4, "deep_dimension": 8},
        "training": {"max_epochs": 1, "batches_per_epoch": 1},
        "normalization": {"sample": "all"},
    }
    return with_seed(parse_config(values, "benchmark"), seed)


def _scores(folder: Path) -> Scores:
    return open_scores(open_store(folder / "s.zarr", CELL_LINE), folder / "model")


def build_other(folder: Path) -> Any:
    """Add another cell line to the store."""
    return build_store(folder / "peaks.bed", folder / "crms.bed", folder / "s.zarr", _config(OTHER_LINE))


def build_again(folder: Path) -> Any:
    """Replace the cell line, as `run` does."""
    config = _config()
    return build_store(folder / "peaks.bed", folder / "crms.bed", folder / "s.zarr", config, replace=True)


def score_all(folder: Path) -> Any:
    """Score every peak."""
    return score(open_store(folder / "s.zarr", CELL_LINE), folder / "model")


def score_some(folder: Path) -> Any:
    """Score one of two parts."""
    return score_part(_scores(folder), 1, 2)


def normalize_all(folder: Path) -> Any:
    """Normalize."""
    return normalize(_scores(folder))


def normalize_otherwise(folder: Path) -> Any:
    """Normalize with another sample."""
    return normalize(_scores(folder), OTHER_SAMPLE)


def export_all(folder: Path) -> Any:
    """Export."""
    return export(_scores(folder), folder / "out")


def crms(folder: Path) -> Any:
    """Rank the CRMs."""
    return assess.crms(_scores(folder), folder / "crms")


def qscore(folder: Path) -> Any:
    """Keep the Q-score with the scores."""
    return assess.qscore(_scores(folder))


def train_again(folder: Path) -> Any:
    """Train to a new folder."""
    return train(open_store(folder / "s.zarr", CELL_LINE), _config(), folder / "new-model")


def replace_model(folder: Path) -> Any:
    """Put another model in the place of the model."""
    (folder / "model").rename(folder / "model-before")
    return shutil.copytree(folder / "other-model", folder / "model")


PAIRS: tuple[tuple[Command, Command], ...] = (
    (score_all, score_all), (score_all, score_some), (score_some, score_all), (score_all, normalize_all),
    (score_all, build_other), (build_other, score_all), (score_all, build_again), (build_again, score_all),
    (score_all, replace_model), (score_all, qscore), (normalize_all, normalize_otherwise),
    (normalize_all, score_all), (normalize_all, build_again), (normalize_all, replace_model),
    (normalize_all, qscore), (export_all, normalize_otherwise), (export_all, export_all),
    (export_all, build_again), (export_all, replace_model), (crms, normalize_otherwise), (crms, build_again),
    (qscore, qscore), (qscore, build_again), (build_other, build_again), (train_again, train_again),
    (train_again, build_again),
)  # fmt: skip
NEEDS_SCORES = (normalize_all, normalize_otherwise, export_all, crms)
NEEDS_FINAL = (export_all, crms)
RIGHT, REFUSED, WRONG, HUNG = "both done", "one refused in one line", "wrong", "hung"


@contextmanager
def at_step(number: int, act: Callable[[], None]) -> Iterator[list[int]]:
    """Call `act` before step `number` of this thread; yield a list whose only item counts the steps."""
    count, thread = [0], threading.get_ident()
    flock, rename, write = fcntl.flock, Path.rename, zarr.Array.__setitem__

    def step() -> None:
        if threading.get_ident() == thread:
            count[0] += 1
            if count[0] == number:
                act()

    def stepping_flock(descriptor: int, operation: int) -> None:
        step()
        flock(descriptor, operation)

    def stepping_rename(self: Path, target: Path) -> Path:
        step()
        return rename(self, target)

    def stepping_write(self: Any, selection: Any, values: Any) -> None:
        step()
        write(self, selection, values)

    with (
        patch.object(fcntl, "flock", stepping_flock),
        patch.object(Path, "rename", stepping_rename),
        patch.object(zarr.Array, "__setitem__", stepping_write),
    ):
        yield count


@dataclass
class Ended:
    """How a command ended: with a result, refused, or with another error."""

    error: BaseException | None = None

    @property
    def is_refused(self) -> bool:
        """Whether the command line would show one line."""
        return isinstance(self.error, AtypeakError | FileNotFoundError)


def _attempt(command: Command, folder: Path) -> Ended:
    try:
        command(folder)
    except Exception as error:
        return Ended(error)
    return Ended()


class Campaign:
    """The folder that every try starts from, and what the commands give alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        plain = folder / "plain"
        plain.mkdir()
        made = simulate(ArtificialSettings(crms=CRMS), folder / "catalogue")
        lines = made.peaks.read_text().splitlines(keepends=True)
        others = [line.replace(f".{CELL_LINE}", f".{OTHER_LINE}") for line in lines[: len(lines) // 2]]
        (plain / "peaks.bed").write_text("".join(lines + others))
        shutil.copy(made.crms, plain / "crms.bed")
        build_again(plain)
        cell_line = open_store(plain / "s.zarr", CELL_LINE)
        train(cell_line, _config(), plain / "model")
        train(cell_line, _config(seed=2), plain / "other-model")
        for name, needed in (("scored", score_all), ("final", normalize_all)):
            shutil.copytree(folder / ("plain" if name == "scored" else "scored"), folder / name)
            needed(folder / name)
        shutil.copytree(folder / "final", folder / "otherwise")
        normalize_otherwise(folder / "otherwise")
        self.whole = {name: self._of(folder / name) for name in ("final", "otherwise")}
        shutil.copytree(plain, folder / "replaced")
        replace_model(folder / "replaced")
        score_all(folder / "replaced")
        normalize_all(folder / "replaced")
        self.replaced = self._of(folder / "replaced")

    def _of(self, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, bytes]]:
        """Return the arrays and the exported files of a folder in which all is done."""
        export(_scores(folder), folder / "out")
        files = {file.name: file.read_bytes() for file in sorted((folder / "out").iterdir())}
        shutil.rmtree(folder / "out")
        return self._arrays(_scores(folder)), files

    @staticmethod
    def _arrays(scores: Scores) -> dict[str, np.ndarray]:
        return {variable.name: scores.read(variable) for variable in (RAW, FINAL)}

    def run(self, first: Command, second: Command, number: int) -> tuple[str, int, str]:
        """Interleave two commands at a step; return what became of them, the steps, and what is wrong."""
        needed = {first, second}
        kind = "final" if needed & {*NEEDS_FINAL} else "scored" if needed & {*NEEDS_SCORES} else "plain"
        place = self.folder / "try"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.folder / kind, place)
        ended: list[Ended] = []
        other = threading.Thread(target=lambda: ended.append(_attempt(second, place)), daemon=True)

        def act() -> None:
            other.start()
            other.join(SECONDS_TO_WAIT)

        with at_step(number, act) as count:
            ended.append(_attempt(first, place))
            if count[0] < number:
                return RIGHT, count[0], ""
            other.join(SECONDS_TO_END)
        if other.is_alive():
            return HUNG, count[0], ""
        problem = self._problem(place, ended)
        outcome = WRONG if problem else RIGHT if all(one.error is None for one in ended) else REFUSED
        return outcome, count[0], problem

    def _problem(self, place: Path, ended: list[Ended]) -> str:
        """Return what is wrong after both have ended; nothing if all is right."""
        for one in ended:
            if one.error is not None and not one.is_refused:
                return f"{type(one.error).__name__}: {one.error}"
        if damages := verify(place / "s.zarr").damages:
            return f"damage: {damages[0]}"
        litter = [path.name for path in place.rglob(".*")]
        if litter:
            return f"left over: {litter[0]}"
        return self._wrong_export(place) or self._wrong_arrays(place)

    def _wrong_export(self, place: Path) -> str:
        out = place / "out"
        if not out.exists():
            return ""
        files = {file.name: file.read_bytes() for file in out.iterdir()}
        known = [*(files for _, files in self.whole.values()), self.replaced[1]]
        return "" if files in known else f"an export that no run alone gives: {read_provenance(out)}"

    def _wrong_arrays(self, place: Path) -> str:
        """Complete what is missing, as a user would, and compare it."""
        model_is_other = (place / "model-before").exists()
        score_all(place)
        scores = _scores(place)
        if scores.normalization is None:
            normalize_all(place)
        is_other = scores.normalization == OTHER_SAMPLE.model_dump(mode="json")
        expected = self.whole["otherwise" if is_other else "final"][0]
        if model_is_other:
            expected = self.replaced[0]
        found = self._arrays(scores)
        wrong = [name for name, values in expected.items() if not np.array_equal(found[name], values)]
        return f"other values of {', '.join(wrong)}" if wrong else ""


def rows() -> list[Row]:
    """For every pair of commands, how many interleavings were tried and what became of them."""
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="two-at-once-") as folder:
        campaign = Campaign(Path(folder))
        for first, second in PAIRS:
            pair = f"{first.__name__} while {second.__name__}".replace("_", " ")
            _, steps, _ = campaign.run(first, second, sys.maxsize)
            for number in sorted({int(step) for step in np.linspace(1, steps, min(steps, MOST_STEPS))}):
                outcome, _, problem = campaign.run(first, second, number)
                outcomes[pair, outcome] += 1
                if outcome in (WRONG, HUNG):
                    print(f"{pair}, step {number}: {outcome}: {problem}", file=sys.stderr, flush=True)
    bad = sum(count for (_, outcome), count in outcomes.items() if outcome in (WRONG, HUNG))
    return [
        *(Row(f"{pair}: {outcome}", count, None, "tries") for (pair, outcome), count in outcomes.items()),
        Row("two commands at once", outcomes.total(), None, "tries"),
        Row("two commands at once: wrong or hung", bad, None, "tries"),
    ]
