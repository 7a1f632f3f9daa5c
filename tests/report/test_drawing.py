"""Figures of the report: what they hold, and that labels are drawn as they are."""

import numpy as np
from bokeh.models import HoverTool, LinearAxis
from bokeh.models.text import MathText

from atypeak_scale.report.drawing import bars, intervals, lines, new_figure, plain


def test_plain__leaves_no_mathematics_to_be_found() -> None:
    for label in ("$$x$$", "$$$$", r"\(x\)", r"\[x\]", "a$b", "plain"):
        text = plain(label)
        assert text.replace("\u200b", "") == label
        assert not any(mark in text for mark in ("$$", r"\(", r"\["))
        assert not isinstance(LinearAxis(axis_label=text).axis_label, MathText)


def test_new_figure__has_no_paper_of_its_own() -> None:
    drawn = new_figure(100, "x", "y")
    assert drawn.background_fill_color is drawn.border_fill_color is drawn.outline_line_color is None
    assert drawn.toolbar.logo is None and drawn.toolbar.active_scroll is None


def test_bars__hold_the_values_with_the_first_on_top() -> None:
    drawn = bars(["b", "a", "$$"], [3, 1, 2], "peaks")
    data = drawn.renderers[0].data_source.data
    assert list(data["value"]) == [3, 1, 2]
    assert drawn.y_range.factors == [*reversed(data["name"])]


def test_intervals__hold_every_column_and_a_line() -> None:
    columns = {
        "value": [2.0, 5.0],
        "low": [1.0, 4.0],
        "high": [3.0, 6.0],
        "colour": ["red", "blue"],
        "extra": [7, 8],
    }
    drawn = intervals(["a", "b"], columns, "share", [("extra", "@extra")], begin=0, line=4)
    (hover,) = drawn.select(HoverTool)
    data = hover.renderers[0].data_source.data
    assert {name: list(data[name]) for name in columns} == columns
    assert drawn.x_range.start == 0
    assert [one.location for one in drawn.center if hasattr(one, "location")] == [4]


def test_lines__have_one_for_each_name() -> None:
    drawn = lines([1, 2], {"a": [3, np.nan], "b": [5, 6]}, ("x", "y"))
    dots = [one for one in drawn.renderers if one.glyph.__class__.__name__ == "Scatter"]
    np.testing.assert_array_equal([one.data_source.data["y"] for one in dots], [[3, np.nan], [5, 6]])
    assert [item.label.value for item in drawn.legend[0].items] == ["a", "b"]
