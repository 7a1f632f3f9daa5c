"""Axes, labels and heatmaps; and that matplotlib is left as it was."""

import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.plot.canvas import (
    LARGEST,
    SMALLEST,
    STYLE,
    axes_for,
    heatmap,
    highest,
    label_rows,
    new_figure,
    side,
    style,
    trust_map,
)
from atypeak_scale.plot.colours import shade


def test_style__leaves_the_callers_settings() -> None:
    before = dict(mpl.rcParams)
    with pytest.raises(ValueError, match="stop"), style():
        assert mpl.rcParams["text.parse_math"] is False
        raise ValueError("stop")
    assert dict(mpl.rcParams) == before
    assert set(STYLE) <= set(before)


def test_style__without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'atypeak-scale\[figures\]'"), style():
        pass


def test_plot__is_imported_without_matplotlib() -> None:
    script = (
        "import sys, atypeak_scale\n"
        "for name in atypeak_scale.plot.__all__: getattr(atypeak_scale.plot, name)\n"
        "assert 'matplotlib' not in sys.modules and 'tensorflow' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_axes__are_the_callers_or_new_ones_that_pyplot_does_not_know() -> None:
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    ax = axes_for(None, 4, 3)
    assert ax.get_figure().get_size_inches().tolist() == [4, 3]
    assert axes_for(ax) is ax
    assert plt.get_fignums() == before


def test_side__is_bounded_and_grows() -> None:
    sizes = [side(rows) for rows in range(0, 3000, 10)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (SMALLEST, LARGEST)


@pytest.mark.parametrize(
    "count, is_labelled", [(1, True), (15, True), (71, True), (200, True), (1200, False)]
)
def test_labels__do_not_overlap_and_are_left_out_if_they_would(count: int, is_labelled: bool) -> None:
    figure = new_figure(side(count), side(count))
    ax = figure.add_subplot()
    labels = [f"GSE{at}.tr{at}" for at in range(count)]
    ax.set_ylim(-0.5, count - 0.5)
    label_rows(ax, labels)
    shown = ax.get_yticklabels()
    assert [text.get_text() for text in shown] == (labels if is_labelled else [])
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in shown]
    assert all(boxes[at].y1 <= boxes[at + 1].y0 + 1 for at in range(len(boxes) - 1))


def test_heatmap__holds_the_values_and_names_from_strangers() -> None:
    values = np.array([[0.5, np.nan], [-1.0, 2.0]])
    rows, columns = ["$\\frac$", "a<b>"], ["x\x1b", "_y^"]
    with style():
        ax = axes_for(None)
        image = heatmap(ax, values, rows, columns, "viridis", (-1, 2), "what")
        ax.get_figure().draw_without_rendering()
    np.testing.assert_array_equal(image.get_array().filled(np.nan), values)
    assert image.get_clim() == (-1, 2)
    assert [text.get_text() for text in ax.get_yticklabels()] == rows
    assert [text.get_text() for text in ax.get_xticklabels()] == ["x\ufffd", "_y^"]
    assert ax.get_figure().axes[1].get_ylabel() == "what"


def test_trust__is_the_same_scale_as_everywhere() -> None:
    for trust in (0.0, 0.25, 0.5, 0.9, 1.0):
        red, green, blue, _ = (round(255 * part) for part in trust_map()(trust))
        expected = [int(shade(trust)[at : at + 2], 16) for at in (1, 3, 5)]
        np.testing.assert_allclose([red, green, blue], expected, atol=2)


def test_highest__is_never_an_empty_scale() -> None:
    assert highest(np.array([0.2, 0.7, np.nan])) == 0.7
    for values in ([], [np.nan], [0.0, -3.0], [np.inf]):
        assert highest(np.array(values)) == 1.0
