"""`atypeak-scale crms`."""

import click

from atypeak_scale.config import Precision
from atypeak_scale.execution.cluster import Cluster

from .common import cluster_options, model_options, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the files.")
@model_options(required=True)
@click.option("--below", type=float, default=375, show_default=True, metavar="X",
              help="Threshold of the share of low peaks, as a final score: 750 is average for the TR, 375 "
              "one standard deviation below.")  # fmt: skip
@click.option("--regions", metavar="FILE",
              help="BED file; only CRMs that overlap an interval of it are written and ranked.")  # fmt: skip
@cluster_options
def crms(
    store: str,
    out: str,
    model: str,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    below: float,
    regions: str | None,
    cluster: Cluster,
) -> None:
    """Write a table of the CRMs of STORE with the scores of their peaks, and rank them as candidate CREs.

    CRMs rank by the sum of the final scores of their peaks: many peaks, and typical ones. In the BED file the
    score is 1000 for the first, 0 for the last, and falls evenly with the rank.
    """
    from atypeak_scale.assess.regions.crms import crm_table
    from atypeak_scale.scoring.blocks import score_run

    run = score_run(store, model, cell_line, crumbs, precision, results)
    with progress_bar() as progress:
        table = crm_table(run, out, below, regions, cluster, progress)
    for file, what in table.files():
        click.echo(f"{file}  {what}")
