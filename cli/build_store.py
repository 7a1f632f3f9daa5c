"""`atypeak-scale build-store`."""

import click

from atypeak_scale.errors import AtypeakError
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
@click.option("--min-peaks", type=click.IntRange(min=0), metavar="N", default=0,
              help="With --all: leave out cell lines with fewer peaks.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Build every cell line of the catalogue PEAKS.")
@click.option("--append", is_flag=True,
              help="If STORE has the cell line, add the sources that it lacks.")  # fmt: skip
@dry_run_option
@executor_options
@summary_option
def build_store(
    peaks: str,
    crms: str,
    store: str,
    every: bool,
    append: bool,
    min_peaks: int,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
    **settings: object,
) -> None:
    """Build the STORE of a cell line from PEAKS and CRMS.

    Both are BED files: plain, gzip, bgzip, xz or zstd, and - is standard input. PEAKS names its peaks
    dataset.TR.cell_line, or is the folder of a catalogue that 'split' or 'catalogue' made. If STORE exists,
    the cell line is added to it. With --append, a cell line that it has gets the new sources of PEAKS; CRMS
    and settings must be the same, and the peaks that it has are read from STORE.
    """
    from atypeak_scale.store import build

    if every:
        _build_all(peaks, crms, store, min_peaks, append, dry_run, summary, executor, settings)
        return
    config = store_config(settings)
    facts: build.BuildPlan | build.BuildResult
    with progress_on(executor):
        if dry_run:
            facts = build.plan_build(
                peaks, crms, config, executor=executor, append_to=store if append else None
            )
        else:
            facts = build.build_store(peaks, crms, store, config, executor=executor, append=append)
    summary.facts(facts)


def _build_all(
    peaks: str,
    crms: str,
    store: str,
    min_peaks: int,
    append: bool,
    dry_run: bool,
    summary: Summary,
    executor: Executor,
    settings: dict[str, object],
) -> None:
    from atypeak_scale.store.build_all import build_all

    if dry_run or settings["cell_line"] is not None:
        raise click.UsageError("--all goes with neither --dry-run nor --cell-line")
    config = store_config({**settings, "cell_line": "every"})
    with progress_on(executor):
        outcomes = build_all(peaks, crms, store, config, min_peaks, executor, append)
    for outcome in outcomes:
        if outcome.built is not None:
            made = outcome.built
            summary.say(
                f"{made.windows:>10,} windows {made.peaks:>11,} peaks {made.sources:>6,} sources  "
                f"{outcome.cell_line}"
            )
    failed = [outcome for outcome in outcomes if outcome.problem is not None]
    unchanged = [outcome for outcome in outcomes if outcome.built is None and outcome.problem is None]
    if unchanged:
        summary.say(f"{len(unchanged):,} cell lines had every source already")
    for outcome in failed:
        summary.say(f"not built: {outcome.cell_line}: {outcome.problem}")
    summary.say(
        f"{len(outcomes) - len(failed) - len(unchanged):,} cell lines built in {store}", cell_lines=outcomes
    )
    if failed:
        raise AtypeakError(f"{len(failed):,} of {len(outcomes):,} cell lines were not built")
