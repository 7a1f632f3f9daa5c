"""`atypeak-scale run`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.execution.progress import Event, Progress
from atypeak_scale.storage.locations import Location

from .advice import commands_of
from .chosen import FolderOrUrl
from .common import dry_run_option, executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option, tell_reports

if TYPE_CHECKING:
    from atypeak_scale.config import Config, Objective
    from atypeak_scale.pipeline import StageReport
    from atypeak_scale.prepare import Prepared


@click.command()
@click.argument("config", required=False)
@click.option("--config", "named", metavar="FILE", help="The same as CONFIG, as other commands name it.")
@click.option("--workdir", required=True, type=FolderOrUrl(file_okay=False), metavar="DIR",
              help="Folder or URL for store, model and scores; created if it does not exist.")  # fmt: skip
@click.option("--peaks", metavar="FILE", help="Peaks, BED, or the folder of a catalogue; instead of "
              "inputs.peaks of the configuration.")  # fmt: skip
@click.option("--crms", metavar="FILE", help="CRMs, BED; instead of inputs.crms of the configuration. "
              "Without a configuration, the default is to make them of the peaks.")  # fmt: skip
@click.option("--cell-line", metavar="NAME", help="The cell line, exact name; instead of the "
              "configuration's, or without one.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Without a configuration: every cell line, each in a "
              "folder of its own in DIR/lines.")  # fmt: skip
@click.option("--min-peaks", type=click.IntRange(min=0), default=0, metavar="N",
              help="With --all: leave out cell lines with fewer peaks.")  # fmt: skip
@click.option("--scores", type=click.Choice(["article", "support", "both"]), default="both",
              show_default=True, help="Which scores to make.")  # fmt: skip
@dry_run_option
@executor_options
@summary_option
def run(
    config: str | None,
    named: str | None,
    workdir: str,
    peaks: str | None,
    crms: str | None,
    cell_line: str | None,
    every: bool,
    min_peaks: int,
    scores: str,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
) -> None:
    """Go from BED files to scored BED files. CONFIG is a YAML file, or the name of a bundled one.

    Without CONFIG, name --peaks and --cell-line, or --all. It then chooses the sizes of the networks by the
    number of sources, and prints them.

    Every peak in the modules in use gets its support and the score of the article. Where its source can be
    judged, it also gets its doubt: the probability that it lies at random.

    A stage is skipped if its output is in the workdir already and was made from the same inputs and settings.
    """
    from atypeak_scale import pipeline
    from atypeak_scale.config import load_config

    objectives = [one for one in pipeline.OBJECTIVES if scores in (one, "both")]
    given = [one for one in (config, named) if one is not None]
    if len(given) > 1 or (every and (given or cell_line)) or not (every or given or cell_line):
        raise click.UsageError(
            "name a configuration, as CONFIG or with --config, a --cell-line, or both; or --all alone"
        )
    if not given:
        if dry_run:
            raise click.UsageError("--dry-run needs a configuration")
        _run_without(workdir, peaks, crms, cell_line, min_peaks, objectives, summary, executor)
        return
    settings = load_config(given[0])
    if cell_line is not None:
        settings = settings.model_copy(update={"cell_line": cell_line})
    if dry_run:
        with progress_on(executor):
            plans = pipeline.plan_run(settings, workdir, peaks, crms, objectives, executor)
        summary.facts(plans)
        return
    pipeline.check_run(settings, workdir, peaks, crms)
    with progress_on(executor):
        executor.progress = _after_tensorflow(executor.progress)
        commands = _commands(workdir, settings.cell_line)
        reports = pipeline.run(settings, workdir, peaks, crms, objectives, executor, commands)
    _tell(summary, workdir, settings, objectives, reports)


def _tell(
    summary: Summary,
    workdir: Location,
    settings: "Config",
    objectives: "Sequence[Objective]",
    reports: "list[StageReport]",
) -> None:
    """Tell the stages of a run, what support found, and where to look."""
    from atypeak_scale import pipeline
    from atypeak_scale.report.current import PAGE
    from atypeak_scale.scoring.support.summary import summary as of_support
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import REPORT

    tell_reports(summary, reports)
    if "support" in objectives:
        summary.sentences("found", of_support(pipeline.support_of(settings, workdir)))
    page = str(join(workdir, REPORT, PAGE))
    summary.say(f"Open {page} in a browser.", report=page)


def _run_without(
    workdir: str,
    peaks: str | None,
    crms: str | None,
    cell_line: str | None,
    min_peaks: int,
    objectives: "Sequence[Objective]",
    summary: Summary,
    executor: Executor,
) -> None:
    """Run one cell line, or all, without a configuration."""
    from atypeak_scale.pipeline import refuse_other_cell_line
    from atypeak_scale.prepare import prepare, run_line

    if cell_line is not None:
        refuse_other_cell_line(workdir, cell_line)
    with progress_on(executor):
        prepared = prepare(workdir, peaks, crms, executor, cell_line)
    if cell_line is None:
        summary.sentences("chosen", prepared.told)
        _run_all(prepared, workdir, min_peaks, objectives, summary, executor)
        return
    summary.sentences("chosen", [*prepared.told, prepared.of_line(cell_line)])
    with progress_on(executor):
        executor.progress = _after_tensorflow(executor.progress)
        reports = run_line(prepared, workdir, cell_line, objectives, executor, _commands)
    _tell(summary, workdir, prepared.config(cell_line), objectives, reports)


def _run_all(
    prepared: "Prepared",
    workdir: str,
    min_peaks: int,
    objectives: "Sequence[Objective]",
    summary: Summary,
    executor: Executor,
) -> None:
    from atypeak_scale.prepare import run_all

    runs = []
    with progress_on(executor):
        executor.progress = _after_tensorflow(executor.progress)
        for one in run_all(prepared, workdir, min_peaks, objectives, executor, _commands):
            runs.append(one)
            summary.say(f"{one.cell_line}: {one.problem or f'done, {one.workdir}'}")
    failed = sum(one.problem is not None for one in runs)
    summary.say(f"{len(runs) - failed:,} of {len(runs):,} cell lines are done", cell_lines=runs)
    if failed:
        raise AtypeakError(f"{failed:,} of {len(runs):,} cell lines failed")


def _commands(workdir: Location, cell_line: str) -> dict[str, str]:
    """Return what the boxes of the report in a workdir say."""
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import STORE

    return commands_of(join(workdir, STORE), {}, cell_line, workdir)


def _after_tensorflow(listener: Progress) -> Progress:
    """Return a listener that imports TensorFlow before the first stage that has work to do."""

    def listen(event: Event) -> None:
        if event.stage.startswith("stage "):
            import_tensorflow_quietly()
        listener(event)

    return listen
