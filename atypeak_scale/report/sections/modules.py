"""Show me a module: what lies in it, what the networks make of it, and which modules and peaks are odd."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from atypeak_scale.assess.regions.interesting import interesting_modules
from atypeak_scale.assess.regions.module import Module, absent_sources, modules
from atypeak_scale.assess.regions.places import find_modules
from atypeak_scale.registry.report_columns import LOWEST_PEAKS, MODULE_CHOICE
from atypeak_scale.report.lowest import lowest_peaks
from atypeak_scale.report.module_figure import choice_of, empty_figure
from atypeak_scale.report.page import Choice, Chooser, Listing, Section
from atypeak_scale.report.results import Results

EACH = 6  # modules of a kind, by each score
OF_PEAKS = 12  # modules of the lowest peaks
LOWEST = 200  # peaks in the table
HOW_TO_READ = (
    "Each line is one experiment and each bar a peak: blue ones are believed, orange ones doubted, grey ones "
    "cannot be judged, and hollow green ones are expected here but absent. Below, rows are datasets and "
    "columns regulators: what is there, what the model rebuilds (phantoms, which it adds, have an orange "
    "edge), how its peaks score, and the average of all modules; the stronger the colour, the more; of "
    "scores, blue is above 750 and orange below."
)
KINDS = {
    "best": "among the best",
    "worst": "among the worst",
    "typical": "typical",
    "low": "holds a low peak",
}


def section(results: Results) -> Section:
    """Return the section of modules."""
    lowest = lowest_peaks(results.article, results.support, LOWEST, results.executor)
    chosen = choose(results, lowest)
    found = list(_choices(results, chosen))
    table = pd.DataFrame([row for row, _ in found], columns=[column.name for column in MODULE_CHOICE.columns])
    return Section(
        "modules", "Show me a module",
        "What lies in one module, what does the model expect there, and which peaks does it not believe?",
        (
            Chooser(
                "module", "One module", empty_figure(results.article is not None, results.views),
                HOW_TO_READ if results.article is not None else HOW_TO_READ.partition(" Below")[0],
                "modules", "Module", tuple(choice for _, choice in found), "show",
            ),
            Listing(
                "modules", "The modules that this page holds", MODULE_CHOICE, table,
                "Click a row to see the module above; a mean trust near 1 means that other experiments "
                "support its peaks, and a mean final score of 750 is average.",
                places=True, is_open=True,
            ),
            Listing(
                "lowest-peaks", "Peaks to distrust first", LOWEST_PEAKS, lowest,
                "Some of the lowest peaks of each experiment, those with the most doubt first and, among "
                "equals, those with the least support; click a row to see its module above, if this page "
                "holds it.",
                _shown(results),
                places=True, is_open=True,
            ),
        ),
    )  # fmt: skip


def _shown(results: Results) -> tuple[str, ...]:
    """Return the columns of the lowest peaks that there are."""
    of_support = ("doubt", "support") if results.support is not None else ()
    final = ("final",) if results.article is not None else ()
    return ("contig", "start", "end", *results.views, "crm", "other_sources", *of_support, *final)


def choose(results: Results, lowest: pd.DataFrame) -> dict[int, str]:
    """Return the number of each module to show, with why, the best of support first."""
    chosen: dict[int, dict[str, list[str]]] = {}
    for scores in (results.support, results.article):
        if scores is None:
            continue
        by = "support" if scores.objective == "support" else "final score"
        for row in interesting_modules(scores, EACH, results.executor).itertuples():
            chosen.setdefault(int(str(row.crm)), {}).setdefault(KINDS[str(row.kind)], []).append(f"by {by}")
    for crm in lowest["crm"].drop_duplicates().head(OF_PEAKS).tolist():
        chosen.setdefault(int(crm), {})[KINDS["low"]] = []
    return {
        crm: ", ".join(" ".join([kind, *[" and ".join(by)] * bool(by)]) for kind, by in reasons.items())
        for crm, reasons in chosen.items()
    }


def _choices(results: Results, chosen: Mapping[int, str]) -> Iterator[tuple[dict[str, Any], Choice]]:
    """Yield the row of the table and the view of each module."""
    cell_line = results.cell_line
    average = results.statistics["mean_crm"].to_numpy()
    places = [find_modules(cell_line, str(crm))[0] for crm in chosen]
    several = modules(cell_line, places, results.article, results.support)
    for number, (reason, one) in enumerate(zip(chosen.values(), several, strict=True)):
        results.executor.tell("modules", number + 1, len(places))
        row = {
            "contig": one.place.contig, "start": one.place.start, "end": one.place.end, "crm": one.place.crm,
            "chosen": reason, "peaks": len(one.peaks), "final_mean": _mean(one.peaks, "final"),
            "trust_mean": 1 - _mean(one.peaks, "doubt"),
        }  # fmt: skip
        yield row, choice_of(one, reason, _absent(one), average, cell_line.labels)


def _mean(peaks: pd.DataFrame, column: str) -> float:
    return float(peaks[column].mean()) if column in peaks and peaks[column].notna().any() else np.nan


def _absent(found: Module) -> pd.DataFrame:
    """Return the sources that are expected and absent: by the network of support, or else of the article."""
    return absent_sources(found, "expected" if "expected" in found.windows else "rebuilt")
