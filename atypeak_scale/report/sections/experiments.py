"""Which experiments stand out? Every source with its share of random peaks, power, doubt and final scores."""

import numpy as np
import pandas as pd

from atypeak_scale.registry.report_columns import EXPERIMENTS
from atypeak_scale.report.drawing import BLUE, GREY, ORANGE, Drawn, intervals
from atypeak_scale.report.numbers import spoken
from atypeak_scale.report.page import Block, Figure, Listing, Missing, Section
from atypeak_scale.report.results import Results
from atypeak_scale.scoring.support.chance import LOW_POWER

MOST_DRAWN = 60  # sources of a figure
SHOWN = (
    "peaks", "share_random", "share_random_low", "share_random_high", "power", "verdict", "median_doubt",
    "confirmed", "final_median",
)  # fmt: skip


def section(results: Results) -> Section:
    """Return the section of the experiments."""
    found = results.experiments
    order = _most_random_first(found)
    blocks: list[Block] = []
    if results.support is None:
        blocks.append(Missing("How many peaks of each experiment lie like random ones?", "support"))
    else:
        blocks.append(_figure(results, found.loc[order]))
        blocks.append(_powers(results, found))
        if len(several := _with_replicates(found)):
            blocks.append(_replicates(results, several))
    if results.article is None:
        blocks.append(Missing("How typical are the peaks of each experiment for its regulator?", "article"))
    else:
        blocks.append(_finals(results, found))
    blocks.append(
        Listing(
            "experiments", "All experiments", EXPERIMENTS, found.loc[order].reset_index(drop=True),
            "One row for each experiment; click a heading to sort, and read the lower end of the interval "
            "first: it is what is sure. An interval of 0 to 0 means that no peak looks random, not that all "
            "are certain; confirmed is low, too, where the other experiments of the "
            f"{spoken(results.views[1])} have few peaks.",
            (*results.views, *SHOWN), is_open=True,
        )
    )  # fmt: skip
    return Section(
        "stand-out", "Which experiments stand out?",
        "How many peaks of each experiment lie no better than at random, can that be said at all, and does "
        "another dataset find the same peaks?",
        tuple(blocks),
    )  # fmt: skip


def _most_random_first(found: pd.DataFrame) -> pd.Index:
    judged = (found["verdict"] == "judged").to_numpy()
    share = found["share_random"].to_numpy(np.float64)
    return found.index[np.lexsort((-np.nan_to_num(share, nan=-1), ~judged))]


def _with_replicates(found: pd.DataFrame) -> pd.DataFrame:
    """Return the judged sources of labels with several of them, the most unequal labels first."""
    view1 = found.columns[1]
    judged = found[found["verdict"] == "judged"]
    of_label = judged.groupby(view1)["share_random"]
    spread = (of_label.max() - of_label.min())[of_label.size() > 1].sort_values(
        ascending=False, kind="stable"
    )
    kept = judged[judged[view1].isin(spread.index)]
    place = {label: at for at, label in enumerate(spread.index)}
    order = np.lexsort((-kept["share_random"].to_numpy(), kept[view1].map(place).to_numpy()))
    return kept.iloc[order].head(MOST_DRAWN)


def _names(found: pd.DataFrame, label_first: bool = False) -> list[str]:
    first, second = (found[found.columns[at]].astype(str) for at in ((1, 0) if label_first else (0, 1)))
    joint = "  " if label_first else "."
    return [f"{one}{joint}{other}" for one, other in zip(first, second, strict=True)]


def _drawn(found: pd.DataFrame, label_first: bool = False, colours: list[str] | None = None) -> Drawn:
    judged = found["verdict"] == "judged"
    columns = {
        "value": 100 * found["share_random"], "low": 100 * found["share_random_low"],
        "high": 100 * found["share_random_high"],
        "colour": colours or [BLUE if one else GREY for one in judged],
        "peaks": found["peaks"], "power": found["power"], "doubt": found["median_doubt"],
        "verdict": found["verdict"], "confirmed": 100 * found["confirmed"],
    }  # fmt: skip
    return intervals(
        _names(found, label_first), columns, "peaks like random ones, %",
        [("like random", "@value{0.0}% (@low{0.0} to @high{0.0})"), ("peaks", "@peaks{0,0}"),
         ("power", "@power{0.000}"), ("median doubt", "@doubt{0.000}"), ("verdict", "@verdict"),
         ("confirmed by a replicate", "@confirmed{0}%")],
        begin=0,
    )  # fmt: skip


