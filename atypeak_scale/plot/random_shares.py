"""Support by source: which share of its peaks lies like random ones (method, section 9.5)."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from atypeak_scale.plot.canvas import FAINT, axes_for, label_rows, side, style
from atypeak_scale.plot.colours import DOUBTFUL, UNJUDGED
from atypeak_scale.registry import variables as v

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def shares_like_random(table: pd.DataFrame, ax: "Axes | None" = None) -> "Axes":
    """Draw the share like random of every source with its 95% interval; the most doubtful is on top.

    Parameters
    ----------
    table
        The columns of sources.tsv: both labels first, then `share_random` and what else describes a source.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A dot and a line for each source that can be judged; the others stand below, with the reason.

    """
    judged = table[table[v.VERDICT.name] == "judged"].sort_values(v.SHARE_RANDOM.name, kind="stable")
    others = table[table[v.VERDICT.name] != "judged"].iloc[::-1]
    labels = [f"{one}.{other}" for frame in (others, judged) for one, other in frame.iloc[:, :2].to_numpy()]
    place = np.arange(len(others), len(labels))
    low, high, share = (
        100 * judged[one.name].to_numpy() for one in (v.SHARE_RANDOM_LOW, v.SHARE_RANDOM_HIGH, v.SHARE_RANDOM)
    )
    with style():
        ax = axes_for(ax, 5.4, side(len(labels)))
        ax.set_ylim(-0.6, len(labels) - 0.4)
        ax.set_xlim(0, max(10.0, 1.05 * float(np.nanmax(high, initial=0.0))))
        ax.grid(axis="x", color=FAINT, linewidth=0.5)
        ax.hlines(place, low, high, color=DOUBTFUL, linewidth=2, alpha=0.5)
        ax.plot(share, place, "o", color=DOUBTFUL, markersize=4)
        label_rows(ax, labels)
        points = ax.get_yticklabels()[0].get_fontsize() if ax.get_yticklabels() else 6.0
        for row, reason in enumerate(others[v.VERDICT.name]):
            ax.annotate(f"not judged: {reason}", (0, row), (3, 0), textcoords="offset points",
                        va="center", color=UNJUDGED, fontsize=points)  # fmt: skip
        ax.set_xlabel("% of its peaks that lie no better than at random, with 95% interval")
    return ax
