"""`atypeak-scale make-crms`."""

import shlex

import click

from atypeak_scale.execution.executor import InProcess

from .progress import progress_on
from .summary import Summary, summary_option


@click.command("make-crms")
@click.argument("peaks", nargs=-1, required=True)
@click.argument("out", type=click.Path())
@click.option("--distance", type=click.IntRange(min=0), default=0, metavar="BP",
              help="Merge peaks at most so far apart. Default: 0, those that overlap or touch.")  # fmt: skip
@click.option("--min-peaks", type=click.IntRange(min=1), default=2, metavar="N",
              help="Leave out modules with fewer peaks. Default: 2.")  # fmt: skip
@click.option("--width", type=click.IntRange(min=0), default=0, metavar="BP",
              help="First widen narrower peaks around their middle to BP, so that modules have room beside "
              "their peaks. Default: 0.")  # fmt: skip
@summary_option
def make_crms(
    peaks: tuple[str, ...], out: str, distance: int, min_peaks: int, width: int, summary: Summary
) -> None:
    """Make candidate regulatory modules (CRMs) of PEAKS: merged peaks, written to the new BED file OUT.

    PEAKS are BED files: plain, gzip, bgzip, xz or zstd, and - is standard input; or
    folders made by split or catalogue. Column 5 of OUT is the number of peaks. With
    the ending .gz it is written with bgzip.
    """
    from atypeak_scale.catalogue import merging

    executor = InProcess()
    with progress_on(executor):
        made = merging.make_crms(list(peaks), out, distance, min_peaks, width, executor)
    summary.facts(made)
    if len(peaks) == 1:
        inputs = shlex.join([*peaks, out])
        summary.say(f"next: atypeak-scale build-store {inputs} STORE --cell-line NAME --min-crm-peaks 0")
