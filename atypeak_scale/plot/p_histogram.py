"""How p is distributed: flat where peaks lie at random, high near 0 where not (method, section 9.4)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.plot.canvas import axes_for, style
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40


def p_values(data: "Scores | npt.NDArray[np.floating[Any]]", ax: "Axes | None" = None) -> "Axes":
    """Draw the histogram of p of all peaks.

    Where p is flat, at the right, peaks lie like random ones; the dashed line continues it to the left, and
    what stands above it does not lie at random.

    Parameters
    ----------
    data
        Complete scores of a model of support, or the p of some peaks, (peaks,); NaN is left out.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        40 bars, and the line at the mean height of the right half.

    Raises
    ------
    InputError
        If the scores are not of a model of support.
    StageMissingError
        If they are not complete.

    """
    counts = _counts(data)
    edges = np.linspace(0, 1, BINS + 1)
    flat = counts[BINS // 2 :].mean()
    with style():
        ax = axes_for(ax, 4.4, 3.0)
        ax.bar(
            edges[:-1], counts, np.diff(edges), align="edge", color=TRUSTED, edgecolor="white", linewidth=0.5
        )
        share = 100 * flat * BINS / max(1, counts.sum())
        ax.axhline(
            flat,
            color=DOUBTFUL,
            linestyle="--",
            linewidth=1.2,
            label=f"like random: {share:.0f}% of all peaks",
        )
        ax.set(xlim=(0, 1), xlabel="p: share of random placements with as much support", ylabel="peaks")
        ax.legend(fontsize=7)
    return ax


def _counts(data: "Scores | npt.NDArray[np.floating[Any]]") -> npt.NDArray[np.int64]:
    if not isinstance(data, Scores):
        return np.histogram(data[~np.isnan(data)], BINS, (0, 1))[0].astype(np.int64)
    data.require_support()
    data.require_complete()
    counts = np.zeros(BINS, np.int64)
    for block in data.cell_line.blocks("peaks"):
        counts += _counts(data.read(v.P_RANDOM, *block))
    return counts
