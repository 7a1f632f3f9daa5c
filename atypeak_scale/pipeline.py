"""All stages in a row, each left out where its output is there and made from the same inputs and settings.

The only module that knows every room; nothing but the command line imports it (DESIGN 1, 2).
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
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, no_progress
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.scoring.blocks import ScorePlan, ScoreRun, is_scored, plan_score, score_run, score_store
from atypeak_scale.scoring.export import MADE_FROM, Exported, export_scores
from atypeak_scale.scoring.export import made_from as scores_made_from
from atypeak_scale.scoring.normalize import NORMALIZATION, normalize_scores
from atypeak_scale.storage import targets
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.store import schema
from atypeak_scale.store.build import BuildPlan, build_store, fingerprint, made_from, plan_build


@dataclass(frozen=True)
class StageReport:
    """One stage of a finished run: its output, whether it was left out, and how long it took."""

    name: str
    output: Location
    skipped: bool
    seconds: float


@dataclass(frozen=True)
class StagePlan:
    """One stage of a run to come; `plan` where it can be known before the stages in front of it have run."""

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
        self,
        config: Config,
        workdir: Location,
        peaks: Location,
        crms: Location,
        cluster: Cluster,
        progress: Progress,
    ) -> None:
        self.config, self.peaks, self.crms = config, peaks, crms
        self.cluster, self.progress = cluster, progress
        self.store, self.model, self.interrupted_model, self.scores = (
            join(workdir, name) for name in ("store.zarr", "model", "model-interrupted", "scores")
        )
        self._inputs: tuple[InputFile, InputFile] | None = None

    def stages(self) -> list[_Stage]:
        return [
            _Stage("build-store", self.store, self.store_is_current, self.make_store),
            _Stage("train", self.model, self.model_is_current, self.make_model),
            _Stage("score", self.store, self.is_scored, self.make_scores),
            _Stage("normalize", self.store, self.is_normalized, self.make_normalized),
            _Stage("export", self.scores, self.is_exported, self.make_exported),
        ]

    def _made_from(self) -> dict[str, Any]:
        if self._inputs is None:
            self._inputs = identify(self.peaks), identify(self.crms)
        return made_from(self.config, *self._inputs)

    def store_is_current(self) -> bool:
        if not targets.target(self.store).exists() or self.config.cell_line not in schema.cell_lines(
            self.store
        ):
            return False
        group = schema.open_cell_line(self.store, self.config.cell_line)
        return bool(dict(group.attrs)["made_from"] == self._made_from())

    def refuse_other_cell_line(self) -> None:
        """Raise InputError where model or scores of another cell line lie here: they would be lost."""
        for folder, cell_line in (
            (self.model, self._model_cell_line()),
            (self.scores, self._scores_cell_line()),
        ):
            if cell_line not in (None, self.config.cell_line):
                raise InputError(
                    f"{folder}: is of cell line {cell_line!r}, not {self.config.cell_line!r}; "
                    "name another --workdir, one for each cell line"
                )

    def _model_cell_line(self) -> str | None:
        if not targets.target(self.model).is_there(DESCRIPTION):
            return None
        return load_config(join(self.model, CONFIG)).cell_line

    def _scores_cell_line(self) -> str | None:
        store = (self._exported_from() or {}).get("store")
        return store.get("cell_line") if isinstance(store, dict) else None

    def make_store(self) -> None:
        build_store(self.peaks, self.crms, self.store, self.config, self.cluster, self.progress, replace=True)

    def model_is_current(self) -> bool:
        if not targets.target(self.model).is_there(DESCRIPTION):
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

        model = train(self.store, self.config, self.progress)
        assert model.training is not None
        interrupted = model.training.stopped == INTERRUPTED
        target = self.model
        if targets.target(target).is_there(DESCRIPTION):
            # Refuses what is no model of ours; one that was trained to its end is worth more than a part.
            before = describe_model(target)["training"]
            if interrupted and before is not None and before["stopped"] != INTERRUPTED:
                target = self.interrupted_model
        with targets.target(target).replacing(last=DESCRIPTION) as folder:
            save_model(model, folder)
        if interrupted:
            raise InterruptedStageError(
                f"training was interrupted; its best weights so far (epoch {model.training.kept_epoch}, loss "
                f"{model.training.kept_loss:.6f}) are in {target}: use them with 'atypeak-scale score', "
                "or run the same command again to train to the end"
            )

    def score_run(self) -> ScoreRun:
        scoring = self.config.scoring
        return score_run(self.store, self.model, self.config.cell_line, scoring.crumbs, scoring.precision)

    def is_scored(self) -> bool:
        return is_scored(self.score_run())

    def make_scores(self) -> None:
        score_store(self.score_run(), self.cluster, self.progress)

    def is_normalized(self) -> bool:
        _, scores = self.score_run().open()
        return bool(scores.attrs.get(NORMALIZATION) == self.config.normalization.model_dump(mode="json"))

    def make_normalized(self) -> None:
        normalize_scores(self.score_run(), self.config.normalization, self.cluster, self.progress)

    def _exported_from(self) -> dict[str, Any] | None:
        """Return what the exported scores were made from, or None where that cannot be told."""
        try:
            known = json.loads(targets.target(join(self.scores, MADE_FROM)).read_text())
        except (OSError, ValueError):
            return None
        return known if isinstance(known, dict) else None

    def is_exported(self) -> bool:
        known = self._exported_from()
        if known is None or any(
            targets.target(file).file_size() is None for file, _ in Exported(self.scores).files()
        ):
            return False
        expected = json.loads(json.dumps(scores_made_from(*self.score_run().open())))
        return bool(known == expected)

    def make_exported(self) -> None:
        if targets.target(self.scores).is_there(MADE_FROM):
            others = targets.target(self.scores).names() - Exported(self.scores).names()
            if others:
                raise InputError(
                    f"{self.scores}: holds what this program did not make ({', '.join(sorted(others))}); "
                    "move that, or name another --workdir"
                )
        with targets.target(self.scores).replacing(last=MADE_FROM) as folder:
            export_scores(self.store, folder, self.config.cell_line, self.score_run(), self.progress)


def _prepare(
    config: Config, workdir: Location, peaks: Location | None, crms: Location | None,
    cluster: Cluster, progress: Progress,
) -> _Run:  # fmt: skip
    chosen = peaks or config.inputs.peaks, crms or config.inputs.crms
    files = [_file(what, file) for what, file in zip(("peaks", "crms"), chosen, strict=True)]
    run = _Run(config, workdir, files[0], files[1], cluster, progress)
    run.refuse_other_cell_line()
    return run


def _file(what: str, file: Location | None) -> Location:
    if file is None:
        raise InputError(f"no {what} file; give --{what} FILE, or inputs.{what} in the config")
    if targets.target(file).file_size() is None:
        raise InputError(f"{file}: no such file (--{what})")
    return file


def plan_pipeline(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    progress: Progress = no_progress,
) -> list[StagePlan]:
    """Return what `run_pipeline` would do; nothing is written in `workdir`.

    Raises
    ------
    InputError
        Where an input is missing or wrong.

    """
    run = _prepare(config, workdir, peaks, crms, IN_PROCESS, progress)
    plans: list[StagePlan] = []
    for stage in run.stages():
        # A stage after one that will run has nothing to be compared with.
        current = all(plan.up_to_date for plan in plans) and stage.up_to_date()
        plan: BuildPlan | ScorePlan | None = None
        if stage.name == "build-store" and not current:
            plan = plan_build(run.peaks, run.crms, config, progress)
        if stage.name == "score" and plans[-1].up_to_date and not current:
            plan = plan_score(run.score_run())
        plans.append(StagePlan(stage.name, stage.output, current, plan))
    return plans


def run_pipeline(
    config: Config,
    workdir: Location,
    peaks: Location | None = None,
    crms: Location | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> list[StageReport]:
    """From peak and CRM files to scored BED files in `workdir`; outputs that are up to date are kept.

    peaks, crms: input files; None takes those of the config. Leaves `store.zarr`, `model` and `scores`.

    Raises
    ------
    InputError
        Where an input or a setting is wrong.
    InterruptedStageError
        Where training was stopped by Ctrl-C; its best weights are kept.

    """
    run = _prepare(config, workdir, peaks, crms, cluster, progress)
    reports = []
    for stage in run.stages():
        started = time.monotonic()
        skipped = stage.up_to_date()
        if not skipped:
            stage.make()
        reports.append(StageReport(stage.name, stage.output, skipped, time.monotonic() - started))
    return reports


def peak_memory() -> int:
    """Return the largest resident size so far, in bytes, of this process or of one it started."""
    largest = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return largest if sys.platform == "darwin" else largest * 1024
