"""The report: from scores to a folder with one page and the tables behind it."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

from atypeak_scale.execution.executor import Executor
from atypeak_scale.provenance import new_output, refuse_existing_output
from atypeak_scale.report.current import PAGE, report_provenance
from atypeak_scale.report.page import Page, Section
from atypeak_scale.report.render import TABLES, render, write_tables
from atypeak_scale.report.results import Results, results_of
from atypeak_scale.report.sections import data, experiments, good, made, modules, together, verdict
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join

BROWSER = "https://genome.ucsc.edu/cgi-bin/hgTracks?db={genome}&position={contig}:{start}-{end}"
GENOME = "hg38"  # of ReMap
SECTIONS = (verdict, experiments, modules, together, good, data)
# How each stage is run from Python; the command line puts its own commands in their place.
CALLS: dict[str, str] = {
    "support": "atypeak.train(cell_line, config, objective of support); atypeak.score(cell_line, model)",
    "article": "atypeak.train(cell_line, config); atypeak.score(cell_line, model)",
    "normalize": "atypeak.normalize(scores)",
    "qscore": "atypeak.assess.qscore(article)",
    "search": 'atypeak.assess.search(cell_line, config, "search")',
    "groups": "atypeak.assess.groups(article)",
    "ur-examples": "atypeak.assess.ur_examples(article)",
    "evidence": "atypeak.assess.power(support, article)",
    "stability": "atypeak.assess.stability(cell_line, models)",
    "show": 'atypeak.assess.module(cell_line, "PLACE", article, support)',
    "releases": "atypeak.assess.compare_releases(...)",
}


def write_report(
    scores: Scores | Sequence[Scores],
    out: Location,
    beside: Location | None = None,
    genome: str | None = GENOME,
    commands: Mapping[str, str] | None = None,
    executor: Executor | None = None,
) -> Location:
    """Write the report to a new folder, whole or not at all: the page, and a file for each of its tables.

    What other commands have computed is shown; what they have not is a box that says how to run them. Nothing
    long is computed here.

    Parameters
    ----------
    scores
        Complete scores of the article, support, or one of each.
    out
        The new folder.
    beside
        Folder in which folders of other commands may lie: `evidence`, `search`, `releases`. They are shown if
        they were made from the same scores. None means that there is none.
    genome
        Name of the assembly in the UCSC browser, to which places are linked; None makes no links.
    commands
        How to run each stage, for the boxes; None means from Python.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    Location
        The page.

    Raises
    ------
    InputError
        If `out` exists, or two scores have the same objective or other data.
    StageMissingError
        If scores are not complete.

    Examples
    --------
    >>> write_report([article, support], "hela-report")

    """
    refuse_existing_output(out)
    results = results_of(scores, beside, executor)
    page = page_of(results, genome, commands or CALLS)
    with new_output(out, report_provenance(results.each, beside)) as folder:
        write_tables(page, folder / TABLES)
        html = render(page, folder / TABLES)
        (folder / PAGE).write_text(html, encoding="utf-8")
    return join(out, PAGE)


def page_of(results: Results, genome: str | None, commands: Mapping[str, str]) -> Page:
    """Return the page with all its sections."""
    sections: list[Section] = []
    for number, module in enumerate(SECTIONS):
        sections.append(module.section(results))
        results.executor.tell("report", number + 1, len(SECTIONS))
    sections.append(made.section(results, tuple(sections)))
    browser = "" if genome is None else BROWSER.replace("{genome}", genome)
    cell_line = results.cell_line
    return Page(
        f"{cell_line.name}: which peaks should you not trust?",
        f"Report of atypeak-scale {version('atypeak-scale')}",
        results.views, tuple(sections), commands, browser,
    )  # fmt: skip
