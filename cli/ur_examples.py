"""`atypeak-scale ur-examples`."""

import click

from atypeak_scale.config import Precision
from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, import_tensorflow_quietly, model_options, progress_bar


@click.command("ur-examples")
@click.argument("store", type=click.Path())
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the first noise.")
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the table of strongest sources. Default: none is written.")  # fmt: skip
@model_options(required=True)
@cluster_options
def ur_examples(
    store: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    out: str | None,
    seed: int,
    cluster: Cluster,
) -> None:
    """Show what each unit of a model's encoded layer looks for: the window that excites it most.

    The scores of STORE are neither needed nor changed. The windows are kept beside them.
    """
    if not cluster.is_elsewhere:
        import_tensorflow_quietly()
    from atypeak_scale.assess.interpretation import ur_examples as stage
    from atypeak_scale.scoring.blocks import score_run

    run = score_run(store, model, cell_line, crumbs, precision, results)
    with progress_bar() as progress:
        found = stage.ur_examples(run, seed, out, cluster, progress)
    dead = int((found["activation"] <= 0).sum())
    click.echo(f"ur-examples of {found.sizes['unit']} units, {dead} of which nothing excites")
