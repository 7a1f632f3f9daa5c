"""`atypeak-scale score`."""

import click

from atypeak_scale.config import Precision
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import Cluster

from .common import (
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
@click.option("--part", metavar="I/N", help="Score only the I-th of N parts, for the tasks of a job array.")
@dry_run_options
@cluster_options
def score(
    store: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    part: str | None,
    dry_run: bool,
    as_json: bool,
    cluster: Cluster,
) -> None:
    """Score every peak of STORE by how well the model rebuilds it.

    Run again, it goes on where it was stopped.
    """
    from atypeak_scale.scoring import blocks

    run = blocks.score_run(store, model, cell_line, crumbs, precision, results)
    if dry_run:
        print_facts(blocks.plan_score(run), as_json)
        return
    if not cluster.is_elsewhere:
        import_tensorflow_quietly()
    if part is not None:
        number, _, parts = part.partition("/")
        if not (number.isdigit() and parts.isdigit()):
            raise InputError(f"--part {part!r}: expected two whole numbers, such as 3/10")
        with progress_bar() as progress:
            scored = blocks.score_part(run, int(number), int(parts), cluster, progress)
        click.echo(f"scored {scored:,} blocks; when all parts are done: atypeak-scale score without --part")
        return
    with progress_bar() as progress:
        done = blocks.score_store(run, cluster, progress)
    click.echo(f"scored {done.peaks:,} peaks in {done.windows:,} windows; next: atypeak-scale normalize")
