"""Figures of the report in Bokeh: one look, legible on light and on dark paper.

Text, axes and grids get their colours from the page's style sheet (`templates/page.css`), which knows whether
the paper is light or dark. Marks have colours that stand out on both, and matrices fade into the paper.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bokeh.models import Plot
    from bokeh.plotting import figure as Figure

BLUE, ORANGE, GREEN, RED, GREY = "#3f86d6", "#e0772a", "#3a9d6a", "#d6453d", "#8b8f96"
COLOURS = (BLUE, ORANGE, GREEN, "#a06bc9", "#c2940a", "#2aa3b8", RED, GREY)
MOST_LABELS = 90  # along an axis of a matrix, before the reader zooms in
SHADES = 64
FLOAT = np.float32  # enough for a drawing
FloatArray = npt.NDArray[np.floating[Any]]


def plain(label: str) -> str:
    """Return a label that Bokeh draws as it is; it would take text between $$ or \\( \\) for mathematics."""
    for mark in ("$$", "\\(", "\\["):
        label = label.replace(mark, mark[0] + "\u200b" + mark[1])
    return label


def new_figure(height: int, x: str, y: str, **options: Any) -> "Figure":
    """Return an empty figure as wide as the page; `x` and `y` are the titles of its axes."""
    from bokeh.models import PanTool, ResetTool, SaveTool, WheelZoomTool
    from bokeh.plotting import figure

    wheel = WheelZoomTool()
    drawn = figure(
        height=height, sizing_mode="stretch_width", x_axis_label=x, y_axis_label=y,
        tools=[PanTool(), wheel, ResetTool(), SaveTool()], active_drag=None, active_scroll=None, **options,
    )  # fmt: skip
    drawn.toolbar.logo = None
    drawn.background_fill_color = drawn.border_fill_color = drawn.outline_line_color = None
    for axis in drawn.axis:
        axis.axis_label_text_font_style = "normal"
        axis.minor_tick_line_color = None
    drawn.grid.grid_line_alpha = 0.6
    return drawn


def hover(drawn: "Figure", tooltips: Sequence[tuple[str, str]], renderers: Sequence[Any]) -> None:
    """Show `tooltips`, (name, "@column") each, at the marks of some renderers."""
    from bokeh.models import HoverTool

    drawn.add_tools(HoverTool(tooltips=list(tooltips), renderers=list(renderers), attachment="vertical"))


def legend_above(drawn: "Figure") -> None:
    """Put the legend above the figure, in a row, without a box."""
    drawn.add_layout(drawn.legend[0], "above")
    drawn.legend.orientation = "horizontal"
    drawn.legend.background_fill_color = drawn.legend.border_line_color = None
    drawn.legend.padding, drawn.legend.spacing = 2, 14
    drawn.legend.click_policy = "hide"


def shades(colour: str) -> list[str]:
    """Return a palette from clear to a colour, so that the least values fade into any paper."""
    return [f"{colour}{round(255 * step / (SHADES - 1)):02x}" for step in range(SHADES)]


def two_sided(low: str = ORANGE, high: str = BLUE) -> list[str]:
    """Return a palette from one colour over clear to another."""
    return [*reversed(shades(low)), *shades(high)[1:]]


def bars(names: Sequence[str], values: FloatArray, title: str, colour: str = BLUE) -> "Figure":
    """Draw a horizontal bar for each name, the first one on top."""
    labels = [plain(name) for name in names]
    drawn = new_figure(_height(len(labels)), title, "", y_range=labels[::-1])
    data = {"name": labels, "value": np.asarray(values, np.float64)}
    bar = drawn.hbar(y="name", right="value", height=0.7, color=colour, source=data)
    hover(drawn, [("", "@name"), (title, "@value{0,0.[000]}")], [bar])
    drawn.ygrid.grid_line_color = None
    drawn.x_range.start = 0
    _big_numbers(drawn)
    return drawn


def _height(rows: int) -> int:
    return 90 + 17 * rows


def _big_numbers(drawn: "Figure") -> None:
    from bokeh.models import NumeralTickFormatter

    drawn.xaxis.formatter = NumeralTickFormatter(format="0,0.[000]")


def intervals(
    names: Sequence[str], columns: Mapping[str, Sequence[Any] | FloatArray], title: str,
    tooltips: Sequence[tuple[str, str]],
) -> "Figure":  # fmt: skip
    """Draw a dot with its interval for each name, the first one on top.

    columns: value, low, high, colour, and what the tooltips show; (names,) each.
    """
    labels = [plain(name) for name in names]
    drawn = new_figure(_height(len(labels)), title, "", y_range=labels[::-1])
    data = {"name": labels, **{name: np.asarray(values) for name, values in columns.items()}}
    drawn.hbar(
        y="name", left="low", right="high", height=0.22, color="colour", alpha=0.45, line_color=None,
        source=data,
    )  # fmt: skip
    dots = drawn.scatter(x="value", y="name", size=8, color="colour", source=data)
    hover(drawn, [("", "@name"), *tooltips], [dots])
    drawn.ygrid.grid_line_dash = [2, 4]
    return drawn


def lines(
    x: FloatArray, values: Mapping[str, FloatArray], titles: tuple[str, str], height: int = 300,
    **options: Any,
) -> "Figure":  # fmt: skip
    """Draw a line with dots for each name; titles: of the two axes. NaN leaves a gap."""
    drawn = new_figure(height, *titles, **options)
    for number, (name, y) in enumerate(values.items()):
        colour = COLOURS[number % len(COLOURS)]
        source = {"x": np.asarray(x, np.float64), "y": np.asarray(y, np.float64)}
        drawn.line("x", "y", source=source, color=colour, line_width=2, legend_label=name)
        dots = drawn.scatter("x", "y", source=source, color=colour, size=5, legend_label=name)
        hover(drawn, [(name, "@y{0.[0000]}"), (titles[0], "@x{0,0.[00]}")], [dots])
    legend_above(drawn)
    return drawn


def matrix(
    values: FloatArray, rows: Sequence[str], columns: Sequence[str], what: str, palette: Sequence[str],
    limits: tuple[float, float], marks: Sequence[tuple[int, int]] = (), height: int = 0,
) -> "Plot":  # fmt: skip
    """Draw a matrix as an image, row 0 on top; the page shows the cell under the pointer in words.

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
    marks
        Blocks [start, stop) along the diagonal to be framed.
    height
        In pixels; 0 makes cells square.

    """
    from bokeh.models import LinearColorMapper

    m, n = values.shape
    drawn = new_figure(
        height or 300, "", "", x_range=(-0.5, n - 0.5), y_range=(m - 0.5, -0.5), x_axis_location="above"
    )
    mapper = LinearColorMapper(palette=list(palette), low=limits[0], high=limits[1], nan_color="#00000000")
    drawn.image(
        image=[_quantised(values, limits)], x=-0.5, y=-0.5, dw=n, dh=m, color_mapper=mapper, origin="bottom_left",
        name="matrix",
    )  # fmt: skip
    _label_axes(drawn, rows, columns)
    if marks:
        from bokeh.models import ColumnDataSource

        start, stop = (np.array(ends, np.float64) - 0.5 for ends in zip(*marks, strict=True))
        blocks = ColumnDataSource({"start": start, "stop": stop})
        drawn.quad(left="start", right="stop", top="start", bottom="stop", source=blocks,
                   fill_color=None, line_color=ORANGE, line_width=1.5)  # fmt: skip
    _legend_of(drawn, mapper, what)
    drawn.tags = [
        {"matrix": what, "rows": [*map(str, rows)], "columns": [*map(str, columns)]},
    ]
    if not height:
        drawn.sizing_mode, drawn.max_width = "scale_width", 860
        drawn.width, drawn.height = 700, 700 if n == m else max(260, round(700 * m / n))
    return drawn


def _quantised(values: FloatArray, limits: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Return the values with as many digits as a reader sees: the page stays small when it is packed."""
    step = (limits[1] - limits[0]) / 2000 or 1
    return (np.round(values / step) * step).astype(FLOAT)


