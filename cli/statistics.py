"""`atypeak-scale statistics`."""

import click
from atypeak_scale.execution.cluster import Cluster

from atypeak_scale.config import Precision

from .common import cluster_options, model_options, print_table, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@model_options(required=False)
@click.option("--out", type=click.Path(), metavar="DIR", help="New folder for all tables, as TSV files.")
@cluster_options
def statistics(
    store: str,
    model: str | None,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
    out: str | None,
    cluster: Cluster,
) -> None:
    """Describe the data of STORE: abundance, mean CRM, correlations and overlaps of sources and labels.

    With --model also its scores: quartiles by source, dataset and TR, and how they follow the number of peaks
    of the CRM.
    """
    from atypeak_scale.assess.description.statistics_tables import (
        ABUNDANCE,
        DENSITY,
        DENSITY_TEST,
        statistics_tables,
        write_tables,
    )
    from atypeak_scale.scoring.blocks import score_run
    from atypeak_scale.storage.targets import target

    if model is None and any(option is not None for option in (crumbs, precision, results)):
        raise click.UsageError("--crumbs, --precision and --results tell of a model's scores; give --model")
    if out is not None:
        target(out).refuse_existing(last=f"{ABUNDANCE}.tsv")
    run = None if model is None else score_run(store, model, cell_line, crumbs, precision, results)
    with progress_bar() as progress:
        tables = statistics_tables(store, cell_line, run, cluster, progress)
    for name in (ABUNDANCE, DENSITY, DENSITY_TEST):
        if name in tables:
            print_table(tables[name])
            click.echo()
    if out is None:
        click.echo(f"--out DIR writes all tables: {', '.join(tables)}")
    else:
        for file in write_tables(tables, out):
            click.echo(str(file))
