"""One module: what was there, what the networks make of it, its peaks as tracks (article, Fig. 4, 5)."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.assess.regions.module import Module
from atypeak_scale.assess.regions.tracks import tracks as tracks_of
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.plot.canvas import FAINT, axes_for, label_rows, new_figure, side, style, trust_map
from atypeak_scale.plot.colours import UNJUDGED, shade
from atypeak_scale.plot.labels import clean
from atypeak_scale.plot.picture import lowest_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FloatArray = npt.NDArray[np.floating[Any]]
# What can be drawn: title, colours, ends of the scale (None: of the values), as in the article's figures.
PANELS: dict[str, tuple[str, str, float | None]] = {
    "original": ("original", "Blues", 1.0),
    "rebuilt": ("rebuilt", "Greens", 1.0),
    "score": ("score: rebuilt / original", "trust", 1.0),
    "phantom": ("phantoms", "Purples", None),
    "expected": ("expected by the others", "Oranges", 1.0),
}
TRACK = 0.22  # inches of a row
FEWEST_SHOWN = 0.1  # of any panel, so that a source without a peak has a row


def module(found: Module, what: str = "original", ax: "Axes | None" = None) -> "Axes":
    """Draw one view of a module along the genome, a row for each source.

    Parameters
    ----------
    found
        What `assess.module` returned.
    what
        original, rebuilt, score, phantom or expected.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        With one image: sources that have a peak, or of which 0.1 or more is rebuilt or expected, by bins.

    Raises
    ------
    InputError
        If the module has no such view, or there is no matplotlib.

    """
    if what not in found.windows or what not in PANELS:
        known = [name for name in PANELS if name in found.windows]
        raise InputError(f"{found.place.text}: has no view {what!r}; {nearest(what, known)}", "what")
    rows = shown_sources(found)
    values, start, end = along(found, what)
    title, colours, top = PANELS[what]
    with style():
        ax = axes_for(ax, 5.5, side(len(rows)))
        cells = values[:, rows].T
        most = top or max(0.2, float(np.nanmax(cells, initial=0.0)))
        colour_map = trust_map() if colours == "trust" else colours
        ax.imshow(cells, cmap=colour_map, vmin=0, vmax=most, aspect="auto", interpolation="none",
                  extent=(start, end, len(rows) - 0.5, -0.5))  # fmt: skip
        label_rows(ax, found.windows["source"].to_numpy()[rows].tolist())
        _place_axis(ax, found.place.contig, start, end)
        ax.set_title(f"{title}, 0 to {most:.2g}")
    return ax


def module_panels(found: Module) -> "Figure":
    """Return a figure of all views of a module beside each other (article, Fig. 4).

    Raises
    ------
    InputError
        If there is no matplotlib.

    """
    views = [name for name in PANELS if name in found.windows]
    rows = shown_sources(found)
    with style():
        figure = new_figure(2.0 + 2.3 * len(views), side(len(rows)) + 0.3)
        axes = figure.subplots(1, len(views), squeeze=False)[0]
        for ax, what in zip(axes, views, strict=True):
            module(found, what, ax)
            if ax is not axes[0]:
                ax.set_yticks([])
        figure.suptitle(_title(found), fontsize=9)
    return figure


def tracks(found: Module, score: str | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw the peaks of a module as tracks coloured by a score (article, Fig. 5).

    Parameters
    ----------
    found
        What `assess.module` returned.
    score
        A score of its peaks; None means doubt, or the final score if there is no doubt.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A row for each source, the one with the least trusted peak on top, whose score stands at the right.
        Blue is trusted, orange is doubtful, grey has no score.

    Raises
    ------
    InputError
        If the peaks have no such score, or there is no matplotlib.

    """
    named, listed = tracks_of(found, score)
    start, end = along(found, "original")[1:]
    with style():
        ax = axes_for(ax, 6.0, 1.1 + TRACK * len(listed))
        for row, track in enumerate(listed):
            ax.axhline(row, color=FAINT, linewidth=0.4, zorder=0)
            for peak in track.peaks:
                ax.broken_barh([(peak.start, peak.end - peak.start)], (row - 0.36, 0.72),
                               facecolors=shade(peak.trust), edgecolors="white", linewidth=0.4)  # fmt: skip
            ax.annotate(lowest_text(named.name, track), (1, row), (4, 0), xycoords=("axes fraction", "data"),
                        textcoords="offset points", va="center", fontsize=6,
                        color=UNJUDGED if np.isnan(track.lowest.trust) else "black")  # fmt: skip
        ax.set_ylim(len(listed) - 0.4, -0.6)
        label_rows(ax, [track.source for track in listed])
        _place_axis(ax, found.place.contig, start, end)
        ax.set_title(_title(found), pad=14)
        ax.annotate(f"{named.name}: orange is doubtful, blue is trusted, grey is not judged", (0, 1), (0, 3),
                    xycoords="axes fraction", textcoords="offset points", fontsize=7)  # fmt: skip
    return ax


def shown_sources(found: Module) -> npt.NDArray[np.int64]:
    """Return the sources that have a row: with a peak, or rebuilt or expected."""
    views = [name for name in ("rebuilt", "expected") if name in found.windows]
    is_shown = found.windows["original"].any(["window", "bin"]).to_numpy()
    for name in views:
        is_shown = is_shown | (found.windows[name].max(["window", "bin"]).to_numpy() >= FEWEST_SHOWN)
    return np.flatnonzero(is_shown)


def along(found: Module, what: str) -> tuple[FloatArray, int, int]:
    """Return a view along the CRM, float (bins, sources), and where it begins and ends, bp.

    Bins before the CRM are left out; where no window has a peak, there is nothing, NaN.
    """
    starts, inside = (found.windows[name].to_numpy() for name in ("bin_start", "inside"))
    bin_ = int(starts[0, 1] - starts[0, 0])
    first = int(starts[inside].min())
    place = (starts[inside] - first) // bin_
    last = int(starts[inside].max()) + bin_
    values = np.full((int(place.max()) + 1, found.windows.sizes["source"]), np.nan)
    values[place] = found.windows[what].to_numpy()[inside]
    return values, first, last


def _title(found: Module) -> str:
    part = "" if found.is_whole else f", the first {found.windows.sizes['window']} windows"
    return f"{clean(found.place.text)}   CRM {found.place.crm}{part}"


def _place_axis(ax: "Axes", contig: str, start: int, end: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ax.set_xlim(start, end)
    ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:,.0f}"))
    ax.tick_params("x", labelsize=7)
    ax.set_xlabel(f"{clean(contig)}, bp")
