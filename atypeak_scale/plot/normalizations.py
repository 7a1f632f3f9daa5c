"""Scores of each label before and after the normalizations (article, Fig. S13)."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from atypeak_scale.errors import InputError, nearest
from atypeak_scale.plot.canvas import FAINT, axes_for, label_rows, side, style
from atypeak_scale.plot.colours import TRUSTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def score_quartiles(
    table: pd.DataFrame,
    score: str = "final",
    of: str = "tr",
    order_by: str = "final",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the quartiles of a score for every source, or every label of a view.

    Parameters
    ----------
    table
        What `assess.score_quartiles` returned.
    score
        Which score, such as raw, k_normalized or final.
    of
        "source", or the name of a view.
    order_by
        The score whose median orders the labels, so that several figures have the same order. If the table
        lacks it, it is `score`.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        The dots are medians, the lines reach from the lower to the upper quartile; the highest is on top. The
        grey line is the median of the medians.

    Raises
    ------
    InputError
        If the table lacks the score or the view, or there is no matplotlib.

    """
    known = {"score": score, "of": of}
    for column, value in known.items():
        if value not in set(table[column]):
            raise InputError(
                f"the table has no {column} {value!r}; {nearest(value, set(table[column]))}", column
            )
    of_view = table[table["of"] == of]
    ordering = of_view[of_view["score"] == (order_by if order_by in set(table["score"]) else score)]
    labels = ordering.sort_values("median", kind="stable")["label"].tolist()
    rows = of_view[of_view["score"] == score].set_index("label").loc[labels]
    place = np.arange(len(labels))
    with style():
        ax = axes_for(ax, 5.0, side(len(labels)))
        ax.set_ylim(-0.6, len(labels) - 0.4)
        ax.axvline(float(rows["median"].median()), color=FAINT, linewidth=1, zorder=0)
        ax.hlines(
            place, rows["lower_quartile"], rows["upper_quartile"], color=TRUSTED, alpha=0.5, linewidth=2.5
        )
        ax.plot(rows["median"], place, "o", color=TRUSTED, markersize=4)
        label_rows(ax, labels)
        ax.set_xlabel(f"{score}: median and quartiles of the peaks")
    return ax