def _label_axes(drawn: "Figure", rows: Sequence[str], columns: Sequence[str]) -> None:
    """Name rows and columns at whole numbers; the tickers choose how many there is room for."""
    from bokeh.models import AdaptiveTicker

    longest = max(map(len, (*rows, *columns)), default=1)
    for axis, labels in ((drawn.xaxis[0], columns), (drawn.yaxis[0], rows)):
        axis.ticker = AdaptiveTicker(
            min_interval=1, mantissas=[1, 2, 5], desired_num_ticks=MOST_LABELS, num_minor_ticks=0
        )
        axis.major_label_overrides = {number: plain(label) for number, label in enumerate(labels)}
        axis.major_label_text_font_size = "11px" if len(labels) <= 30 else "8px"
        axis.major_tick_line_color = axis.axis_line_color = None
    drawn.xaxis.major_label_orientation = 0.9 if longest > 2 else 0
    drawn.grid.grid_line_color = None


def _legend_of(drawn: "Figure", mapper: Any, what: str) -> None:
    from bokeh.models import ColorBar

    drawn.add_layout(
        ColorBar(color_mapper=mapper, title=plain(what), height=10, background_fill_color=None,
                 title_text_font_style="normal", major_label_text_font_size="10px", padding=4,
                 width=260, orientation="horizontal"),
        "below",
    )  # fmt: skip
