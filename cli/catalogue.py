"""`atypeak-scale catalogue`."""

from pathlib import Path

import click

from atypeak_scale.execution.executor import Executor

from .common import executor_options
from .progress import progress_on
from .split import tell_catalogue
from .summary import Summary, summary_option


@click.command("catalogue")
@click.argument("samples", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path())
@click.option("--chrom-sizes", metavar="NAME",
              help="Assembly of the peaks, such as hg38, or a file of contig sizes: peaks outside are "
              "refused.")  # fmt: skip
@executor_options
@summary_option
def catalogue(samples: Path, out: str, chrom_sizes: str | None, summary: Summary, executor: Executor) -> None:
    """Make a catalogue, the new folder OUT, from the peak files that SAMPLES lists.

    SAMPLES is a sheet, comma- or tab-separated, with the columns file, dataset, tr and cell_line. Files are
    narrowPeak, broadPeak or BED, plain or compressed, or bigBed. The other commands take OUT in place of
    peaks. If it is stopped, the same command goes on.
    """
    from atypeak_scale.catalogue.samples import make_catalogue

    with progress_on(executor):
        made = make_catalogue(samples, out, chrom_sizes, executor)
    tell_catalogue(summary, made)
    summary.say(f"next: atypeak-scale survey {out}")
