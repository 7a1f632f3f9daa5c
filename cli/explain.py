"""`atypeak-scale explain`."""

import re
from typing import TYPE_CHECKING

import click

from atypeak_scale.errors import InputError

from .chosen import Chosen, model_options
from .common import import_tensorflow_quietly
from .summary import Summary, summary_option

if TYPE_CHECKING:
    import pandas as pd

SHOWN, SHOWN_OF_EACH = 20, 3
PEAK = re.compile(r"(?P<contig>.+):(?P<start>[0-9][0-9,]{0,30})-(?P<end>[0-9][0-9,]{0,30})")


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the full table. Default: it is only summarized.")  # fmt: skip
@click.option("--least", type=click.IntRange(min=1), metavar="K",
              help="Instead of one peak, the K least supported peaks of each source.")  # fmt: skip
@click.option("--source", metavar="DATASET.TR", help="Source of the peak: its name without the cell line.")
@click.option("--peak", metavar="CONTIG:START-END", help="The peak, as in its BED file; START is 0-based.")
@model_options(required=True, of_run=("support",))
@summary_option
def explain(
    chosen: Chosen, peak: str | None, source: str | None, least: int | None, out: str | None, summary: Summary
) -> None:  # fmt: skip
    """Say what each other source adds to the support of a peak, or would add if it had a peak there.

    Needs a scored model of support. Give either --peak and --source, or --least.
    """
    place = _place(peak, source, least)
    from atypeak_scale.provenance import refuse_existing_output

    if out is not None:
        refuse_existing_output(out)
    scores = chosen.scores()
    import_tensorflow_quietly()
    from atypeak_scale.assess.interpretation.explain import explain, explain_peaks, least_supported
    from atypeak_scale.assess.results import save_tables
    from atypeak_scale.registry.evidence_columns import EXPLANATION

    if least is not None:
        table = explain_peaks(scores, least_supported(scores, least))
        _print_least(table, scores.cell_line.views, scores.cell_line.shape.sources - 1, summary)
    else:
        assert place is not None
        assert source is not None
        table = explain(scores, *place, source)
        _print_one(table, scores.cell_line.views, summary)
    if out is not None:
        summary.files(save_tables([(EXPLANATION, table)], out, scores.cell_line.views, scores.provenance()))


def _place(peak: str | None, source: str | None, least: int | None) -> tuple[str, int, int] | None:
    """Return contig, start and end of the peak; None if none is named."""
    if (peak is None) != (source is None) or (peak is None) == (least is None):
        raise InputError("name a peak with --peak and --source, or the least supported ones with --least")
    if peak is None:
        return None
    found = PEAK.fullmatch(peak)
    if found is None:
        raise InputError(f"--peak {peak!r}: expected contig, start and end, such as chr1:1000-1500")
    start, end = (int(found[name].replace(",", "")) for name in ("start", "end"))
    return found["contig"], start, end


def _named(table: "pd.DataFrame", views: tuple[str, str]) -> "pd.Series[str]":
    """Return the name of each row's other source."""
    return table[f"other_{views[0]}"] + "." + table[f"other_{views[1]}"]


def _print_one(table: "pd.DataFrame", views: tuple[str, str], summary: Summary) -> None:
    if table.empty:
        summary.say("no other source", others=[])
        return
    peak = table.iloc[0]
    summary.say(
        f"{peak['contig']}:{peak['start']}-{peak['end']} of {peak[views[0]]}.{peak[views[1]]}: support "
        f"{peak['support']:.2f}, {table['overlaps'].sum()} other sources overlap, {table['present'].sum()} "
        f"of {len(table)} are in the window"
    )
    shown = table[["present", "overlaps", "effect", "network", "regression"]].copy()
    shown.insert(0, "other", _named(table, views))
    for is_present, head in ((1, "adds to the support"), (0, "would add, with a peak there")):
        part = shown[shown["present"] == is_present].drop(columns="present")
        if len(part):
            summary.say(f"\n{head}{f', the {SHOWN} most of {len(part)}' if len(part) > SHOWN else ''}")
            summary.table(head, part, part.head(SHOWN))


def _print_least(table: "pd.DataFrame", views: tuple[str, str], others: int, summary: Summary) -> None:
    """Print a line for each peak, which has a row for each of the others: the sources of greatest effect."""
    import pandas as pd

    if table.empty:
        summary.say("no other source", others=[])
        return
    rows = []
    for at in range(0, len(table), others):
        of_peak, one = table.iloc[at : at + others], table.iloc[at]
        effects = []
        for is_present in (1, 0):
            part = of_peak[of_peak["present"] == is_present].head(SHOWN_OF_EACH)
            pairs = zip(_named(part, views), part["effect"], strict=True)
            effects.append(", ".join(f"{name} {effect:+.2f}" for name, effect in pairs))
        place, source = f"{one['contig']}:{one['start']}-{one['end']}", f"{one[views[0]]}.{one[views[1]]}"
        rows.append((place, source, one["support"], of_peak["overlaps"].sum(), *effects))
    columns = ["peak", "source", "support", "overlapping", "adds", "would add"]
    summary.table("peaks", pd.DataFrame(rows, columns=columns))
