"""Does a newer release add peaks where scores are low (article, Fig. S7)?"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from atypeak_scale.plot.canvas import axes_for, style
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_DOTS, STEPS, SEED = 10_000, 20, 1
FEWEST = 3  # for a correlation


def releases(table: pd.DataFrame, name: str = "mean score", ax: "Axes | None" = None) -> "Axes":
    """Draw the ratio of newer to older peaks of every CRM against its mean score.

    Parameters
    ----------
    table
        crms.parquet or pairs.parquet of `compare_releases`: the columns `mean` and `ratio`.
    name
        What the mean is called on the axis.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        At most 10,000 dots, drawn at random as in the article, and the median ratio in 20 steps of equally
        many CRMs, from all of them.

    """
    known = table[table["mean"].notna() & table["ratio"].notna()].sort_values("mean", kind="stable")
    chosen = known.sample(min(MOST_DOTS, len(known)), random_state=SEED)
    with style():
        ax = axes_for(ax, 4.8, 3.4)
        ax.plot(
            chosen["mean"], chosen["ratio"], ".", color=TRUSTED, alpha=0.25, markersize=2.5,
            markeredgewidth=0, rasterized=True,
        )  # fmt: skip
        steps = [part for part in np.array_split(np.arange(len(known)), STEPS) if len(part)]
        ax.plot(
            [float(known["mean"].iloc[part].median()) for part in steps],
            [float(known["ratio"].iloc[part].median()) for part in steps],
            "o-", color=DOUBTFUL, markersize=3.5, linewidth=1.2, label="median of a twentieth",
        )  # fmt: skip
        ax.set_yscale("symlog", linthresh=1.0)
        ax.set(xlabel=name, ylabel="newer peaks for each older one", ylim=(0, None))
        if len(known) >= FEWEST and known["ratio"].nunique() > 1 and known["mean"].nunique() > 1:
            ax.set_title(f"Spearman {float(spearmanr(known['mean'], known['ratio']).statistic):+.2f}")
        ax.legend(fontsize=7)
    return ax
