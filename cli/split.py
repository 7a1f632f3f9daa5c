"""`atypeak-scale split`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from atypeak_scale.execution.executor import Executor
from atypeak_scale.report.numbers import count

from .common import executor_options
from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.catalogue.folder import Catalogue

MOST_SHOWN = 10


def reading_options(command: click.decorators.FC) -> click.decorators.FC:
    """Add the options that say how the names of peaks are read."""
    for option in (
        click.option("--aliases", type=click.Path(path_type=Path), metavar="FILE",
                     help="Names that mean the same: tab-separated columns kind (dataset, tr or cell_line), "
                     "name, means."),
        click.option("--convention", metavar="NAME",
                     help="How names are spelled: dataset.TR.cell_line, or TR:cell_lines, where commas "
                     "separate the cell lines. Default: recognised from the first names."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command("split")
@click.argument("peaks", nargs=-1, required=True)
@click.argument("out", type=click.Path())
@reading_options
@executor_options
@summary_option
def split(
    peaks: tuple[str, ...],
    out: str,
    convention: str | None,
    aliases: Path | None,
    summary: Summary,
    executor: Executor,
) -> None:
    """Split PEAKS by cell line into the new folder OUT, in one pass.

    PEAKS are BED files: plain, gzip, bgzip, xz or zstd, and - is standard input. The other commands take OUT
    in place of peaks and read one cell line of it. If it is stopped, the same command goes on.
    """
    from atypeak_scale.catalogue.aliases import read_aliases
    from atypeak_scale.catalogue.split import split_catalogue

    known = None if aliases is None else read_aliases(aliases)
    with progress_on(executor):
        catalogue = split_catalogue(list(peaks), out, convention, known, executor)
    tell_catalogue(summary, catalogue)
    summary.say(f"next: atypeak-scale build-store {out} CRMS STORE --cell-line NAME")


def tell_catalogue(summary: Summary, catalogue: "Catalogue") -> None:
    """Tell the cell lines of a catalogue, the largest first."""
    lines = catalogue.largest_first()
    summary.say(
        f"{count(catalogue.rows, 'row')}, names from {catalogue.convention}: "
        f"{count(len(lines), 'cell line')}",
        rows=catalogue.rows, convention=catalogue.convention, cell_lines=lines,
    )  # fmt: skip
    for line in lines[:MOST_SHOWN]:
        summary.say(f"{line.peaks:>13,} peaks {line.sources:>6,} sources  {line.name}")
    if len(lines) > MOST_SHOWN:
        summary.say(f"and {len(lines) - MOST_SHOWN:,} more, in {catalogue.path}/catalogue.json")
