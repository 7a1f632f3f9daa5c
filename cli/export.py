"""`atypeak-scale export`."""

import click

from atypeak_scale.config import Precision

from .common import model_options, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="New folder or URL for the files."
)
@model_options(required=False)
def export(
    store: str,
    out: str,
    model: str | None,
    cell_line: str | None,
    crumbs: float | None,
    precision: Precision | None,
    results: str | None,
) -> None:
    """Write the scores of STORE as BED tracks, tables of weights, and one Parquet table of every scored peak.

    Peaks outside the CRMs of STORE have no score and are in no file; `info` says how many.

    --model is needed where several scored the cell line.
    """
    from atypeak_scale.scoring.blocks import score_run
    from atypeak_scale.scoring.export import export_scores

    if model is None and (crumbs is not None or precision is not None):
        raise click.UsageError("--crumbs and --precision say how a model scored; give --model too")
    run = None if model is None else score_run(store, model, cell_line, crumbs, precision, results)
    with progress_bar() as progress:
        exported = export_scores(store, out, cell_line, run, progress, results)
    for file, what in exported.files():
        click.echo(f"{file}  {what}")
