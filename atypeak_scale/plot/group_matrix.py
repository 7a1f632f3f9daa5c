"""Correlation groups: what every source asks of every other (article, Fig. S11)."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from atypeak_scale.plot.canvas import axes_for, heatmap, highest, side, style
from atypeak_scale.plot.labels import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_NAME = 34


def groups(found: xr.Dataset, ax: "Axes | None" = None) -> "Axes":
    """Draw what the model expects with each source alone; sources of a group are beside each other.

    Parameters
    ----------
    found
        What `assess.groups` returned, or `assess.load(scores, "groups")`.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image: rows ask, columns are asked for, by group, then by strength. Frames mark the groups
        of several sources, with their numbers and names at the right.

    """
    group = found["group"].to_numpy()
    strength = np.nan_to_num(found["strength"].to_numpy(), nan=-np.inf)
    order = np.lexsort((np.arange(len(group)), -strength, group))
    labels = found["source"].to_numpy()[order].tolist()
    asked = found["asked"].to_numpy()[np.ix_(order, order)].astype(np.float64)
    np.fill_diagonal(asked, np.nan)  # of itself
    ordered, names = group[order], found["group_name"].to_numpy()[order]
    with style():
        from matplotlib.patches import Rectangle

        ax = axes_for(ax, side(len(labels)) + 1.8, side(len(labels)))
        heatmap(
            ax, asked, labels, labels, "Greens", (0.0, min(1.0, highest(asked))), "asked for, 1 is as itself"
        )
        for number in np.unique(ordered).tolist():
            at = np.flatnonzero(ordered == number)
            low, count = float(at[0]) - 0.5, len(at)
            if count == 1:
                continue
            ax.add_patch(Rectangle((low, low), count, count, fill=False, edgecolor="#d55e00", linewidth=1.2))
            middle, name = low + count / 2, cut(str(names[at[0]]), LONGEST_NAME)
            ax.annotate(
                f"{number}: {name}", (len(labels) - 0.5, middle), (4, 0), textcoords="offset points",
                va="center", fontsize=7, color="#d55e00", annotation_clip=False,
            )  # fmt: skip
        ax.set_title("Correlation groups")
        ax.set(ylabel="source shown alone", xlabel="source asked for")
    return ax
