"""Figures of the report in Bokeh: one look, legible on light and on dark paper.

Text, axes and grids get their colours from the page's style sheet (`templates/page.css`), which knows whether
the paper is light or dark. Marks have colours that stand out on both, and matrices fade into the paper.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

# Bokeh's own types lack most keywords of its glyphs.
Drawn = Any
BLUE, ORANGE, GREEN, RED, GREY = "#3f86d6", "#e0772a", "#3a9d6a", "#d6453d", "#8b8f96"
ON_ANY_PAPER = "#838993"  # for text that takes no colour from the style sheet
SCALE_WIDTH = 260  # pixels
COLOURS = (BLUE, ORANGE, GREEN, "#a06bc9", "#c2940a", "#2aa3b8", RED, GREY)
_MATHEMATICS = re.compile(r"([$\\\\])(?=[$(\[])")


def plain(label: str) -> str:
    """Return a label that Bokeh draws as it is; it would take text between $$ or \\( \\) for mathematics."""
    return _MATHEMATICS.sub("\\1\u200b", label)


def new_figure(height: int, x: str, y: str, **options: Any) -> Drawn:
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
        axis.minor_tick_in = axis.minor_tick_out = 0
    drawn.grid.grid_line_alpha = 0.6
    return drawn


def hover(drawn: Drawn, tooltips: Sequence[tuple[str, str]], renderers: Sequence[Any]) -> None:
    """Show `tooltips`, (name, "@column") each, at the marks of some renderers."""
    from bokeh.models import HoverTool

    drawn.add_tools(HoverTool(tooltips=list(tooltips), renderers=list(renderers), attachment="vertical"))


def legend_above(drawn: Drawn) -> None:
    """Put the legend above the figure, in a row, without a box."""
    drawn.add_layout(drawn.legend[0], "above")
    drawn.legend.orientation = "horizontal"
    drawn.legend.background_fill_color = drawn.legend.border_line_color = None
    drawn.legend.padding, drawn.legend.spacing = 2, 14
    drawn.legend.click_policy = "hide"
    # It is no part of the canvas; `color` is inherited from the page, which knows the colour of the paper.
    drawn.legend.stylesheets = [".bk-label { color: inherit !important; }"]


def colour_scale(
    drawn: Drawn, palette: Sequence[str], limits: tuple[float, float], what: str,
    said: Mapping[float, str] | None = None, width: int = SCALE_WIDTH,
) -> None:  # fmt: skip
    """Draw what colours mean below a figure.

    Parameters
    ----------
    drawn
        The figure.
    palette
        Colours from the lowest to the highest value of `limits`.
    limits
        Values of the ends of the palette.
    what
        What the values are.
    said
        The ticks, with the words at each; None leaves them to the values.
    width
        In pixels.

    """
    from bokeh.models import ColorBar, FixedTicker, LinearColorMapper

    bar = ColorBar(
        color_mapper=LinearColorMapper(palette=list(palette), low=limits[0], high=limits[1]),
        title=plain(what), height=10, width=width, orientation="horizontal", padding=4,
        background_fill_color=None, title_text_font_style="normal", major_label_text_font_size="10px",
        major_label_text_color=ON_ANY_PAPER, title_text_color=ON_ANY_PAPER,
    )  # fmt: skip
    if said is not None:
        bar.ticker, bar.major_label_overrides = FixedTicker(ticks=list(said)), dict(said)
    drawn.add_layout(bar, "below")


def bars(names: Sequence[str], values: Sequence[float], title: str, colour: str = BLUE) -> Drawn:
    """Draw a horizontal bar for each name, the first one on top."""
    labels = [plain(name) for name in names]
    drawn = new_figure(height_of(len(labels)), title, "", y_range=labels[::-1])
    data = {"name": labels, "value": np.asarray(values, np.float64)}
    bar = drawn.hbar(y="name", right="value", height=0.7, color=colour, source=data)
    hover(drawn, [("", "@name"), (title, "@value{0,0.[000]}")], [bar])
    drawn.ygrid.visible = False
    drawn.x_range.start = 0
    whole_numbers(drawn.xaxis)
    return drawn


def height_of(rows: int) -> int:
    """Return the height of a figure with so many named rows."""
    return 90 + 17 * rows


def whole_numbers(axis: Drawn) -> None:
    """Write large numbers along an axis with thousands separators."""
    from bokeh.models import NumeralTickFormatter

    axis.formatter = NumeralTickFormatter(format="0,0.[000]")


def intervals(
    names: Sequence[str], columns: Mapping[str, Any], title: str, tooltips: Sequence[tuple[str, str]],
    begin: float | None = None, line: float | None = None,
) -> Drawn:  # fmt: skip
    """Draw a dot with its interval for each name, the first one on top.

    Parameters
    ----------
    names
        Different ones.
    columns
        value, low, high, colour, and what the tooltips show; (names,) each.
    title
        Of the axis.
    tooltips
        As for `hover`.
    begin
        Where the axis begins; None leaves that to the values.
    line
        Value of a line across all rows, which the axis then reaches; None draws none.

    """
    from bokeh.models import Span

    labels = [plain(name) for name in names]
    drawn = new_figure(height_of(len(labels)), title, "", y_range=labels[::-1])
    data = {"name": labels, **{name: np.asarray(values) for name, values in columns.items()}}
    if line is not None:
        # An axis follows marks, and not this line: without a mark there, the line may lie outside of it.
        drawn.scatter(x=[line], y=labels[:1], size=0, alpha=0)
    drawn.hbar(
        y="name", left="low", right="high", height=0.22, color="colour", alpha=0.45, line_color=None,
        source=data,
    )  # fmt: skip
    dots = drawn.scatter(x="value", y="name", size=8, color="colour", source=data)
    hover(drawn, [("", "@name"), *tooltips], [dots])
    drawn.ygrid.grid_line_dash = [2, 4]
    whole_numbers(drawn.xaxis)
    if begin is not None:
        drawn.x_range.start = begin
    if line is not None:
        drawn.add_layout(Span(location=line, dimension="height", line_color=ORANGE, line_dash="dashed"))
    return drawn


def lines(
    x: Sequence[float], values: Mapping[str, Sequence[float]], titles: tuple[str, str], height: int = 300,
    **options: Any,
) -> Drawn:  # fmt: skip
    """Draw a line with dots for each name; titles: of the two axes. NaN leaves a gap."""
    drawn = new_figure(height, *titles, **options)
    for number, (name, y) in enumerate(values.items()):
        add_line(drawn, x, y, plain(name), COLOURS[number % len(COLOURS)], titles[0])
    legend_above(drawn)
    return drawn


def add_line(
    drawn: Drawn, x: Sequence[float], y: Sequence[float], name: str, colour: str, title: str
) -> None:
    """Add a line with dots to a figure; title: of the x axis."""
    source = {"x": np.asarray(x, np.float64), "y": np.asarray(y, np.float64)}
    drawn.line("x", "y", source=source, color=colour, line_width=2, legend_label=name)
    dots = drawn.scatter("x", "y", source=source, color=colour, size=5, legend_label=name)
    hover(drawn, [(name, "@y{0,0.[0000]}"), (title, "@x{0,0.[00]}")], [dots])
