"""Alone or both: scores of A's peaks in modules without and with a peak of B (article, Fig. 6a)."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from atypeak_scale.assess.description.pair_scores import ALONE, BOTH
from atypeak_scale.plot.canvas import FAINT, axes_for, label_rows, side, style
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {ALONE: DOUBTFUL, BOTH: TRUSTED}  # red and blue in the article
MOST_PAIRS, FEWEST_PEAKS, STEPS = 24, 20, 40


def strongest_pairs(table: pd.DataFrame, most: int = MOST_PAIRS, fewest: int = FEWEST_PEAKS) -> pd.DataFrame:
    """Return the rows of `assess.pairs` that differ most, the strongest first.

    Only rows with at least `fewest` peaks in both groups count. How much they differ is how far the
    superiority is from 0.5.
    """
    known = table[(table["both_peaks"] >= fewest) & (table["alone_peaks"] >= fewest)]
    order = (known["superiority"] - 0.5).abs().sort_values(ascending=False, kind="stable").index
    return known.loc[order].head(most)


def pairs(
    table: pd.DataFrame, most: int = MOST_PAIRS, name: str = "score", ax: "Axes | None" = None
) -> "Axes":
    """Draw the median scores with and without another label, for the pairs that differ most.

    Parameters
    ----------
    table
        What `assess.pairs` returned.
    most
        How many rows of it.
    name
        What the score is called on the axis.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A line for each ordered pair, from the median without the other label to that with it. The first label
        is the one whose peaks are compared; the strongest pair is on top. Pairs with fewer than 20 peaks in a
        group are left out.

    """
    shown = strongest_pairs(table, most).iloc[::-1]
    labels = [f"{one} with {other}" for one, other in shown.iloc[:, :2].to_numpy()]
    place = np.arange(len(labels))
    with style():
        ax = axes_for(ax, 5.2, side(len(labels)))
        ax.set_ylim(-0.6, len(labels) - 0.4)
        ax.hlines(place, shown["alone_median"], shown["both_median"], color=FAINT, linewidth=2)
        for group, colour in COLOURS.items():
            words = {ALONE: "without the other", BOTH: "with it"}[group]
            ax.plot(shown[f"{group}_median"], place, "o", color=colour, markersize=4.5, label=words)
        label_rows(ax, labels)
        ax.set_xlabel(f"median {name} of the first one's peaks")
        ax.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return ax


def pair(found: pd.DataFrame, label: str, name: str = "score", ax: "Axes | None" = None) -> "Axes":
    """Draw how the scores of a label's peaks are distributed with and without the other label.

    Parameters
    ----------
    found
        What `assess.pair_scores` returned for the two labels.
    label
        Which of the two; its peaks are compared.
    name
        What the score is called on the axis.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        Two outlines, each of area 1, over the same 40 steps from the lowest to the highest score; dashed
        lines are the medians.

    """
    mine = found[found.iloc[:, 0] == label]
    other = next((one for one in found.iloc[:, 0].unique() if one != label), "the other")
    low, high = (float(mine["score"].min()), float(mine["score"].max())) if len(mine) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, STEPS + 1)
    with style():
        ax = axes_for(ax, 3.4, 2.6)
        for group, colour in COLOURS.items():
            values = mine["score"][mine["crms"] == group].to_numpy()
            if not len(values):
                continue
            words = {ALONE: f"without {other}", BOTH: f"with {other}"}[group]
            heights, _ = np.histogram(values, edges, density=True)
            ax.stairs(heights, edges, color=colour, fill=True, alpha=0.25)
            ax.stairs(heights, edges, color=colour, linewidth=1, label=f"{words}: {len(values):,} peaks")
            ax.axvline(float(np.median(values)), color=colour, linestyle="--", linewidth=1)
        ax.set_yticks([])
        ax.set(xlabel=name, title=label)
        if len(mine):
            ax.legend(fontsize=6.5, loc="lower center", bbox_to_anchor=(0.5, 1.12))
    return ax
