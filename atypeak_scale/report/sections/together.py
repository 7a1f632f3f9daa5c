"""Who goes with whom? What the model asks for, who corroborates whom, and scores of one with another."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from atypeak_scale.assess.description.pairs import pairs
from atypeak_scale.assess.interpretation.corroboration import corroboration
from atypeak_scale.assess.interpretation.groups import phantoms, sources_table
from atypeak_scale.registry.columns import GROUP_PHANTOMS, GROUP_SOURCES, PAIRS
from atypeak_scale.registry.evidence_columns import CORROBORATION
from atypeak_scale.registry.results import GROUPS
from atypeak_scale.report.drawing import GREEN, Drawn, hover, new_figure, plain, whole_numbers
from atypeak_scale.report.matrices import matrix, shades, two_sided
from atypeak_scale.report.numbers import count, spoken
from atypeak_scale.report.orders import blocks_of, by_group, clustered
from atypeak_scale.report.page import Block, Choice, Chooser, Figure, Listing, Missing, Section, Text
from atypeak_scale.report.results import Results

MOST_PHANTOMS = 12  # of a source
MOST_PAIRS = 50_000  # rows of a table: the strongest
IN_PAGE = 6_000  # rows of a table that is in the page
FloatArray = npt.NDArray[np.float64]


def section(results: Results) -> Section:
    """Return the section of what belongs together."""
    blocks: list[Block] = []
    found = results.kept(GROUPS)
    if found is not None:
        blocks += _groups(found)
    else:
        blocks.append(Missing("Which experiments does the model expect together?", "groups"))
    if results.support is not None:
        blocks += _corroboration(results)
    if results.article is not None and len(results.cell_line.labels[1]) > 1:
        blocks += _pairs(results)
    return Section(
        "together", "Who goes with whom?",
        "Which experiments support each other, and how does a score change where a partner is present?",
        tuple(blocks),
    )  # fmt: skip


def _groups(found: xr.Dataset) -> Iterator[Block]:
    asked, group = found["asked"].to_numpy(), found["group"].to_numpy()
    names = found["source"].to_numpy().tolist()
    order = by_group(group, asked)
    labels = [str(names[at]) for at in order]
    table = sources_table(found)
    models = len(found.attrs["models"])
    agreement = f", which agree by {found.attrs['agreement']:.2f} (1 is the same)" if models > 1 else ""
    yield Text(
        (f"The model sorts {count(len(names), 'experiment')} into {count(found.attrs['groups'], 'group')} "
         f"that it expects together, by {count(models, 'model')}{agreement}.",)
    )  # fmt: skip
    yield Figure(
        "groups", "What each experiment asks for",
        matrix(asked[np.ix_(order, order)], labels, labels, "asked for, 0 to 1", shades(GREEN), (0, 1),
               blocks_of(group[order])),
        "A strongly coloured cell: if only the experiment of the row is there, the model adds the one of "
        "the column; framed blocks are groups, and an experiment without such cells in its row goes with "
        "nobody.",
        "groups-sources",
    )  # fmt: skip
    yield Listing(
        "groups-sources", "The group of each experiment", GROUP_SOURCES, table,
        "Each group is named by its strongest members; a group that is rebuilt (own) at nearly 0 is ignored "
        "by the model.",
        is_open=True,
    )  # fmt: skip
    strongest = phantoms(found)
    strongest = strongest[strongest["rank"] <= MOST_PHANTOMS].reset_index(drop=True)
    yield _phantoms(strongest)
    yield Listing(
        "phantoms", f"The {MOST_PHANTOMS} strongest phantoms of each experiment", GROUP_PHANTOMS, strongest,
        "What the model adds to an experiment that is alone in a window, the strongest first.",
        in_page=len(strongest) <= IN_PAGE,
    )  # fmt: skip


def _phantoms(strongest: pd.DataFrame) -> Chooser:
    from bokeh.models import ColumnDataSource, FactorRange

    views = strongest.columns[:2].tolist()
    drawn = new_figure(330, "what the model adds", "", y_range=FactorRange(name="phantoms"))
    source = ColumnDataSource({"name": [], "value": []}, name="values")
    bar = drawn.hbar(y="name", right="value", height=0.7, color=GREEN, source=source)
    hover(drawn, [("", "@name"), ("rebuilt", "@value{0.0000}")], [bar])
    drawn.x_range.start = 0
    choices = []
    for (first, second), rows in strongest.groupby(views, sort=False):
        cells = zip(rows[f"phantom_{views[0]}"], rows[f"phantom_{views[1]}"], rows["observed"], strict=True)
        names = [plain(f"{a}.{b}{'' if seen else ' *'}") for a, b, seen in cells]
        values = [round(float(value), 5) for value in rows["value"]]
        choices.append(
            Choice(f"{first}.{second}", "", {"values": {"name": names, "value": values}},
                   {"phantoms": names[::-1]})
        )  # fmt: skip
    return Chooser(
        "phantoms", "Phantoms of one experiment", drawn,
        "Show the model only the chosen experiment: the bars are what it adds, which is what it expects "
        "with it; * is no experiment of these data.",
        "phantoms", "Experiment", tuple(choices),
    )  # fmt: skip


def _corroboration(results: Results) -> Iterator[Block]:
    assert results.support is not None
    found = corroboration(results.support)
    number = len(results.names)
    effect = np.full((number, number), np.nan)
    own, other = np.nonzero(~np.eye(number, dtype=bool))
    # All three add up where the other source covers the whole peak.
    effect[own, other] = found[["overlap", "near", "present"]].sum(axis=1).to_numpy()
    limit = max(1e-9, float(np.nanquantile(np.abs(effect), 0.995))) if number > 1 else 1.0
    order = clustered(np.nan_to_num(effect) / limit)
    labels = [results.names[at] for at in order]
    yield Figure(
        "corroboration", "Who corroborates whom",
        matrix(effect[np.ix_(order, order)], labels, labels, "effect, log-odds", two_sided(),
               (-limit, limit)),
        "Blue: a peak of the column's experiment at the same place speaks for a peak of the row's; orange: "
        "it speaks against it; experiments alike stand beside each other.",
        "corroboration",
    )  # fmt: skip
    order_of_rows = np.argsort(-np.abs(effect[own, other]), kind="stable")[:MOST_PAIRS]
    strongest = found.iloc[order_of_rows].reset_index(drop=True)
    yield Listing(
        "corroboration", "Who corroborates whom, the strongest first", CORROBORATION, strongest,
        "For a peak of the first experiment, what the other one says: 1 means that the odds rise 2.7 times; "
        "the three columns add up if it covers the peak.",
        in_page=len(strongest) <= IN_PAGE,
    )  # fmt: skip


def _pairs(results: Results) -> Iterator[Block]:
    assert results.article is not None
    view1, labels = results.views[1], list(results.cell_line.labels[1])
    found = pairs(results.article, executor=results.executor)
    place = {label: at for at, label in enumerate(labels)}
    one, other = (found[name].map(place).to_numpy() for name in (view1, f"other_{view1}"))
    superior = np.full((len(labels), len(labels)), np.nan)
    superior[one, other] = found["superiority"].to_numpy()
    order = clustered(2 * np.nan_to_num(superior, nan=0.5) - 1)
    names = [labels[at] for at in order]
    yield Figure(
        "pairs", f"Alone or both: every two {spoken(view1)}s",
        matrix(superior[np.ix_(order, order)], names, names, "chance of a higher score with it", two_sided(),
               (0.2, 0.8)),
        f"Blue: peaks of the row's {spoken(view1)} score higher in modules that hold the column's; orange: "
        "lower; pale (0.5): no difference.",
        "pairs",
    )  # fmt: skip
    sorted_ = found.sort_values(
        "median_difference", key=abs, ascending=False, kind="stable", ignore_index=True
    )
    if shown := _examples(sorted_, view1):
        yield shown
    yield Listing(
        "pairs", f"Every two {spoken(view1)}s, the largest differences first", PAIRS, sorted_,
        "Final scores of peaks of the first in modules with the other (both) and without (alone); read the "
        "differences before the p-values, because the peaks are many and not independent.",
        (view1, f"other_{view1}", "both_peaks", "alone_peaks", "both_median", "alone_median",
         "median_difference", "superiority", "cohens_d"),
        in_page=len(sorted_) <= IN_PAGE,
    )  # fmt: skip


FEWEST_PEAKS, EXAMPLES = 50, 8


def _examples(found: pd.DataFrame, view1: str) -> Figure | None:
    """Draw the pairs with the largest differences, up and down, of those with enough peaks."""
    enough = found[(found["both_peaks"] >= FEWEST_PEAKS) & (found["alone_peaks"] >= FEWEST_PEAKS)]
    if enough.empty:
        return None
    ordered = enough.sort_values("median_difference", ascending=False, kind="stable")
    shown = pd.concat([ordered.head(EXAMPLES), ordered.iloc[EXAMPLES:].tail(EXAMPLES)])
    names = [plain(f"{a} with {b}") for a, b in zip(shown[view1], shown[f"other_{view1}"], strict=True)]
    return Figure(
        "pair-examples", "The pairs that matter most", _two_dots(names, shown),
        "Blue: median final score of the first where the second is in the module too; grey: where it is not. "
        "A blue dot on the right means that the model learned the pair.",
        "pairs",
    )  # fmt: skip


def _two_dots(names: list[str], shown: pd.DataFrame) -> Drawn:
    from atypeak_scale.report.drawing import BLUE, GREY, height_of, legend_above

    drawn = new_figure(height_of(len(names)) + 20, "median final score", "", y_range=names[::-1])
    data = {
        "name": names, "both": shown["both_median"].to_numpy(), "alone": shown["alone_median"].to_numpy(),
        "peaks": shown["both_peaks"].to_numpy(), "others": shown["alone_peaks"].to_numpy(),
    }  # fmt: skip
    drawn.segment("alone", "name", "both", "name", source=data, color=GREY, line_width=2)
    for column, colour, what in (("alone", GREY, "alone"), ("both", BLUE, "with the other")):
        dots = drawn.scatter(column, "name", source=data, size=9, color=colour, legend_label=what)
        hover(drawn, [("", "@name"), ("with", "@both{0} (@peaks{0,0} peaks)"),
                      ("alone", "@alone{0} (@others{0,0} peaks)")], [dots])  # fmt: skip
    whole_numbers(drawn.xaxis)
    legend_above(drawn)
    return drawn
