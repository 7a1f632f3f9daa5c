"""All stages in a row; a stage is skipped if its output exists, made from the same inputs and settings.

This is the only module that knows every room. Only the demo and the command line import it.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from atypeak_scale.catalogue.bed import InputFile, identify
from atypeak_scale.config import Config, load_config
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.provenance import MADE_FROM, fingerprint, read_provenance
from atypeak_scale.scoring.export import Exported, export
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import ScorePlan, complete, plan_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.build import BuildPlan, build_store, plan_build, store_provenance
from atypeak_scale.store.cell_line import CellLine, cell_lines, open_store


@dataclass(frozen=True)
class StageReport:
    """One stage of a finished run: its output, whether it was skipped, and the time it took."""

    name: str
    output: Location
    skipped: bool
    seconds: float


@dataclass(frozen=True)
class StagePlan:
    """One stage of a future run; `plan` is set if it can be known before the earlier stages have run."""

    name: str
    output: Location
    up_to_date: bool
    plan: BuildPlan | ScorePlan | None = None


@dataclass(frozen=True)
class _Stage:
    name: str
    output: Location
    up_to_date: Callable[[], bool]
    make: Callable[[], Any]


class _Run:
    """The stages of one configuration in one folder."""

    def __init__(
        self, config: Config, workdir: Location, peaks: Location, crms: Location, executor: Executor
    ) -> None:
        self.config, self.peaks, self.crms, self.executor = config, peaks, crms, executor
        self.store, self.model, self.interrupted_model, self.exported = (
            join(workdir, name) for name in ("store.zarr", "model", "model-interrupted", "scores")
        )
        self._inputs: tuple[InputFile, InputFile] | None = None

    def stages(self) -> list[_Stage]:
        return [
            _Stage("build-store", self.store, self.store_is_current, self.make_store),
            _Stage("train", self.model, self.model_is_current, self.make_model),
            _Stage("score", self.store, self.is_scored, self.make_scores),
            _Stage("normalize", self.store, self.is_normalized, self.make_normalized),
            _Stage("export", self.exported, self.is_exported, self.make_exported),
        ]

    def _made_from(self) -> dict[str, Any]:
        """Return what the store will be made from; the inputs are read once."""
        if self._inputs is None:
            self._inputs = identify(self.peaks), identify(self.crms)
        return store_provenance(self.config, *self._inputs)

    def cell_line(self) -> CellLine:
        return open_store(self.store, self.config.cell_line)

    def store_is_current(self) -> bool:
        if not target(self.store).exists():
            return False
        if self.config.cell_line not in (cell_line.name for cell_line in cell_lines(self.store)):
            return False
        return self.cell_line().made_from == self._made_from()

    def refuse_other_cell_line(self) -> None:
        """Raise InputError if there is a model or scores of another cell line here: they would be lost."""
        for folder, cell_line in (
            (self.model, self._model_cell_line()),
            (self.exported, self._exported_cell_line()),
        ):
            if cell_line not in (None, self.config.cell_line):
                raise InputError(
                    f"{folder}: is of cell line {cell_line!r}, not {self.config.cell_line!r}; "
                    "use a separate folder for each cell line",
                    argument="workdir",
                )

    def _model_cell_line(self) -> str | None:
        if not target(self.model).is_there(DESCRIPTION):
            return None
        return load_config(join(self.model, CONFIG)).cell_line

    def _exported_cell_line(self) -> str | None:
        store = (read_provenance(self.exported) or {}).get("store")
        return store.get("cell_line") if isinstance(store, dict) else None

    def make_store(self) -> None:
        build_store(self.peaks, self.crms, self.store, self.config, replace=True, executor=self.executor)

    def model_is_current(self) -> bool:
        if not target(self.model).is_there(DESCRIPTION):
            return False
        description, config = describe_model(self.model), load_config(join(self.model, CONFIG))
        return (
            description["store"] == fingerprint(self._made_from())
            and description["training"]["stopped"] != INTERRUPTED
            and (config.model, config.training) == (self.config.model, self.config.training)
        )

    def make_model(self) -> None:
        from atypeak_scale.model.files import save_model
        from atypeak_scale.model.training.train import train

        model = train(self.cell_line(), self.config, executor=self.executor)
        training = model.training
        assert training is not None
        interrupted = training.stopped == INTERRUPTED
        folder = self._place_of_model(interrupted)
        with target(folder).replacing(last=DESCRIPTION) as new:
            save_model(model, new)
        if interrupted:
            raise InterruptedStageError(
                f"training was interrupted; its best weights so far (epoch {training.kept_epoch}, loss "
                f"{training.kept_loss:.6f}) are in {folder}: use them with 'atypeak-scale score', "
                "or run the same command again to train to the end"
            )

    def _place_of_model(self, interrupted: bool) -> Location:
        """Set an interrupted model aside if a finished model exists, because that is worth more."""
        if not target(self.model).is_there(DESCRIPTION):
            return self.model
        before = describe_model(self.model)["training"]  # raises if it is not a model of ours
        finished = before is not None and before["stopped"] != INTERRUPTED
        return self.interrupted_model if interrupted and finished else self.model

    def scores(self) -> Scores:
        scoring = self.config.scoring
        return open_scores(self.cell_line(), self.model, scoring.crumbs, scoring.precision)

    def is_scored(self) -> bool:
        return self.scores().is_scored()

    def make_scores(self) -> None:
        complete(self.scores(), self.executor)

    def is_normalized(self) -> bool:
        return self.scores().normalization == self.config.normalization.model_dump(mode="json")

    def make_normalized(self) -> None:
        normalize(self.scores(), self.config.normalization, self.executor)

    def is_exported(self) -> bool:
        known = read_provenance(self.exported)
        files = [file for file, _ in Exported(self.exported).files()]
        if known is None or any(target(file).file_size() is None for file in files):
            return False
        expected = json.loads(json.dumps(self.scores().provenance()))
        return bool(known == expected)

    def make_exported(self) -> None:
        if target(self.exported).is_there(MADE_FROM):
            others = target(self.exported).names() - Exported(self.exported).names()
            if others:
                raise InputError(
                    f"{self.exported}: has files this program did not make ({', '.join(sorted(others))}); "
                    "move them, or name another folder",
                    argument="workdir",
                )
        with target(self.exported).replacing(last=MADE_FROM) as folder:
            export(self.scores(), folder, executor=self.executor)


def _prepare(
    config: Config, workdir: Location, peaks: Location | None, crms: Location | None, executor: Executor
) -> _Run:
    files = [
        _file("peaks", peaks or config.inputs.peaks),
        _file("crms", crms or config.inputs.crms),
    ]
    run = _Run(config, workdir, files[0], files[1], executor)
    run.refuse_other_cell_line()
    return run


def _file(what: str, file: Location | None) -> Location:
    if file is None:
        raise InputError(f"no {what} file; set inputs.{what} in the config, or name it", argument=what)
    if target(file).file_size() is None:
        raise InputError(f"{file}: no such file; name the right one", argument=what)
    return file


def plan_run(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    executor: Executor | None = None,
) -> list[StagePlan]:
    """Return what `run` would do, without writing to `workdir`.

    The parameters are those of `run`; the executor only reports progress.

    Raises
    ------
    InputError
        If an input is missing or wrong.

    """
    executor = executor or InProcess()
    run = _prepare(config, workdir, peaks, crms, executor)
    plans: list[StagePlan] = []
    for stage in run.stages():
        # A stage after one that will run has nothing to compare with yet.
        current = all(plan.up_to_date for plan in plans) and stage.up_to_date()
        plan: BuildPlan | ScorePlan | None = None
        if stage.name == "build-store" and not current:
            plan = plan_build(run.peaks, run.crms, config, executor)
        if stage.name == "score" and plans[-1].up_to_date and not current:
            plan = plan_score(run.scores())
        plans.append(StagePlan(stage.name, stage.output, current, plan))
    return plans


def run(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    executor: Executor | None = None,
) -> list[StageReport]:
    """Go from peak and CRM files to scored BED files in `workdir`; outputs that are up to date are kept.

    Parameters
    ----------
    config
        Settings of all stages.
    workdir
        Folder or URL, for one cell line; receives `store.zarr`, `model` and `scores`.
    peaks, crms
        BED files; None takes the files that the configuration names.
    executor
        Where the work runs; None means this process. Training always runs in this process.

    Returns
    -------
    list of StageReport
        One for each stage.

    Raises
    ------
    InputError
        If an input or a setting is wrong, or `workdir` belongs to another cell line.
    InterruptedStageError
        If Ctrl-C stopped training; its best weights are kept.

    Examples
    --------
    >>> run(load_config("hela"), "hela", "remap2018_all.bed.gz", "remap2018_crm.bed.gz")

    """
    reports = []
    for stage in _prepare(config, workdir, peaks, crms, executor or InProcess()).stages():
        started = time.monotonic()
        skipped = stage.up_to_date()
        if not skipped:
            stage.make()
        reports.append(StageReport(stage.name, stage.output, skipped, time.monotonic() - started))
    return reports


def peak_memory() -> int:
    """Return the largest resident size so far, in bytes, of this process or of any that it started."""
    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest if sys.platform == "darwin" else largest * 1024
