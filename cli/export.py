"""`atypeak-scale export`."""

import click

from .common import cell_line_option, progress_bar


@click.command()
@click.argument("store", type=click.Path())
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the files.")
@click.option("--model", type=click.Path(exists=True, file_okay=False), metavar="DIR",
              help="Folder of the model; needed where several scored the cell line.")  # fmt: skip
@click.option(
    "--crumbs", type=click.FloatRange(min=0), metavar="C", help="With --model: the crumbs at scoring."
)
@cell_line_option()
def export(store: str, out: str, model: str | None, crumbs: float | None, cell_line: str | None) -> None:
    """Write the scores of STORE as BED tracks, tables of weights, and one Parquet table of every peak."""
    from atypeak_scale.score.blocks import score_run
    from atypeak_scale.score.export import export_scores

    run = None if model is None else score_run(store, model, cell_line, crumbs)
    with progress_bar() as progress:
        exported = export_scores(store, out, cell_line, run, progress)
    for file, what in exported.files():
        click.echo(f"{file}  {what}")
