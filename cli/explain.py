"""`atypeak-scale explain`."""

import math
import re
from typing import TYPE_CHECKING

import click

from atypeak_scale.errors import InputError

from .chosen import Chosen, model_options
from .common import import_tensorflow_quietly
from .summary import Summary, summary_option

if TYPE_CHECKING:
    import pandas as pd

    from atypeak_scale.scoring.scores import Scores

DISTRUSTED = 0.5  # doubt: more likely random than not
SHOWN, SHOWN_OF_EACH = 20, 1  # a line with more would not fit a terminal
PEAK = re.compile(r"(?P<contig>.+):(?P<start>[0-9][0-9,]{0,30})-(?P<end>[0-9][0-9,]{0,30})")


@click.command()
@click.option("--out", type=click.Path(), metavar="DIR",
              help="New folder for the full table. Default: it is only summarized.")  # fmt: skip
@click.option("--least", type=click.IntRange(min=1), metavar="K",
              help="Instead of one peak, the K least supported peaks of each source.")  # fmt: skip
@click.option("--source", metavar="DATASET.TR", help="Source of the peak: its name without the cell line.")
@click.option("--peak", metavar="CONTIG:START-END",
              help="The peak, as in its BED file or as browsers write it, from 1.")  # fmt: skip
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
    from atypeak_scale.assess.interpretation.explain import explain_peaks, find_peak, least_supported
    from atypeak_scale.assess.results import save_tables
    from atypeak_scale.registry.evidence_columns import EXPLANATION
    from atypeak_scale.store.cell_line import require_source

    scores.require_support()
    scores.require_complete()
    if least is not None:
        peaks = least_supported(scores, least)
    else:
        assert place is not None
        assert source is not None
        number = require_source(scores.cell_line, source)
        peaks = [find_peak(scores.cell_line, *place, number, or_from_1=True)]
    table, doubt = explain_peaks(scores, peaks), [_doubt(scores, one) for one in peaks]
    if least is not None:
        _print_least(table, doubt, scores.cell_line.views, summary)
    else:
        _print_one(table, doubt[0], scores.cell_line.views, summary)
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


def _doubt(scores: "Scores", peak: int) -> float:
    """Return the doubt of a peak, NaN if it cannot be judged."""
    from atypeak_scale.registry import variables as v

    return float(scores.read(v.DOUBT, peak, peak + 1)[0])


def _conclusion(doubt: float) -> str:
    """Return what a doubt means, in words."""
    if math.isnan(doubt):
        return "no doubt is known: its source cannot be judged"
    return f"doubt {doubt:.2g}: {'distrust it' if doubt >= DISTRUSTED else 'no reason to distrust it'}"


def _named(table: "pd.DataFrame", views: tuple[str, str], kind: str = "other_") -> list[str]:
    """Return the name of each row's other source, or of the peak's own (kind ""), as --source takes it."""
    from atypeak_scale.catalogue.names import source_name

    labels = (table[f"{kind}{view}"].astype(str) for view in views)
    return [source_name(pair) for pair in zip(*labels, strict=True)]


def _print_one(table: "pd.DataFrame", doubt: float, views: tuple[str, str], summary: Summary) -> None:
    if table.empty:
        summary.say("no other source", others=[])
        return
    peak = table.iloc[0]
    summary.say(
        f"{peak['contig']}:{peak['start']}-{peak['end']} of {_named(table.head(1), views, '')[0]}: support "
        f"{peak['support']:.2f}, {table['overlaps'].sum()} other sources overlap, {table['present'].sum()} "
        f"of {len(table)} are in the window"
    )
    summary.say(_conclusion(doubt), doubt=doubt)
    added = float(table.loc[table["present"] == 1, "effect"].sum())
    baseline = float(peak["support"]) - added
    summary.say(
        f"baseline {baseline:+.2f}, which no single source explains, and {added:+.2f} added by those in the "
        "window: together the support",
        baseline=baseline,
    )
    shown = table[["present", "overlaps", "effect", "network", "regression"]].copy()
    shown.insert(0, "other", _named(table, views))
    for is_present, head in ((1, "adds to the support"), (0, "would add, with a peak there")):
        part = shown[shown["present"] == is_present].drop(columns="present")
        if len(part):
            summary.say(f"\n{head}{f', the {SHOWN} most of {len(part)}' if len(part) > SHOWN else ''}")
            summary.table(head, part, part.head(SHOWN))


def _print_least(
    table: "pd.DataFrame", doubts: list[float], views: tuple[str, str], summary: Summary
) -> None:
    """Print a line for each peak, which has a row for each of the others: the sources of greatest effect."""
    import pandas as pd

    if table.empty:
        summary.say("no other source", others=[])
        return
    rows = []
    others = len(table) // len(doubts)
    for number, doubt in enumerate(doubts):
        of_peak, one = table.iloc[number * others : (number + 1) * others], table.iloc[number * others]
        effects = []
        for is_present in (1, 0):
            part = of_peak[of_peak["present"] == is_present].head(SHOWN_OF_EACH)
            pairs = zip(_named(part, views), part["effect"], strict=True)
            effects.append(", ".join(f"{name} {effect:+.2f}" for name, effect in pairs))
        place, (source,) = f"{one['contig']}:{one['start']}-{one['end']}", _named(of_peak.head(1), views, "")
        rows.append((place, source, one["support"], doubt, of_peak["overlaps"].sum(), *effects))
    columns = ["peak", "source", "support", "doubt", "overlapping", "adds most", "would add most"]
    summary.table("peaks", pd.DataFrame(rows, columns=columns))
