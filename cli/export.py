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
@click.option(
    "--formats",
    default="bed,parquet,tsv",
    show_default=True,
    metavar="A,B",
    help="What to write. For genome browsers also bigbed, hub (UCSC track hub), igv (session), "
    "bigwig and bedgraph (mean score of the peaks at each bp); bed.gz is indexed BED.",
)
@click.option(
    "--chrom-sizes",
    metavar="FILE",
    help="hg38, hg19, mm10, mm39, or a file with name and size of each contig. Needed for bigbed, bigwig, "
    "hub and igv.",
)
@click.option(
    "--score",
    metavar="NAME",
    help="What files for genome browsers show: trust, which is 1 - doubt, or final. Default: trust if there "
    "is support.",
)
@track_line_option
@summary_option
def export(
    chosen: Chosen, out: str, formats: str, chrom_sizes: str | None, score: str | None, track_line: bool,
    summary: Summary,
) -> None:  # fmt: skip
    """Write the scores of STORE as BED files, tables of sources, and one Parquet table of every scored peak;
    or as files for genome browsers.

    Peaks outside the CRMs of STORE have no score and appear in no file; `info` says how many there are.

    --model is needed if several models scored the cell line; one of the article, of support, or of
    each.
    """
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.scoring.export import export
    from atypeak_scale.scoring.open_scores import all_complete_scores

    if not chosen.models and {chosen.crumbs, chosen.precision, chosen.placements} != {None}:
        raise click.UsageError(
            "--crumbs, --precision and --placements say how a model scored; give --model as well"
        )
    wanted = tuple(name.strip() for name in formats.split(",") if name.strip())
    if track_line and "bed" not in wanted:
        raise click.UsageError("--track-line is about BED files; name bed among the --formats as well")
    refuse_existing_output(out)
    scores = (
        chosen.scores_of_each() if chosen.models else all_complete_scores(chosen.cell_line(), chosen.results)
    )
    wanted = tuple("track" if track_line and name == "bed" else name for name in wanted)
    executor = InProcess()
    with progress_on(executor):
        exported = export(scores, out, wanted, chrom_sizes, score, executor=executor)
    summary.files(exported.files())
