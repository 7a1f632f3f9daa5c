"""`atypeak-scale report`."""

from typing import TYPE_CHECKING

import click

from atypeak_scale.execution.executor import Executor

from .advice import commands_of, workdir_of
from .chosen import Chosen, model_options
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.scoring.scores import Scores
    from atypeak_scale.storage.locations import Location


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR", help="New folder for the page and its tables.")
@click.option("--figures", type=click.Path(), metavar="DIR",
              help="New folder for the article's figures, as SVG and PDF files.")  # fmt: skip
@click.option("--genome", default="hg38", show_default=True, metavar="NAME",
              help="Assembly in the UCSC browser, to which places in the page are linked.")  # fmt: skip
@model_options(required=True, several=True)
@executor_options
@summary_option
def report(
    chosen: Chosen, out: str | None, figures: str | None, genome: str, summary: Summary, executor: Executor
) -> None:
    """Show what was found in STORE: one page, report.html, that opens in any browser, without a network.

    What other commands kept in STORE is shown, and the folders evidence, search and releases in the folder of
    a run. What was not run is a box with the command that runs it.
    """
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.report.report import write_report

    if out is None and figures is None:
        raise click.UsageError("Missing option '--out' or '--figures'.")
    for folder in (out, figures):
        if folder is not None:
            refuse_existing_output(folder)
    scores, workdir = chosen.scores_of_each(), workdir_of(chosen.store)
    if not executor.is_elsewhere:
        import_tensorflow_quietly()
    with progress_on(executor):
        if out is not None:
            models = {str(one.objective): one.model for one in scores}
            commands = commands_of(chosen.store, models, scores[0].cell_line.name, workdir)
            page = write_report(scores, out, workdir, genome, commands, executor)
            summary.files([(page, "open it in a browser")])
        if figures is not None:
            _save_figures(scores, figures, workdir, summary, executor)


def _save_figures(
    scores: "list[Scores]", out: str, workdir: "Location | None", summary: Summary, executor: Executor
) -> None:  # fmt: skip
    from atypeak_scale.plot import save_figures
    from atypeak_scale.report.current import RELEASES, SEARCHED, folders_beside
    from atypeak_scale.scoring.named_scores import by_objective
    from atypeak_scale.storage.locations import join
    from atypeak_scale.storage.targets import target

    together, beside = by_objective(scores), folders_beside(scores, workdir)
    places: dict[str, Location] = {}
    if workdir is not None:
        found = (("search", SEARCHED), ("releases", RELEASES))
        places = {name: join(workdir, folder) for name, folder in found if folder in beside}
        truth = join(workdir, "catalogue", "truth.tsv")  # of the demo
        if target(truth).file_size() is not None:
            places["truth"] = truth
    files, missing = save_figures(together.get("article"), together.get("support"), out, executor, **places)
    summary.files(files)
    summary.sentences("missing", (f"not there: {what}; {how}" for what, how in missing))
