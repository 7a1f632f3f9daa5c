"""All stages in a row; a stage is skipped if its output exists, made from the same inputs and settings.

This is the only module that knows every room. Only the demo and the command line import it.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from atypeak_scale.catalogue.folder import peaks_file
from atypeak_scale.catalogue.streams import InputFile, identify, require_file
from atypeak_scale.config import Config, Objective, with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.halves import refuse_one_half, with_trained_on
from atypeak_scale.model.of_run import is_trained_as, train_into
from atypeak_scale.model.places import model_cell_line
from atypeak_scale.provenance import MADE_FROM, read_provenance
from atypeak_scale.report.current import is_current
from atypeak_scale.scoring.export import Exported, export, export_provenance
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import ScorePlan, complete, plan_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.support import has_memorised
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.append import is_made_from
from atypeak_scale.store.build import BuildPlan, build_store, plan_build, store_provenance
from atypeak_scale.store.cell_line import CellLine, cell_lines, open_store
from atypeak_scale.workdir import EXPORTED, MODELS, REPORT, STAGES, STORE


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
    """needs: the stages that must be up to date for this one to be."""

    name: str
    needs: tuple[str, ...]
    output: Location
    up_to_date: Callable[[], bool]
    make: Callable[[], Any]


OBJECTIVES: tuple[Objective, ...] = ("article", "support")


class _Run:
    """The stages of one configuration in one folder."""

    def __init__(
        self, config: Config, workdir: Location, peaks: Location, crms: Location,
        objectives: Sequence[Objective], executor: Executor, commands: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.config, self.peaks, self.crms, self.executor = config, peaks, crms, executor
        self.workdir, self.objectives, self.commands = workdir, tuple(objectives), commands
        self.store, self.exported, self.reported = (join(workdir, name) for name in (STORE, EXPORTED, REPORT))
        self.models = {objective: join(workdir, name) for objective, name in MODELS.items()}
        self._inputs: tuple[InputFile, InputFile] | None = None

    def stages(self) -> list[_Stage]:
        is_scored, complete_support = partial(self.is_scored, "article"), partial(self.complete, "support")
        of_models = {
            "article": [
                self._train("train", "article"),
                _Stage("score", ("train",), self.store, is_scored, partial(self.complete, "article")),
                _Stage("normalize", ("score",), self.store, self.is_normalized, self.make_normalized),
            ],
            "support": [
                self._train("train-support", "support"),
                _Stage("support", ("train-support",), self.store, self.has_support, complete_support),
            ],
        }
        made = [of_models[objective] for objective in self.objectives]
        last = tuple(stages[-1].name for stages in made)
        return [
            _Stage("build-store", (), self.store, self.store_is_current, self.make_store),
            *(stage for stages in made for stage in stages),
            _Stage("export", last, self.exported, self.is_exported, self.make_exported),
            _Stage("report", last, self.reported, self.is_reported, self.make_report),
        ]

    def _train(self, name: str, objective: Objective) -> _Stage:
        up_to_date, make = partial(self.model_is_current, objective), partial(self.make_model, objective)
        return _Stage(name, ("build-store",), self.models[objective], up_to_date, make)

    def _made_from(self) -> dict[str, Any]:
        """Return what the store will be made from; the inputs are read once."""
        if self._inputs is None:
            self._inputs = identify(peaks_file(self.peaks, self.config.cell_line)), identify(self.crms)
        return store_provenance(self.config, *self._inputs)

    def cell_line(self) -> CellLine:
        return open_store(self.store, self.config.cell_line)

    def store_is_current(self) -> bool:
        if not target(self.store).exists():
            return False
        if self.config.cell_line not in (cell_line.name for cell_line in cell_lines(self.store)):
            return False
        # Support needs what stores of earlier versions lack.
        return is_made_from(self.cell_line(), self._made_from()) and self.cell_line().has_empty_windows

    def make_store(self) -> None:
        build_store(self.peaks, self.crms, self.store, self.config, replace=True, executor=self.executor)

    def model_is_current(self, objective: Objective) -> bool:
        wanted = with_objective(self.config, objective)
        return is_trained_as(self.models[objective], wanted, self.cell_line())

    def make_model(self, objective: Objective) -> None:
        wanted = with_objective(self.config, objective)
        train_into(self.models[objective], wanted, self.cell_line(), self.executor)

    def scores(self, objective: Objective) -> Scores:
        scoring, model = self.config.scoring, self.models[objective]
        if objective == "support":
            return support_of(self.config, self.workdir)
        return open_scores(self.cell_line(), model, scoring.crumbs, scoring.precision)

    def is_scored(self, objective: Objective) -> bool:
        return self.scores(objective).is_scored()

    def complete(self, objective: Objective) -> None:
        complete(self.scores(objective), self.executor)
        if objective == "support" and self._needs_halves():
            # Two networks, each of which judges what the other was trained on (method, section 9.4).
            self.executor.tell("support", 0, 0, "peaks were memorised; train two networks on halves instead")
            halves = with_trained_on(with_objective(self.config, objective), "halves")
            train_into(self.models[objective], halves, self.cell_line(), self.executor)
            complete(self.scores(objective), self.executor)

    def _needs_halves(self) -> bool:
        """Return whether the network of support judges peaks that it has memorised, and need not."""
        return self.config.support.trained_on == "auto" and has_memorised(self.scores("support"))

    def is_normalized(self) -> bool:
        return self.scores("article").normalization == self.config.normalization.model_dump(mode="json")

    def make_normalized(self) -> None:
        normalize(self.scores("article"), self.config.normalization, self.executor)

    def has_support(self) -> bool:
        scores = self.scores("support")
        return scores.is_complete and scores.is_scored() and not self._needs_halves()

    def is_exported(self) -> bool:
        known = read_provenance(self.exported)
        files = [file for file, _ in self._export().files()]
        if known is None or any(target(file).file_size() is None for file in files):
            return False
        expected = json.loads(json.dumps(export_provenance([self.scores(one) for one in self.objectives])))
        return bool(known == expected)

    def make_exported(self) -> None:
        if target(self.exported).is_there(MADE_FROM):
            others = target(self.exported).names() - self._export(OBJECTIVES).names()
            if others:
                raise InputError(
                    f"{self.exported}: has files this program did not make ({', '.join(sorted(others))}); "
                    "move them, or name another folder",
                    argument="workdir",
                )
        with target(self.exported).replacing(last=MADE_FROM) as folder:
            export([self.scores(one) for one in self.objectives], folder, executor=self.executor)

    def is_reported(self) -> bool:
        return is_current(self.reported, [self.scores(one) for one in self.objectives], self.workdir)

    def make_report(self) -> None:
        from atypeak_scale.report.report import write_report

        scores = [self.scores(one) for one in self.objectives]
        with target(self.reported).replacing(last=MADE_FROM) as folder:
            write_report(scores, folder, self.workdir, commands=self.commands, executor=self.executor)

    def _export(self, objectives: tuple[Objective, ...] | None = None) -> Exported:
        return Exported(self.exported, objectives=objectives or self.objectives)


def refuse_other_cell_line(workdir: Location, cell_line: str) -> None:
    """Raise InputError if a workdir holds a model or scores of another cell line: they would be lost."""
    exported = join(workdir, EXPORTED)
    store = (read_provenance(exported) or {}).get("store")
    found = {join(workdir, name): model_cell_line(join(workdir, name)) for name in MODELS.values()}
    found[exported] = store.get("cell_line") if isinstance(store, dict) else None
    for folder, there in found.items():
        if there not in (None, cell_line):
            raise InputError(
                f"{folder}: is of cell line {there!r}, not {cell_line!r}; "
                "use a separate folder for each cell line",
                argument="workdir",
            )


def _prepare(
    config: Config, workdir: Location, peaks: Location | None, crms: Location | None,
    objectives: Sequence[Objective], executor: Executor, commands: Mapping[str, str] | None = None,
) -> _Run:  # fmt: skip
    peaks = peaks or config.inputs.peaks or ""
    require_file(peaks_file(peaks, config.cell_line) if peaks else None, "peaks")
    crms = require_file(crms or config.inputs.crms, "crms")
    refuse_other_cell_line(workdir, config.cell_line)
    refuse_one_half(config, "support.trained_on")
    return _Run(config, workdir, peaks, crms, objectives, executor, commands)


def check_run(
    config: Config, workdir: Location, peaks: Location | None = None, crms: Location | None = None
) -> None:
    """Raise InputError for inputs that are missing, or a folder of another cell line; read nothing else."""
    _prepare(config, workdir, peaks, crms, OBJECTIVES, InProcess())


def plan_run(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
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
    run = _prepare(config, workdir, peaks, crms, objectives, executor)
    plans: list[StagePlan] = []
    for stage in run.stages():
        # A stage that needs one that will run has nothing to compare with yet.
        known = {plan.name: plan.up_to_date for plan in plans}
        current = all(known[name] for name in stage.needs) and stage.up_to_date()
        plan: BuildPlan | ScorePlan | None = None
        if stage.name == "build-store" and not current:
            plan = plan_build(run.peaks, run.crms, config, executor)
        if stage.name == "score" and plans[-1].up_to_date and not current:
            plan = plan_score(run.scores("article"))
        plans.append(StagePlan(stage.name, stage.output, current, plan))
    return plans


def run(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    objectives: Sequence[Objective] = OBJECTIVES,
    executor: Executor | None = None,
    commands: Mapping[str, str] | None = None,
) -> list[StageReport]:
    """Go from peak and CRM files to scored BED files and a report; what is up to date in `workdir` is kept.

    Parameters
    ----------
    config
        Settings of all stages.
    workdir
        Folder or URL, for one cell line: `store.zarr`, `model`, `support-model`, `scores`, `report`.
    peaks, crms
        BED files; None takes the files that the configuration names.
    objectives
        Which scores to make: the article's, support, or both.
    executor
        Where the work runs; None means this process. Training always runs in this process.
    commands
        How the reader of the report runs what is not in it yet, by stage; None means from Python.

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
    reports, executor = [], executor or InProcess()
    stages = _prepare(config, workdir, peaks, crms, objectives, executor, commands).stages()
    for number, stage in enumerate(stages, 1):
        started = time.monotonic()
        skipped = stage.up_to_date()
        if not skipped:
            target(workdir).refuse_unwritable()
            executor.tell(f"stage {number} of {len(stages)}", 0, 0, STAGES[stage.name])
            stage.make()
        reports.append(StageReport(stage.name, stage.output, skipped, time.monotonic() - started))
    return reports


def support_of(config: Config, workdir: Location) -> Scores:
    """Return the handle of the support that `run` makes in `workdir`."""
    cell_line = open_store(join(workdir, STORE), config.cell_line)
    model = join(workdir, MODELS["support"])
    return open_scores(cell_line, model, 0.0, config.scoring.precision, chance=config.chance)
