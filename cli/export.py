"""`atypeak-scale export`."""

import click

from atypeak_scale.execution.executor import InProcess

from .common import Chosen, model_options, print_files
from .progress import progress_on


@click.command()
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="New folder or URL for the files."
)
@model_options(required=False)
def export(chosen: Chosen, out: str) -> None:
    """Write the scores of STORE as BED tracks, tables of weights, and one Parquet table of every scored peak.

    Peaks outside the CRMs of STORE have no score and appear in no file; `info` says how many there are.

    --model is needed if several models scored the cell line.
    """
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.scoring.export import export
    from atypeak_scale.scoring.open_scores import normalized_scores

    if not chosen.models and (chosen.crumbs is not None or chosen.precision is not None):
        raise click.UsageError("--crumbs and --precision say how a model scored; give --model as well")
    refuse_existing_output(out)
    scores = chosen.scores() if chosen.models else normalized_scores(chosen.cell_line(), chosen.results)
    executor = InProcess()
    with progress_on(executor):
        exported = export(scores, out, executor=executor)
    print_files(exported.files())
