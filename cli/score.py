"""`atypeak-scale score`."""

import click

from atypeak_scale.config import Precision

from .common import (
    as_cluster,
    cluster_options,
    dry_run_options,
    import_tensorflow_quietly,
    model_options,
    print_facts,
    progress_bar,
)


@click.command()
@click.argument("store", type=click.Path())
@model_options(required=True)
@dry_run_options
@cluster_options
def score(
    store: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    dry_run: bool,
    as_json: bool,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Score every peak of STORE by how well the model rebuilds it.

    Run again, it goes on where it was stopped.
    """
    from atypeak_scale.score import blocks

    run = blocks.score_run(store, model, cell_line, crumbs, precision)
    if dry_run:
        print_facts(blocks.plan_score(run), as_json)
        return
    import_tensorflow_quietly()
    with progress_bar() as progress:
        done = blocks.score_store(run, as_cluster(workers, scheduler), progress)
    click.echo(f"scored {done.peaks:,} peaks in {done.windows:,} windows; next: atypeak-scale normalize")
