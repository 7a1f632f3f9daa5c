"""What is in the data? Abundance, correlations, overlaps and the mean module, without any model."""

import numpy as np
import pandas as pd

from atypeak_scale.assess.description.statistics_tables import tables_of
from atypeak_scale.registry.columns import ABUNDANCE, CORRELATIONS, MEAN_CRM
from atypeak_scale.report.drawing import BLUE, bars
from atypeak_scale.report.matrices import matrix, shades, two_sided
from atypeak_scale.report.numbers import count, spoken
from atypeak_scale.report.orders import clustered
from atypeak_scale.report.page import Block, Figure, Listing, Section, Text
from atypeak_scale.report.results import Results

MOST_BARS = 40
IN_PAGE = 6_000  # rows of a table that is in the page


def section(results: Results) -> Section:
    """Return the section of the data."""
    tables = {table.name: frame for table, frame in tables_of(results.statistics)}
    blocks: list[Block] = [Text((_sentence(results),)), *_abundance(results, tables[ABUNDANCE.name])]
    blocks += _correlations(results)
    blocks.append(_mean_module(results))
    for table, title, how in (
        (ABUNDANCE, "Peaks and base pairs", "Peaks that lie in a module in use, each counted once."),
        (CORRELATIONS, "Correlations and Jaccard indices", "Every two experiments or labels, once."),
        (
            MEAN_CRM,
            "The mean module, bin by bin",
            "The share of windows in which each experiment has a peak.",
        ),
    ):
        frame = tables[table.name]
        blocks.append(Listing(table.name, title, table, frame, how, in_page=len(frame) <= IN_PAGE))
    return Section(
        "data", "What is in the data?", "How much is there of what, and what occurs together?", tuple(blocks)
    )


def _sentence(results: Results) -> str:
    cell_line, accounts = results.cell_line, results.cell_line.attributes.get("accounts", {})
    peaks, crms = accounts.get("peaks", {}), accounts.get("crms", {})
    shape, (view0, view1) = cell_line.shape, results.views
    text = (
        f"{count(cell_line.peak_count, 'peak')} of {count(shape.sources, 'experiment')}, that is "
        f"{count(len(cell_line.labels[0]), spoken(view0))} and "
        f"{count(len(cell_line.labels[1]), spoken(view1))}, lie in {count(shape.windows, 'window')} of the "
        "modules in use."
    )
    if peaks and crms:
        outside = peaks.get("outside_crms", 0) + peaks.get("on_contigs_without_crm", 0)
        few = crms.get("too_few_peaks", 0)
        of_few = f", and {few:,} have too few peaks" if few else ""
        text += (
            f" {count(crms['used'], 'module')} of {crms['rows']:,} in the file are in use{of_few}; "
            f"{count(outside, 'peak')} of {cell_line.name} lie outside of them and have no score."
        )
    return text


def _abundance(results: Results, found: pd.DataFrame) -> list[Block]:
    blocks: list[Block] = []
    for view in results.views[::-1]:
        rows = found[found["of"] == view].sort_values("peaks", ascending=False, kind="stable")
        shown = rows.head(MOST_BARS)
        name = spoken(view)
        which = (
            f"The {len(shown)} {name}s with most peaks, of {len(rows):,}"
            if len(shown) < len(rows)
            else (f"Peaks of every {name}")
        )
        blocks.append(
            Figure(
                f"abundance-{view}", which, bars(shown["label"].tolist(), shown["peaks"].tolist(), "peaks"),
                f"A {name} with many peaks weighs more in training; one with few is learned late or not at "
                "all.",
                ABUNDANCE.name,
            )
        )  # fmt: skip
    return blocks


def _correlations(results: Results) -> list[Block]:
    found, view1 = results.statistics, results.views[1]
    values = found["correlation_source"].to_numpy().copy()
    np.fill_diagonal(values, np.nan)
    order = clustered(values)
    names = [results.names[at] for at in order]
    limit = _limit(values)
    blocks: list[Block] = [
        Figure(
            "correlation", "Correlation of every two experiments",
            matrix(values[np.ix_(order, order)], names, names, "Pearson correlation", two_sided(),
                   (-limit, limit)),
            "Blue: both tend to have peaks at the same places; experiments that are alike stand beside each "
            "other, and the diagonal is left out.",
            CORRELATIONS.name,
        )
    ]  # fmt: skip
    overlap = found[f"jaccard_{view1}"].to_numpy().copy()
    np.fill_diagonal(overlap, np.nan)
    order = clustered(overlap)
    labels = [results.cell_line.labels[1][at] for at in order]
    blocks.append(
        Figure(
            "jaccard", f"Jaccard index of every two {spoken(view1)}s",
            matrix(overlap[np.ix_(order, order)], labels, labels, "Jaccard index", shades(BLUE),
                   (0, _limit(overlap))),
            "The stronger the colour, the larger the share of occupied places that both occupy; the "
            "diagonal is left out.",
            CORRELATIONS.name,
        )
    )  # fmt: skip
    return blocks


def _limit(values: "np.typing.NDArray[np.float64]") -> float:
    """Return a value that few cells exceed, so that one strong pair does not make all others pale."""
    known = np.abs(values[~np.isnan(values)])
    return max(1e-6, float(np.quantile(known, 0.97))) if known.size else 1.0


def _mean_module(results: Results) -> Figure:
    mean = results.statistics["mean_crm"].to_numpy()
    shown = np.where(mean > 0, mean, np.nan)
    labels = results.cell_line.labels
    return Figure(
        "mean-module", "The mean module",
        matrix(shown, labels[0], labels[1], "share of occupied bins", shades(BLUE), (0, _limit(shown))),
        f"Rows are {results.views[0]}s and columns {spoken(results.views[1])}s; the stronger the colour, "
        "the more of an average module the experiment covers; where a cell is empty, there is no such "
        "experiment.",
        MEAN_CRM.name,
    )  # fmt: skip
