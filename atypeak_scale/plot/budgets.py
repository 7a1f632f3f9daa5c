"""The search over budgets: how good the models of each setting are (article, Fig. 3)."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from atypeak_scale.assess.quality.recommendation import recommend, summarize_search
from atypeak_scale.plot.canvas import axes_for, style
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED
from atypeak_scale.plot.labels import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LONGEST_SETTING = 40


def search(trials: pd.DataFrame, ax: "Axes | None" = None) -> "Axes":
    """Draw the Q-score, or the power, of every model of a search by its setting.

    Parameters
    ----------
    trials
        What `assess.search` returned, or search.tsv.
    ax
        Axes to draw into; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
        A dot for each model, a line through the means of the settings, in the order of the search; the
        recommended setting is marked. Lower Q-scores are better, and higher power.

    """
    measure = "power" if "power" in trials else "q_score"
    keys = list(trials.columns[: trials.columns.get_loc("seed")])
    table, chosen = summarize_search(trials), recommend(trials).setting
    settings = _settings(table, keys)
    names = [
        "\n".join(f"{key.rpartition('.')[2]} {value}" for key, value in zip(keys, setting, strict=True))
        for setting in settings
    ]
    place_of = {setting: at for at, setting in enumerate(settings)}
    places = np.array([place_of[setting] for setting in _settings(trials, keys)])
    best = place_of[tuple(str(chosen[key]) for key in keys)]
    with style():
        ax = axes_for(ax, max(3.6, 1.6 + 0.7 * len(names)), 3.2)
        ax.plot(table[measure].to_numpy(), "-", color=TRUSTED, linewidth=1.2, label="mean")
        ax.plot(
            places, trials[measure].to_numpy(), "o", color=TRUSTED, alpha=0.6, markersize=4, label="one model"
        )
        ax.plot([best], [table[measure].iloc[best]], "o", color=DOUBTFUL, markersize=11, fillstyle="none",
                markeredgewidth=1.5, label="recommended")  # fmt: skip
        ax.set_xticks(range(len(names)), [cut_lines(name) for name in names])
        ax.margins(x=0.15)
        ax.set_ylabel("power: higher is better" if measure == "power" else "Q-score: lower is better")
        ax.legend(fontsize=7)
    return ax


def _settings(table: pd.DataFrame, keys: list[str]) -> list[tuple[str, ...]]:
    """Return the settings of each row as text, which a value of any type becomes."""
    return list(zip(*(table[key].map(str) for key in keys), strict=True))


def cut_lines(text: str) -> str:
    """Return text of several lines with each cut to a length that fits below an axis."""
    return "\n".join(cut(line, LONGEST_SETTING) for line in text.splitlines())
