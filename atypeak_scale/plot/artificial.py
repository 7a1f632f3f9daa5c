"""Artificial catalogues: is noise told from what belongs together (article, Fig. 2 and S1)?"""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from atypeak_scale.assess.evidence.rebuilt import GROUPS, summarize_rebuilt
from atypeak_scale.plot.canvas import axes_for, style
from atypeak_scale.plot.colours import KINDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ORDER = ("stack", "watermark", "noise", "phantom")


def scores_by_kind(peaks: pd.DataFrame, score: str = "final", ax: "Axes | None" = None) -> "Axes":
    """Draw the scores of peaks by what they really are.

    Parameters
    ----------
    peaks
        One row for each peak: `kind`, `place` and the score, as `assess.evidence.artificial.scored_truth`
        returns them.
    score
        Name of the column.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A box for each kind and place, with the median, the quartiles, and whiskers to 1.5 of their distance.

    """
    known = peaks[peaks[score].notna()]
    cases = [
        (str(kind), str(place), part[score].to_numpy())
        for (kind, place), part in known.groupby(["kind", "place"], observed=True)
    ]
    cases.sort(key=lambda case: (ORDER.index(case[0]), case[1]))
    with style():
        ax = axes_for(ax, 1.4 + 0.9 * max(2, len(cases)), 3.2)
        boxes = ax.boxplot([values for *_, values in cases], showfliers=False, widths=0.6, patch_artist=True,
                           medianprops={"color": "black"})  # fmt: skip
        for box, (kind, *_) in zip(boxes["boxes"], cases, strict=True):
            box.set(facecolor=KINDS[ORDER.index(kind)], alpha=0.6)
        words = [f"{_words(kind, place)}\n{len(values):,}" for kind, place, values in cases]
        ax.set_xticks(range(1, len(cases) + 1), words)
        ax.set(ylabel=score)
    return ax


def rebuilt_by_kind(found: pd.DataFrame, ax: "Axes | None" = None) -> "Axes":
    """Draw what the model rebuilds at peaks of each kind, and in cells without a peak (article, Fig. S1).

    Parameters
    ----------
    found
        What `assess.rebuilt_by_kind` returned.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A dot at the median and a line between the quartiles, for each kind, place of the source, and whether
        its TR is of the group that belongs together there.

    """
    table = summarize_rebuilt(found).reset_index()
    table = table[table["peaks"] > 0]
    table["order"] = [ORDER.index(kind) for kind in table["kind"]]
    table = table.sort_values(["order", "place", "group"], kind="stable", ignore_index=True)
    cases = list(dict.fromkeys(zip(table["kind"], table["place"], strict=True)))
    with style():
        ax = axes_for(ax, 1.4 + 0.9 * max(2, len(cases)), 3.2)
        for shift, group, colour in zip((-0.2, 0.0, 0.2), GROUPS, KINDS, strict=False):
            rows = table[table["group"] == group]
            if rows.empty:
                continue
            at = (
                np.array([cases.index(case) for case in zip(rows["kind"], rows["place"], strict=True)])
                + shift
            )
            ax.vlines(
                at, rows["lower_quartile"], rows["upper_quartile"], color=colour, alpha=0.5, linewidth=4
            )
            words = {"same": "group of the stack", "other": "another group", "none": "in no group"}[group]
            ax.plot(at, rows["median"], "o", color=colour, markersize=4, label=words)
        ax.set_xticks(range(len(cases)), [_words(kind, place) for kind, place in cases])
        ax.set_ylabel("rebuilt, median and quartiles")
        ax.legend(fontsize=7)
    return ax


def _words(kind: str, place: str) -> str:
    """Return what a kind of peak is called below an axis."""
    return kind if kind == "watermark" else f"{kind}\n{place}"
