"""Scores against the number of peaks of the CRM (article, Fig. 6b)."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from atypeak_scale.plot.canvas import axes_for, style
from atypeak_scale.plot.colours import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = (("crm_mean", "mean of a CRM", "o"), ("crm_maximum", "highest of a CRM", "^"))


def score_density(found: xr.Dataset, name: str = "score", ax: "Axes | None" = None) -> "Axes":
    """Draw the mean and the highest score of CRMs by how many peaks they have.

    Parameters
    ----------
    found
        What `assess.score_density` returned.
    name
        What the score is called on the axis.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        Two lines over the number of peaks, in steps of log2, and a band from the lower to the upper
        quartile of all peaks. Numbers of CRMs stand above. Steps without a CRM are left out.

    """
    used = found.isel(log2_peaks=np.flatnonzero(found["crms"].to_numpy() > 0))
    step = used["log2_peaks"].to_numpy()
    with style():
        ax = axes_for(ax, 4.6, 3.2)
        quartiles = used["lower_quartile"].to_numpy(), used["upper_quartile"].to_numpy()
        ax.fill_between(step, *quartiles, color="0.9", linewidth=0, label="half of all peaks")
        for (variable, words, marker), colour in zip(LINES, KINDS, strict=False):
            ax.plot(step, used[variable].to_numpy(), marker=marker, markersize=4, color=colour, label=words)
        ax.set_xticks(step, [_range(int(one)) for one in step])
        top = ax.secondary_xaxis("top")
        top.set_xticks(step, [f"{int(crms):,}" for crms in used["crms"].to_numpy()], fontsize=6)
        top.tick_params(length=0)
        top.set_xlabel("CRMs", fontsize=6)
        ax.set(xlabel="peaks of the CRM", ylabel=name)
        ax.legend(fontsize=7)
    return ax


def _range(log2: int) -> str:
    low, high = 2**log2, 2 ** (log2 + 1) - 1
    return f"{low:,}" if low == high else f"{low:,}-{high:,}"
