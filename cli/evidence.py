"""`atypeak-scale evidence`."""

import math
from typing import TYPE_CHECKING, Any

import click

from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor

from .chosen import Chosen, model_options
from .common import executor_options, import_tensorflow_quietly
from .progress import progress_on
from .summary import Summary, summary_option

if TYPE_CHECKING:
    import pandas as pd

    from atypeak_scale.scoring.scores import Scores

SHOWN = 20
# Column of the table -> what is printed above it.
FIGURES = {
    "auroc": "AUROC", "over_counts": "over counting", "equal_counts": "equal counts",
    "absent": "absent windows",
}  # fmt: skip


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the full tables. Default: they are only summarized.")  # fmt: skip
@click.option("--work", type=click.Path(), metavar="DIR",
              help="With --confirm: folder for stores and models of the folds, so that a run that was "
              "stopped goes on. Default: a temporary one.")  # fmt: skip
@click.option("--confirm", is_flag=True,
              help="Also leave out each dataset of a TR that has several, train again, and see which score "
              "best tells the peaks that it confirms from the rest. Trains once for each.")  # fmt: skip
@model_options(required=True, several=True)
@executor_options
@summary_option
def evidence(
    chosen: Chosen, confirm: bool, work: str | None, out: str | None, summary: Summary, executor: Executor
) -> None:  # fmt: skip
    """Say which score tells the peaks of STORE from random placements, and whether it beats counting.

    Give a scored model of support, and a scored model of the article to compare with.
    """
    from atypeak_scale.assess.evidence.power import power
    from atypeak_scale.assess.evidence.replicates import confirmation, replicates
    from atypeak_scale.assess.evidence.verdict import verdict
    from atypeak_scale.assess.interpretation.corroboration import corroboration
    from atypeak_scale.assess.results import save_tables
    from atypeak_scale.provenance import refuse_existing_output
    from atypeak_scale.registry.evidence_columns import CONFIRMATION, CORROBORATION, EVIDENCE

    if work is not None and not confirm:
        raise InputError("--work is of use only with --confirm")
    if out is not None:
        refuse_existing_output(out)
    scores, article = _support_and_article(chosen.scores_of_each())
    if confirm:
        replicates(scores.cell_line)  # refused now, not after the power was measured
    if confirm or (article is not None and not executor.is_elsewhere):
        import_tensorflow_quietly()
    with progress_on(executor):
        table = power(scores, article, executor=executor)
        tables: list[tuple[Any, pd.DataFrame]] = [(EVIDENCE, table), (CORROBORATION, corroboration(scores))]
    _print_power(table, scores.cell_line.views, summary)
    if confirm:
        with progress_on(executor):
            confirmed = confirmation(scores, work, executor=executor)
        tables.append((CONFIRMATION, confirmed))
        _print_confirmation(confirmed, summary)
    if out is not None:
        summary.files(save_tables(tables, out, scores.cell_line.views, scores.provenance()))
    told = verdict(table)
    summary.say(told, verdict=told)


def _support_and_article(found: "list[Scores]") -> "tuple[Scores, Scores | None]":
    support = [one for one in found if one.objective == "support"]
    article = [one for one in found if one.objective == "article"]
    if len(support) != 1 or len(article) > 1:
        raise InputError(
            f"found {len(support)} models of support and {len(article)} of the article; name one of support, "
            "and at most one of the article", "model",
        )  # fmt: skip
    return support[0], article[0] if article else None


def _print_power(table: "pd.DataFrame", views: tuple[str, str], summary: Summary) -> None:
    means = table[table["scope"] != "source"]
    summary.table("power", table, _with_intervals(means, ["scope", "sources", "peaks", "score"]))
    sources = table[table["scope"] == "source"]
    wide = sources.pivot(index=[*views, "peaks"], columns="score", values="auroc")
    wide = wide[[*sources["score"].unique()]].reset_index()
    wide.columns.name = None
    wide = wide.sort_values("support", kind="stable", na_position="last")
    summary.say(f"\nAUROC of each source{f', the {SHOWN} least' if len(wide) > SHOWN else ''}")
    summary.table("sources", wide, wide.head(SHOWN))
    summary.say("")


def _print_confirmation(table: "pd.DataFrame", summary: Summary) -> None:
    summary.say("Confirmed peaks against the others; each source was left out of store and training")
    means = table[table["scope"] != "pair"]
    shown = _with_intervals(means, ["scope", "pairs", "peaks", "confirmed", "score"])
    summary.table("confirmation", table, shown)
    summary.say("")


def _with_intervals(table: "pd.DataFrame", columns: list[str]) -> "pd.DataFrame":
    """Return the columns, and each figure with its interval in one."""
    shown = table[columns].copy()
    for name, head in FIGURES.items():
        if name in table:
            ends = zip(table[name], table[f"{name}_low"], table[f"{name}_high"], strict=True)
            shown[head] = [
                "-" if math.isnan(value) else f"{value:.3f} ({low:.3f} to {high:.3f})"
                for value, low, high in ends
            ]
    return shown
