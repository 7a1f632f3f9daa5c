"""What tests read back from axes."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes


def image(ax: Axes) -> np.ndarray:
    """Return the values of the only image, NaN where nothing is drawn."""
    (found,) = ax.images
    values = np.ma.asarray(found.get_array(), dtype=float)
    return np.asarray(values.filled(np.nan))


def labels(ax: Axes, axis: str = "y") -> list[str]:
    ticks = ax.get_yticklabels() if axis == "y" else ax.get_xticklabels()
    return [text.get_text() for text in ticks]


def lines(ax: Axes) -> dict[str, np.ndarray]:
    """Return the points (n, 2) of every line with a label."""
    return {
        str(line.get_label()): np.asarray(line.get_xydata(), float)
        for line in ax.lines
        if not str(line.get_label()).startswith("_")
    }


def points(ax: Axes) -> list[np.ndarray]:
    """Return the points of every line that has markers."""
    return [
        np.asarray(line.get_xydata(), float)
        for line in ax.lines
        if line.get_marker() not in ("None", "", None)
    ]


def segments(ax: Axes, number: int = 0) -> np.ndarray:
    """Return the ends (n, 2, 2) of a collection of lines."""
    from matplotlib.collections import LineCollection

    found: Any = [one for one in ax.collections if isinstance(one, LineCollection)][number]
    return np.array(found.get_segments())
