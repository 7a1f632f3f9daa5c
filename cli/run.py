"""`atypeak-scale run`."""

import click

from atypeak_scale.execution.executor import Executor
from atypeak_scale.execution.progress import Event, Progress

from .advice import commands_of
from .chosen import FolderOrUrl
from .common import dry_run_option, executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option, tell_reports


@click.command()
@click.argument("config", required=False)
@click.option("--config", "named", metavar="FILE", help="The same as CONFIG, as other commands name it.")
@click.option("--workdir", required=True, type=FolderOrUrl(file_okay=False), metavar="DIR",
              help="Folder or URL for store, model and scores; created if it does not exist.")  # fmt: skip
@click.option("--peaks", metavar="FILE", help="Peaks, BED; instead of inputs.peaks of the configuration.")
@click.option("--crms", metavar="FILE", help="CRMs, BED; instead of inputs.crms of the configuration.")
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
    scores: str,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
) -> None:
    """Go from BED files to scored BED files. CONFIG is a YAML file, or the name of a bundled one.

    Every peak in the modules in use gets its support and the score of the article. Where its source can be
    judged, it also gets its doubt: the probability that it lies at random.

    A stage is skipped if its output is in the workdir already and was made from the same inputs and settings.
    """
    from atypeak_scale import pipeline
    from atypeak_scale.config import load_config
    from atypeak_scale.report.current import PAGE
    from atypeak_scale.scoring.support.summary import summary as of_support
    from atypeak_scale.storage.locations import join
    from atypeak_scale.workdir import REPORT, STORE

    if (config is None) == (named is None):
        raise click.UsageError("name a configuration, as CONFIG or with --config")
    settings = load_config(config or named or "")
    objectives = [one for one in pipeline.OBJECTIVES if scores in (one, "both")]
    if dry_run:
        with progress_on(executor):
            plans = pipeline.plan_run(settings, workdir, peaks, crms, objectives, executor)
        summary.facts(plans)
        return
    pipeline.check_run(settings, workdir, peaks, crms)
    with progress_on(executor):
        executor.progress = _after_tensorflow(executor.progress)
        commands = commands_of(join(workdir, STORE), {}, settings.cell_line, workdir)
        reports = pipeline.run(settings, workdir, peaks, crms, objectives, executor, commands)
    tell_reports(summary, reports)
    if "support" in objectives:
        summary.sentences("found", of_support(pipeline.support_of(settings, workdir)))
    page = str(join(workdir, REPORT, PAGE))
    summary.say(f"Open {page} in a browser.", report=page)


def _after_tensorflow(listener: Progress) -> Progress:
    """Return a listener that imports TensorFlow before the first stage that has work to do."""

    def listen(event: Event) -> None:
        if event.stage.startswith("stage "):
            import_tensorflow_quietly()
        listener(event)

    return listen
