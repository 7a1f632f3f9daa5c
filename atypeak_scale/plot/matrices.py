"""Matrices of the data and of the Q-score (article, Additional files 7, 13 and 14; Fig. 4, the mean CRM)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from atypeak_scale.errors import InputError, nearest
from atypeak_scale.plot.canvas import axes_for, heatmap, highest, side, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.floating[Any]]


def correlation(statistics: xr.Dataset, of: str = "source", ax: "Axes | None" = None) -> "Axes":
    """Draw the correlations of all sources, or of all labels of a view, similar ones beside each other.

    Parameters
    ----------
    statistics
        What `assess.statistics` returned.
    of
        "source", or the name of a view.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image, -1 to 1.

    Raises
    ------
    InputError
        If there is no such matrix, or no matplotlib.

    """
    found = _matrix(statistics, "correlation", of)
    return _square(found, f"Correlation of each {of} with each other", "RdBu_r", (-1.0, 1.0), "Pearson", ax)


def jaccard(statistics: xr.Dataset, of: str = "tr", ax: "Axes | None" = None) -> "Axes":
    """Draw the Jaccard index of all labels of a view (article, Fig. S12); parameters as of `correlation`."""
    found = _matrix(statistics, "jaccard", of)
    np.fill_diagonal(found.values, np.nan)  # it is 1, and would hide the others
    limits = (0.0, highest(found.to_numpy()))
    return _square(
        found, f"Jaccard index of each {of} with each other", "viridis", limits, "Jaccard index", ax
    )


def mean_crm(statistics: xr.Dataset, ax: "Axes | None" = None) -> "Axes":
    """Draw the mean occupancy of every source, first view by second, as the article's mean CRM (Fig. 4).

    Parameters
    ----------
    statistics
        What `assess.statistics` returned.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image, in which the colours follow the square root, so that rare sources can be seen. Where
        there is no source, nothing is drawn.

    """
    found = statistics["mean_crm"]
    rows, columns = (found[dim].to_numpy().tolist() for dim in found.dims)
    values = np.where(found.to_numpy() > 0, found.to_numpy(), np.nan)
    with style():
        ax = axes_for(ax, side(len(columns)), side(len(rows)))
        heatmap(ax, values, rows, columns, "Blues", (0.0, highest(values)), "share of bins occupied", 0.5)
        ax.set_title("Mean CRM")
    return ax


def qscore(found: xr.Dataset, ax: "Axes | None" = None) -> "Axes":
    """Draw what every pair adds to the Q-score (article, Fig. S5 and S10c): 0 is good, darker is worse.

    Parameters
    ----------
    found
        What `assess.qscore` returned, or `assess.load(scores, "qscore")`.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image: rows are rebuilt, columns are present or absent. Lines part the two views.

    """
    values = found["contribution"].to_numpy()
    labels, view = found["label"].to_numpy().tolist(), found["view"].to_numpy()
    with style():
        ax = axes_for(ax, side(len(labels)) + 0.6, side(len(labels)))
        heatmap(ax, values, labels, labels, "magma_r", (0.0, highest(values)), "adds to the Q-score")
        for border in np.flatnonzero(view[1:] != view[:-1]) + 0.5:
            ax.axhline(border, color="0.3", linewidth=0.6)
            ax.axvline(border, color="0.3", linewidth=0.6)
        ax.set_title(f"Q-score {float(found['total']):.3g}: contribution of every pair")
        ax.set(ylabel="rebuilt", xlabel="present or absent")
    return ax


def similar_order(values: FloatArray) -> npt.NDArray[np.int64]:
    """Return an order of a symmetric matrix of similarities in which similar ones are neighbours.

    Average linkage of 1 - similarity; NaN counts as 0.
    """
    if len(values) < 3:
        return np.arange(len(values))
    similarity = np.nan_to_num(values.astype(np.float64))
    distance = 1 - (similarity + similarity.T) / 2
    np.fill_diagonal(distance, 0.0)
    return leaves_list(linkage(squareform(np.maximum(distance, 0)), "average")).astype(np.int64)


def _matrix(statistics: xr.Dataset, what: str, of: str) -> xr.DataArray:
    names = [str(name).removeprefix(f"{what}_") for name in statistics if str(name).startswith(f"{what}_")]
    if of not in names:
        raise InputError(f"no {what} of {of!r}; {nearest(of, names)}", "of")
    return statistics[f"{what}_{of}"].copy(deep=True)


def _square(
    found: xr.DataArray, title: str, colours: str, limits: tuple[float, float], legend: str, ax: "Axes | None"
) -> "Axes":
    order = similar_order(found.to_numpy())
    labels: Sequence[str] = found[found.dims[0]].to_numpy()[order].tolist()
    with style():
        ax = axes_for(ax, side(len(labels)) + 0.6, side(len(labels)))
        heatmap(ax, found.to_numpy()[np.ix_(order, order)], labels, labels, colours, limits, legend)
        ax.set_title(title)
    return ax
