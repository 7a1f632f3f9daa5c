"""`atypeak-scale build-store`."""

import click

from atypeak_scale.execution.executor import Executor

from .common import dry_run_option, executor_options
from .progress import progress_on
from .settings import selection_options, store_config
from .summary import Summary, summary_option


@click.command("build-store")
@click.argument("peaks")
@click.argument("crms")
@click.argument("store", type=click.Path())
@selection_options
@dry_run_option
@executor_options
@summary_option
def build_store(
    peaks: str,
    crms: str,
    store: str,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
    **settings: object,
) -> None:
    """Build the STORE of a cell line from PEAKS and CRMS.

    Both are BED files: plain, gzip, bgzip or xz, and - is standard input. PEAKS names its peaks
    dataset.TR.cell_line. If STORE exists, the cell line is added to it.
    """
    from atypeak_scale.store import build

    config = store_config(settings)
    facts: build.BuildPlan | build.BuildResult
    with progress_on(executor):
        if dry_run:
            facts = build.plan_build(peaks, crms, config, executor=executor)
        else:
            facts = build.build_store(peaks, crms, store, config, executor=executor)
    summary.facts(facts)
