"""What tests of commands share: ways to run a command, what its options become, and what a run leaves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
from atypeak_scale.cli.commands import commands
from click.testing import CliRunner, Result

from atypeak_scale.catalogue.accounts import CrmAccount, PeakAccount
from atypeak_scale.config import Config, NormalizationSettings, parse_config
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.pipeline import StageReport
from atypeak_scale.scoring.known import Known
from atypeak_scale.scoring.score import ScorePlan
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import BuildPlan, BuildResult
from atypeak_scale.store.cell_line import CellLine, Shape

# What the library says, where its function is replaced.
PLAN = BuildPlan("cell", 9, 8, 7, 6, 5, 4000, 3_000_000)
ACCOUNTS = PeakAccount(10, 4, 1, 1, 2, 2), CrmAccount(9, 7, 1, 1)
BUILT = BuildResult(Path("s.zarr"), "cell", 6, 5, 4, 2, *ACCOUNTS)
SCORE_PLAN = ScorePlan("cell", "m", 1234, 5678, 6000, 3, 1, 400, 700_000_000)
REPORTS = [
    StageReport("build-store", Path("w/store.zarr"), True, 0.1),
    StageReport("train", Path("w/model"), False, 12.34),
]

# Options, and what they are to the library.
ADDRESS = "tcp://scheduler:8786"


@dataclass(frozen=True)
class Where:
    """Equals the executors of its kind that were made with its numbers."""

    kind: type[Executor]
    workers: int | None = None
    scheduler: str | None = None
    memory_limit: str | None = None

    def __eq__(self, other: object) -> bool:
        names = ("workers", "scheduler", "memory_limit")
        kind = other.kind if isinstance(other, Where) else type(other)
        return kind is self.kind and all(getattr(other, name, None) == getattr(self, name) for name in names)

    def __hash__(self) -> int:
        return hash(self.kind)


HERE = Where(InProcess)
EXECUTORS = [
    ([], HERE),
    (["--workers", "3"], Where(DaskExecutor, workers=3)),
    (["--scheduler", ADDRESS], Where(DaskExecutor, scheduler=ADDRESS)),
    (["--workers", "2", "--memory-limit", "3GB"], Where(DaskExecutor, workers=2, memory_limit="3GB")),
]
# To open_store and open_scores: cell line, crumbs, precision, place of the results.
MODEL_OPTIONS: list[tuple[list[str], tuple[Any, Any, Any, Any]]] = [
    ([], (None, None, None, None)),
    (["--cell-line", "k562"], ("k562", None, None, None)),
    (["--crumbs", "0.1"], (None, 0.1, None, None)),
    (["--crumbs", "0"], (None, 0.0, None, None)),
    (["--precision", "bfloat16"], (None, None, "bfloat16", None)),
    (["--precision", "float32"], (None, None, "float32", None)),
    (["--results", "elsewhere"], (None, None, None, "elsewhere")),
    (["--results", "s3://bucket/x"], (None, None, None, "s3://bucket/x")),
]
NORMALIZATIONS = [
    ([], NormalizationSettings(sample=50)),
    (["--sample", "all"], NormalizationSettings(sample="all")),
    (["--sample", "20"], NormalizationSettings(sample=20)),
    (["--sample", "0.25"], NormalizationSettings(sample=0.25)),
    (["--seed", "5"], NormalizationSettings(sample=50, seed=5)),
    (["--sample", "20", "--seed", "0"], NormalizationSettings(sample=20, seed=0)),
]

# Inputs
CRMS = "chr1\t0\t5000\tcrm\t120\n"
PEAK = "chr1\t100\t200\ta.x.cell\n"
CELL = ("--cell-line", "cell", "--min-crm-peaks", 0)
DATASETS, TRS = ("d1", "d2", "d3"), ("x", "y", "z")
STAGES = ["build-store", "train", "score", "normalize", "train-support", "support", "export", "report"]

PROGRESS = re.compile(r"[a-z]+[a-z ,\d]*(: done, [\d,]+| [\d,]+/[\d,]+: .*)|stage \d of \d: .*|train: .*")


def invoke(*arguments: str | Path) -> Result:
    """Run a command as main() does: errors are raised."""
    result = CliRunner().invoke(
        commands, [str(a) for a in arguments], standalone_mode=False, catch_exceptions=False
    )
    assert result.exit_code == 0
    return result


def printed(*arguments: str | Path) -> str:
    """Run a command and return what it printed."""
    return invoke(*arguments).stdout


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    def message(self, code: int = 2) -> str:
        """Return the error; assert that it is one line, and that nothing else but progress was said."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        # splitlines() also breaks at \r and its kin, which must not come from a file to a terminal.
        said = [line for line in self.err.splitlines() if not PROGRESS.fullmatch(line)]
        assert len(said) == 1, self.err
        assert said[0].startswith("Error: ")
        assert self.out == ""
        return said[0].removeprefix("Error: ")


# Types of the fixtures
Catalogue = tuple[Path, Path]
Run = Callable[..., Outcome]
Replace = Callable[[str, Any], Mock]
Refuse = Callable[[list[str], str], None]


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return every file with its content, and every folder, hidden ones too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return time of the last change and content of every file."""
    files = (f for f in sorted(folder.rglob("*")) if f.is_file())
    return {str(f.relative_to(folder)): (f.stat().st_mtime_ns, f.read_bytes()) for f in files}


def with_values(**values: Any) -> Config:
    return parse_config({"cell_line": "cell", **values}, "test")


def cell_line_of(name: str = "cell") -> CellLine:
    """Return the handle of a cell line that knows its sizes and is nowhere."""
    handle = CellLine("s.zarr", name)
    known = {
        "shape": Shape(1234, 320, 5), "peak_count": 5678,
        "attributes": {"views": ["dataset", "tr"], "made_from": {"cell_line": "cell"}, "versions": {}},
    }  # fmt: skip
    vars(handle).update(known)
    return handle


def scores_of(model: Path) -> Scores:
    """Return the handle of scores that are nowhere."""
    config = with_values(normalization={"sample": 50})
    found = Scores(cell_line_of(), "m-ffff", model, config, "f" * 64, 0.0, "float32", "s.zarr")
    vars(found)["known"] = Known(np.ones(5, bool))
    return found


@dataclass(frozen=True)
class Resolved:
    """The functions that make handles, replaced."""

    cell_line: Mock
    scores: Mock

    def asked(self) -> list[tuple[Any, ...]]:
        """Return store, model, cell line, crumbs, precision and place of the results of all scores."""
        assert all(call.args[0] == cell_line_of() for call in self.scores.call_args_list)
        ((store, name),) = [call.args for call in self.cell_line.call_args_list]
        return [(store, call.args[1], name, *call.args[2:]) for call in self.scores.call_args_list]


@dataclass(frozen=True)
class Finished:
    """A folder in which every stage was done, and what each command printed."""

    folder: Path
    printed: dict[str, str]

    @property
    def peaks(self) -> Path:
        return self.folder / "peaks.bed"

    @property
    def crms(self) -> Path:
        return self.folder / "crms.bed"

    @property
    def config(self) -> Path:
        return self.folder / "my.yaml"

    @property
    def store(self) -> Path:
        return self.folder / "store.zarr"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def scores(self) -> Path:
        return self.folder / "scores"

    def table(self) -> pd.DataFrame:
        return pd.read_parquet(self.scores / "peaks.parquet")


@dataclass(frozen=True)
class Truth:
    """Peaks that overlap a CRM, as the input files say; a peak's CRM is the first that it overlaps."""

    lines: list[tuple[str, int, int, str]]
    crm: list[int]
    others: list[int]
