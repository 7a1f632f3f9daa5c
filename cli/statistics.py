"""`atypeak-scale statistics`."""

from typing import TYPE_CHECKING, Any

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, score_option
from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    from atypeak_scale.scoring.scores import Scores
    from atypeak_scale.store.cell_line import CellLine


@click.command()
@model_options(required=False)
@click.option("--out", type=click.Path(), metavar="DIR", help="New folder for all tables, as TSV files.")
@score_option
@executor_options
@summary_option
def statistics(
    chosen: Chosen, out: str | None, score: str | None, summary: Summary, executor: Executor
) -> None:
    """Describe the data of STORE: abundance, mean CRM, correlations and overlaps of sources and labels.

    With --model, also describe its scores: quartiles by source, dataset and TR, and how they depend on the
    number of peaks in the CRM.
    """
    from atypeak_scale.assess.description.statistics_tables import statistics_tables
    from atypeak_scale.assess.results import save_tables
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.registry.columns import ABUNDANCE, DENSITY, DENSITY_TEST

    of_model = (chosen.crumbs, chosen.precision, chosen.placements, chosen.results, score)
    if not chosen.models and any(option is not None for option in of_model):
        raise click.UsageError(
            "--crumbs, --precision, --placements, --results and --score say which scores; "
            "give --model as well"
        )
    if out is not None:
        refuse_existing_output(out)
    scores = chosen.scores() if chosen.models else None
    cell_line = chosen.cell_line() if scores is None else scores.cell_line
    with progress_on(executor):
        tables = statistics_tables(cell_line, scores, executor=executor, score=score)
    shown = {table.name for table in (ABUNDANCE, DENSITY, DENSITY_TEST)}
    for table, frame in tables:
        if table.name in shown:
            summary.table(table.name, frame)
            summary.say("")
    if out is None:
        summary.say(f"--out DIR writes all tables: {', '.join(dict.fromkeys(t.name for t, _ in tables))}")
    else:
        summary.files(save_tables(tables, out, cell_line.views, _made_from(cell_line, scores, score)))


def _made_from(cell_line: "CellLine", scores: "Scores | None", score: str | None) -> dict[str, Any]:
    from atypeak_scale.scoring.named_scores import named_score

    if scores is not None:
        return named_score(scores, score).provenance(scores)
    return {"store": cell_line.made_from, "versions": {"store": cell_line.attributes["versions"]}}
