"""`atypeak-scale crms`."""

import click

from atypeak_scale.execution.executor import Executor

from .common import Chosen, executor_options, model_options, print_files
from .progress import progress_on


@click.command()
@click.option("--out", required=True, type=click.Path(), metavar="DIR", help="New folder for the files.")
@model_options(required=True)
@click.option("--below", type=float, default=375, show_default=True, metavar="X",
              help="Threshold of the share of low peaks, as a final score: 750 is average for the TR, 375 "
              "one standard deviation below.")  # fmt: skip
@click.option("--regions", metavar="FILE",
              help="BED file; only CRMs that overlap an interval of it are written and ranked.")  # fmt: skip
@executor_options
def crms(chosen: Chosen, out: str, below: float, regions: str | None, executor: Executor) -> None:
    """Write a table of the CRMs of STORE with the scores of their peaks, and rank them as candidate CREs.

    CRMs rank by the sum of the final scores of their peaks: many peaks, and typical ones. In the BED file the
    score is 1000 for the first, 0 for the last, and falls evenly with the rank.
    """
    from atypeak_scale.assess.regions.crms import crms

    scores = chosen.scores()
    with progress_on(executor):
        table = crms(scores, out, below, regions, executor=executor)
    print_files(table.files())
