"""What all figures share: axes on a figure of their own, one style, heatmaps and lines with labels.

matplotlib's own state, its settings and its list of open figures, is left as the caller has it.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.errors import InputError
from atypeak_scale.plot.colours import DOUBTFUL, TRUSTED, UNDECIDED
from atypeak_scale.plot.labels import cut

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

FloatArray = npt.NDArray[np.floating[Any]]
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.titlesize": 9, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False, "axes.axisbelow": True,
    "text.parse_math": False,  # a dollar in a name is a dollar
    "text.usetex": False, "svg.fonttype": "none", "svg.hashsalt": "atypeak-scale", "pdf.fonttype": 42,
}  # fmt: skip
ROW, LABELS = 0.16, 1.9  # inches: of a row with its label, and beside a matrix
SMALLEST, LARGEST = 3.2, 15.0  # inches
FEWEST_POINTS, MOST_POINTS = 2.5, 8.0  # of letters; rows that would need smaller ones have none
LONGEST_LABEL = 28
FAINT = "#c8c8c8"


@contextmanager
def style() -> Iterator[None]:
    """Draw in our style while the block runs.

    Raises
    ------
    InputError
        If matplotlib is not installed.

    """
    try:
        from matplotlib import rc_context
    except ImportError:
        raise InputError("figures are drawn by matplotlib; pip install 'atypeak-scale[figures]'") from None
    with rc_context(STYLE):
        yield


def new_figure(width: float, height: float) -> "Figure":
    """Return a figure, sizes in inches, that pyplot does not know of; call it within `style`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axes_for(ax: "Axes | None", width: float = 5.0, height: float = 3.4) -> "Axes":
    """Return the caller's axes, or the only ones of a new figure of that size, inches."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def side(rows: int) -> float:
    """Return the height, or width, inches, for that many rows of a matrix with labels."""
    return min(LARGEST, max(SMALLEST, LABELS + ROW * rows))


def trust_map() -> "LinearSegmentedColormap":
    """Return the colours from doubtful, 0, to trusted, 1."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("trust", [DOUBTFUL, UNDECIDED, TRUSTED])


def label_rows(ax: "Axes", labels: Sequence[str], axis: str = "y") -> None:
    """Write a label at each whole number of an axis, as large as fits; none if they would be too small."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box, inches = ax.get_position(), figure.get_size_inches()
    room = 72 * (box.height * inches[1] if axis == "y" else box.width * inches[0]) / max(1, len(labels))
    points = min(MOST_POINTS, 0.85 * room)
    shown = [cut(label, LONGEST_LABEL) for label in labels] if points >= FEWEST_POINTS else []
    places = range(len(shown))
    if axis == "y":
        ax.set_yticks(places, shown, fontsize=points)
        ax.tick_params("y", length=0)
    else:
        ax.set_xticks(places, shown, fontsize=points, rotation=90)
        ax.tick_params("x", length=0)


def heatmap(
    ax: "Axes",
    values: FloatArray,
    rows: Sequence[str],
    columns: Sequence[str],
    colours: Any,
    limits: tuple[float, float],
    legend: str,
    power: float = 1.0,
) -> "AxesImage":
    """Draw a matrix (rows, columns) with labels and a colour bar; NaN stays empty.

    power: colours follow this power of the values.
    """
    from matplotlib.colors import PowerNorm

    scale = PowerNorm(power, *limits)
    image = ax.imshow(values, cmap=colours, norm=scale, aspect="auto", interpolation="none")
    for spine in ax.spines.values():
        spine.set_visible(False)
    label_rows(ax, rows)
    label_rows(ax, columns, "x")
    figure = ax.get_figure(root=True)
    assert figure is not None
    bar = figure.colorbar(image, ax=ax, shrink=min(1.0, 2.5 / figure.get_figheight()), pad=0.01)
    bar.set_label(legend)
    bar.outline.set_visible(False)
    return image


def highest(values: FloatArray) -> float:
    """Return the largest of some values; 1 if there is none above 0, so that a scale has an end."""
    found = float(np.nanmax(values, initial=0.0)) if values.size else 0.0
    return found if found > 0 and math.isfinite(found) else 1.0