def _figure(results: Results, found: pd.DataFrame) -> Figure:
    """Draw the sources that are judged; if none is, all of them in grey."""
    judged = found[found["verdict"] == "judged"]
    shown = (found if judged.empty else judged).head(MOST_DRAWN)
    grey = "; none of them can be judged, so do not read them" if judged.empty else ""
    total = len(results.names) if judged.empty else len(judged)
    which = f"The {len(shown)} of {total:,} experiments with most" if len(shown) < total else "How many"
    return Figure(
        "share-random", f"{which} peaks that lie like random ones", _drawn(shown),
        "A dot far to the right is an experiment many of whose peaks no other experiment supports better "
        f"than random places; the bar is the 95% interval{grey}. Without a bar, 0 only means that no peak "
        "looks random, not that every peak is certain.",
        "experiments",
    )  # fmt: skip


def _powers(results: Results, found: pd.DataFrame) -> Figure:
    weakest = found.sort_values("power", kind="stable").head(MOST_DRAWN)
    judged = weakest["verdict"] == "judged"
    columns = {
        "value": weakest["power"], "low": weakest["power_low"], "high": weakest["power_high"],
        "colour": [BLUE if one else GREY for one in judged], "peaks": weakest["peaks"],
        "verdict": weakest["verdict"],
    }  # fmt: skip
    drawn = intervals(
        _names(weakest), columns, "power",
        [("power", "@value{0.000} (@low{0.000} to @high{0.000})"), ("peaks", "@peaks{0,0}"),
         ("verdict", "@verdict")], begin=min(0.5, float(weakest["power_low"].min())), line=LOW_POWER,
    )  # fmt: skip
    total = len(results.names)
    which = (
        f"The {len(weakest)} of {total:,} experiments with the least power"
        if len(weakest) < total
        else "Power"
    )
    return Figure(
        "power", f"{which}: can they be judged at all?", drawn,
        "Power is how well the others tell the peaks of an experiment from random places: 1 is perfect, 0.5 "
        "is chance; if its bar reaches the dashed line, the experiment cannot be judged and is grey.",
        "experiments",
    )  # fmt: skip


def _replicates(results: Results, found: pd.DataFrame) -> Figure:
    view0, view1 = results.views
    labels = found[view1].tolist()
    place = {label: at for at, label in enumerate(dict.fromkeys(labels))}
    colours = [(BLUE, ORANGE)[place[label] % 2] for label in labels]
    return Figure(
        "replicates", f"Each {view0} of one {spoken(view1)} beside the others",
        _drawn(found, True, colours),
        f"Neighbours of one colour belong to one {spoken(view1)}: if one lies far to the right of the "
        "others, it is worse than its replicates; those that disagree most come first.",
        "experiments",
    )  # fmt: skip


def _finals(results: Results, found: pd.DataFrame) -> Figure:
    lowest = found.sort_values("final_median", kind="stable").head(MOST_DRAWN)
    columns = {
        "value": lowest["final_median"], "low": lowest["final_lower_quartile"],
        "high": lowest["final_upper_quartile"], "colour": [BLUE] * len(lowest), "peaks": lowest["peaks"],
    }  # fmt: skip
    drawn = intervals(
        _names(lowest), columns, "final score",
        [("median", "@value{0}"), ("half of its peaks", "@low{0} to @high{0}"), ("peaks", "@peaks{0,0}")],
    )  # fmt: skip
    total = len(results.names)
    which = (
        f"The {len(lowest)} of {total:,} experiments with the lowest final scores"
        if len(lowest) < total
        else ("The article's final scores of each experiment")
    )
    return Figure(
        "finals", which, drawn,
        f"750 is average for the {spoken(results.views[1])} and 375 one standard deviation below; half of "
        "the peaks lie within the bar, so an experiment far to the left fits the learned combinations worse "
        "than its replicates do.",
        "experiments",
    )  # fmt: skip
