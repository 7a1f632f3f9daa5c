"""`atypeak-scale survey`."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atypeak_scale.execution.executor import Executor
from atypeak_scale.report.numbers import count

from .common import executor_options
from .progress import progress_on
from .settings import selection_of, source_options
from .split import reading_options
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.catalogue.folder import Catalogue

MOST_SHOWN = 20
# What is printed, and as what.
COLUMNS = {
    "cell_line": "cell line", "peaks": "peaks", "selected_sources": "sources", "judgeable_sources": "judged",
    "sources_in_crm": "in a CRM", "verdict": "verdict", "similar": "similar",
}  # fmt: skip


@click.command("survey")
@click.argument("peaks")
@click.argument("crms", required=False)
@click.option("--out", metavar="DIR", help="New folder for a page, survey.html, and the tables behind it.")
@click.option("--min-crm-peaks", type=click.IntRange(min=0), default=0, metavar="N",
              help="Use CRMs with N peaks or more in column 5. Default: 0, all.")  # fmt: skip
@source_options
@reading_options
@executor_options
@summary_option
def survey(
    peaks: str,
    crms: str | None,
    out: str | None,
    min_crm_peaks: int,
    convention: str | None,
    aliases: Path | None,
    summary: Summary,
    executor: Executor,
    **settings: object,
) -> None:
    """Say what PEAKS holds: cell lines, sources, and which of them can be judged.

    PEAKS is a BED file, or the folder of a catalogue, which is read faster. With CRMS, a BED file, it also
    says how many peaks lie in CRMs, and how many sources share a CRM. The options that choose sources are
    those of 'build-store', so you build what you see.
    """
    from atypeak_scale.assess.description.survey import survey as survey_of
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.report.survey_page import write_survey

    selection = selection_of(settings)
    if out is not None:
        refuse_existing_output(out)
    with progress_on(executor), _catalogue(peaks, convention, aliases, executor) as catalogue:
        found = survey_of(catalogue, crms, selection, min_crm_peaks, executor)
    lines = found.cell_lines
    verdicts = lines["verdict"].value_counts().to_dict()
    summary.say(
        f"{count(catalogue.rows, 'row')}, names from {catalogue.convention}: "
        f"{count(len(lines), 'cell line')}, of which {verdicts.get('yes', 0):,} can be judged, "
        f"{verdicts.get('few', 0):,} in part (few sources, or few in a CRM), {verdicts.get('no', 0):,} not",
        rows=catalogue.rows, convention=catalogue.convention,
    )  # fmt: skip
    summary.table("cell_lines", lines, lines[list(COLUMNS)].rename(columns=COLUMNS).head(MOST_SHOWN))
    if len(lines) > MOST_SHOWN:
        summary.say(f"and {len(lines) - MOST_SHOWN:,} more cell lines; --out keeps them all")
    if out is not None:
        summary.files([(write_survey(found, catalogue, out), "open it in a browser")])


@contextmanager
def _catalogue(
    peaks: str, convention: str | None, aliases: Path | None, executor: Executor
) -> "Iterator[Catalogue]":
    """Yield the catalogue of a folder; a file is first split into a temporary one."""
    from atypeak_scale.catalogue.aliases import read_aliases
    from atypeak_scale.catalogue.folder import is_catalogue, open_catalogue
    from atypeak_scale.catalogue.split import split_catalogue

    if is_catalogue(peaks):
        if convention is not None or aliases is not None:
            raise click.UsageError("--convention and --aliases are for files; the folder's names are read")
        yield open_catalogue(peaks)
        return
    known = None if aliases is None else read_aliases(aliases)
    with tempfile.TemporaryDirectory(prefix="atypeak-survey-") as folder:
        yield split_catalogue([peaks], f"{folder}/catalogue", convention, known, executor)
