"""`atypeak-scale pairs`."""

import click

from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, score_option
from .progress import progress_on
from .summary import Summary, summary_option

SHOWN = 20
NOT_SHOWN = ["both_mean", "alone_mean", "mean_difference", "mann_whitney_u", "p"]


def _two_names(
    context: click.Context, option: click.Parameter, pairs: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """Refuse what the next option became part of: `--pair a,b --model m` has one name."""
    for one, other in pairs:
        if other.startswith("--"):
            raise click.BadParameter(f"expected two TRs, such as --pair ctcf rad21; found {one!r} alone")
    return pairs


@click.command()
@model_options(required=True)
@click.option(
    "--pair",
    "pairs",
    nargs=2,
    multiple=True,
    is_eager=True,
    callback=_two_names,
    metavar="A B",
    help="Only this pair of TRs; may be repeated. Default: all.",
)
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the table of all pairs, or of those named. Default: none is written."
)  # fmt: skip
@score_option
@executor_options
@summary_option
def pairs(
    chosen: Chosen,
    pairs: tuple[tuple[str, str], ...],
    out: str | None,
    score: str | None,
    summary: Summary,
    executor: Executor,
) -> None:
    """Compare the scores of each TR's peaks in CRMs with and without a peak of each other TR.

    If two TRs belong together, the peaks of one score higher in CRMs that hold the other.
    """
    from atypeak_scale.assess.description.pairs import pairs as compare
    from atypeak_scale.assess.description.pairs import pairs_table
    from atypeak_scale.assess.results import save_tables
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.scoring.named_scores import named_score

    if out is not None:
        refuse_existing_output(out)
    scores = chosen.scores()
    with progress_on(executor):
        table = compare(scores, pairs, executor=executor, score=score)
    strongest = table.sort_values("median_difference", key=abs, ascending=False, kind="stable").head(SHOWN)
    summary.table("pairs", table, strongest.drop(columns=NOT_SHOWN))
    if len(table) > SHOWN:
        summary.say(f"the {SHOWN} largest differences of medians of {len(table):,} comparisons")
    if out is not None:
        named = named_score(scores, score)
        tables = [(pairs_table(named), table)]
        summary.files(save_tables(tables, out, scores.cell_line.views, named.provenance(scores)))
