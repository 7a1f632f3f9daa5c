"""`atypeak-scale pairs`."""

import click
from atypeak_scale.execution.cluster import Cluster

from atypeak_scale.config import Precision

from .common import cluster_options, model_options, print_table, progress_bar

SHOWN = 20
NOT_SHOWN = ["both_mean", "alone_mean", "mean_difference", "mann_whitney_u", "p"]


@click.command()
@click.argument("store", type=click.Path())
@model_options(required=True)
@click.option(
    "--pair",
    "pairs",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Show this pair of TRs only; may be repeated. Default: all.",
)
@click.option("--out", type=click.Path(), metavar="FILE", help="New TSV file for the whole table.")
@cluster_options
def pairs(
    store: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    pairs: tuple[tuple[str, str], ...],
    out: str | None,
    cluster: Cluster,
) -> None:
    """Compare the final scores of each TR's peaks in CRMs with and without a peak of each other TR.

    Where two TRs belong together, the peaks of one score higher where the other is present.
    """
    from atypeak_scale.assess.description.pairs import compare_pairs
    from atypeak_scale.assess.description.statistics_tables import write_table
    from atypeak_scale.scoring.blocks import score_run
    from atypeak_scale.storage.targets import target

    if out is not None:
        target(out).refuse_existing_file()
    run = score_run(store, model, cell_line, crumbs, precision, results)
    with progress_bar() as progress:
        table = compare_pairs(run, pairs, cluster, progress)
    strongest = table.sort_values("median_difference", key=abs, ascending=False, kind="stable").head(SHOWN)
    print_table(strongest.drop(columns=NOT_SHOWN))
    if len(table) > SHOWN:
        click.echo(f"the {SHOWN} largest differences of medians of {len(table):,} comparisons")
    if out is not None:
        write_table(table, out)
        click.echo(f"{out}  all {len(table):,} comparisons")
