"""`atypeak-scale export`."""

import click

from atypeak_scale.execution.executor import InProcess

from .chosen import Chosen, model_options
from .common import track_line_option
from .progress import progress_on
from .summary import Summary, summary_option


@click.command()
@click.option(
    "--out", required=True, type=click.Path(), metavar="DIR", help="New folder or URL for the files."
)
@model_options(required=False, several=True)
@track_line_option
@summary_option
def export(chosen: Chosen, out: str, track_line: bool, summary: Summary) -> None:
    """Write the scores of STORE as BED files, tables of sources, and one Parquet table of every scored peak.

    Peaks outside the CRMs of STORE have no score and appear in no file; `info` says how many there are.

    --model is needed if several models scored the cell line; one of the article, of support, or of
    each.
    """
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.scoring.export import DEFAULT_FORMATS, export
    from atypeak_scale.scoring.open_scores import all_complete_scores

    if not chosen.models and {chosen.crumbs, chosen.precision, chosen.placements} != {None}:
        raise click.UsageError(
            "--crumbs, --precision and --placements say how a model scored; give --model as well"
        )
    refuse_existing_output(out)
    scores = (
        chosen.scores_of_each() if chosen.models else all_complete_scores(chosen.cell_line(), chosen.results)
    )
    formats = tuple("track" if track_line and name == "bed" else name for name in DEFAULT_FORMATS)
    executor = InProcess()
    with progress_on(executor):
        exported = export(scores, out, formats, executor=executor)
    summary.files(exported.files())
