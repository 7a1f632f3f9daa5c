"""Matrices of the report as images: legible and small with ten sources and with a thousand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.report.drawing import BLUE, ORANGE, Drawn, colour_scale, new_figure, plain

SHADES = 64
CLOSEST = 6  # cells along an axis when the reader has zoomed in
CODES = 254  # steps from the lowest to the highest value: all that an eye can tell
EMPTY = 255  # code of a cell without a value
WIDEST = 880  # pixels
MOST_LABELS = 90  # along an axis before the page has measured how many fit
FloatArray = npt.NDArray[np.floating[Any]]


def shades(colour: str) -> list[str]:
    """Return a palette from clear to a colour, so that the least values fade into any paper."""
    return [f"{colour}{round(255 * step / (SHADES - 1)):02x}" for step in range(SHADES)]


def two_sided(low: str = ORANGE, high: str = BLUE) -> list[str]:
    """Return a palette from one colour over clear to another."""
    return [*reversed(shades(low)), *shades(high)[1:]]


def matrix(
    values: FloatArray, rows: Sequence[str], columns: Sequence[str], what: str, palette: Sequence[str],
    limits: tuple[float, float], blocks: Sequence[tuple[int, int]] = (),
) -> Drawn:  # fmt: skip
    """Draw a matrix as an image, row 0 on top; the page says in words what is under the pointer.

    Parameters
    ----------
    values : (rows, columns) float
        NaN cells stay clear.
    rows, columns
        Labels. If there are many, the axes show some of them, and more when the reader zooms in.
    what
        What the values are.
    palette
        Colours from the lowest to the highest value of `limits`; values beyond get the last colour.
    limits
        Values of the ends of the palette.
    blocks
        Ranges [start, stop) along the diagonal to be framed.

    """
    from bokeh.models import LinearColorMapper

    m, n = values.shape
    x, y = _range(-0.5, n - 0.5, n), _range(m - 0.5, -0.5, m)
    drawn = new_figure(700, "", "", x_range=x, y_range=y, x_axis_location="above")
    mapper = LinearColorMapper(palette=list(palette), low=0, high=CODES, high_color="#00000000")
    drawn.image(image=[coded(values, limits)], x=-0.5, y=-0.5, dw=n, dh=m, color_mapper=mapper, name="matrix")
    _label_axes(drawn, rows, columns)
    if blocks:
        start, stop = (np.array(ends, np.float64) - 0.5 for ends in zip(*blocks, strict=True))
        drawn.quad(left="start", right="stop", top="start", bottom="stop",
                   source={"start": start, "stop": stop}, fill_color=None, line_color=ORANGE,
                   line_width=1.5)  # fmt: skip
    colour_scale(drawn, palette, limits, what)
    said = {"what": what, "low": limits[0], "high": limits[1]}
    drawn.tags = [{"matrix": {**said, "rows": [*map(str, rows)], "columns": [*map(str, columns)]}}]
    width = min(WIDEST, 220 + 34 * n)
    drawn.width, drawn.height = width, max(260, min(2 * WIDEST, round(width * m / n)))
    drawn.sizing_mode, drawn.max_width = "scale_width", width
    return drawn


def _range(start: float, end: float, count: int) -> Drawn:
    """Return a range that cannot be left, nor zoomed to less than a few cells."""
    from bokeh.models import Range1d

    return Range1d(start, end, bounds=(-0.5, count - 0.5), min_interval=min(count, CLOSEST))


def coded(values: FloatArray, limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Return values as whole steps between the limits, 0 to `CODES`, and `EMPTY` for NaN."""
    low, high = limits
    share = (np.asarray(values, np.float64) - low) / ((high - low) or 1)
    known = np.nan_to_num(np.clip(share, 0, 1) * CODES)
    return np.where(np.isnan(values), EMPTY, np.round(known)).astype(np.uint8)


def _label_axes(drawn: Drawn, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name rows and columns at whole numbers; the page chooses how many there is room for."""
    from bokeh.models import AdaptiveTicker

    for axis, labels in ((drawn.xaxis[0], columns), (drawn.yaxis[0], rows)):
        axis.ticker = AdaptiveTicker(
            min_interval=1, mantissas=[1, 2, 5], desired_num_ticks=MOST_LABELS, num_minor_ticks=0
        )
        axis.major_label_overrides = {number: plain(str(label)) for number, label in enumerate(labels)}
        axis.major_label_text_font_size = "11px" if len(labels) <= 40 else "9px"
        axis.major_tick_in = axis.major_tick_out = 0
    if max(map(len, columns), default=0) > 2:
        drawn.xaxis.major_label_orientation = "vertical"
    drawn.grid.visible = False
