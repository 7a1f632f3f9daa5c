"""Ur-examples: what each unit of the encoded layer looks for (article, Fig. S6b and S10a)."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from atypeak_scale.plot.canvas import axes_for, heatmap, highest, side, style
from atypeak_scale.plot.matrices import similar_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_UNITS = 64


def ur_examples(found: xr.Dataset, sources: list[tuple[str, str]], ax: "Axes | None" = None) -> "Axes":
    """Draw the mean over bins of the ur-examples at every source.

    Parameters
    ----------
    found
        What `assess.ur_examples` returned, or `assess.load(scores, "ur_examples")`.
    sources
        Both labels of each source, as `CellLine.sources`; cells without a source are not drawn.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image: units, the most active first, by sources, similar ones beside each other. Of more than
        64 units the first are drawn.

    """
    mean = found["mean"].to_numpy()
    first, second = (
        {str(name): at for at, name in enumerate(found[dim].to_numpy())} for dim in found["mean"].dims[1:]
    )
    cells = mean[:, [first[one] for one, _ in sources], [second[other] for _, other in sources]]
    activation = found["activation"].to_numpy()
    units = np.argsort(-activation, kind="stable")[:MOST_UNITS]
    with np.errstate(invalid="ignore", divide="ignore"):  # a source that is always alike
        order = similar_order(np.corrcoef(cells, rowvar=False)) if len(cells) > 1 else np.arange(len(sources))
    labels = [".".join(sources[at]) for at in order.tolist()]
    values = cells[np.ix_(units, order)]
    most = highest(np.abs(values))
    with style():
        ax = axes_for(ax, side(len(labels)) + 0.6, max(4.0, side(len(units)) * 0.8))
        names = [f"unit {found['unit'].to_numpy()[unit]}  {activation[unit]:.2f}" for unit in units.tolist()]
        heatmap(
            ax,
            values,
            names,
            labels,
            "RdBu_r",
            (-most, most),
            "mean over bins",
        )
        more = "" if len(units) == len(activation) else f", the {len(units)} most active of {len(activation)}"
        ax.set_title(f"Ur-examples of the units{more}")
        ax.set_ylabel("unit and its mean activation")
    return ax
