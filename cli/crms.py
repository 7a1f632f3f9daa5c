"""`atypeak-scale crms`."""

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, track_line_option
from .progress import progress_on
from .summary import Summary, summary_option


@click.command()
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the files.")
@model_options(required=True, several=True)
@click.option("--below", type=float, metavar="X",
              help="Final score below which a peak counts as low: 750 is average for the TR, 375 "
              "one standard deviation below.  [default: 375]")  # fmt: skip
@click.option("--regions", metavar="FILE",
              help="BED file; write and rank only the CRMs that overlap one of its intervals.")  # fmt: skip
@track_line_option
@executor_options
@summary_option
def crms(
    chosen: Chosen,
    out: str,
    below: float | None,
    regions: str | None,
    track_line: bool,
    summary: Summary,
    executor: Executor,
) -> None:
    """Write a table of the CRMs of STORE with the scores of their peaks, and rank them as candidate CREs.

    CRMs are ranked by the sum of the final scores of their peaks: many peaks and typical peaks rank high.
    With a model of support they are ranked by the sum of 1 - doubt: how many of their peaks to expect that do
    not lie at random. Name a model of each, and the table has both rankings. In a BED file the first CRM has
    the score 1000 and the last 0; the score falls evenly with the rank.
    """
    from atypeak_scale.assess.regions.crms import crms

    scores = chosen.scores_of_each()
    with progress_on(executor):
        table = crms(scores, out, below, regions, track_line, executor=executor)
    summary.files(table.files())
