"""The matrix of groups against what the assessment kept."""

import numpy as np
import xarray as xr
from plot.drawn import image, labels

from atypeak_scale.assess import load
from atypeak_scale.plot.group_matrix import groups
from atypeak_scale.scoring.scores import Scores


def test_groups__every_cell_by_group(kept: Scores) -> None:
    found = load(kept, "groups")
    ax = groups(found)
    order = labels(ax)
    assert order == labels(ax, "x")
    expected = found["asked"].sel(source=order, source_other=order).values.copy()
    np.fill_diagonal(expected, np.nan)
    np.testing.assert_allclose(image(ax), expected)
    group = found["group"].sel(source=order).values
    assert (np.diff(group) >= 0).all()
    for number in np.unique(group):
        strength = found["strength"].sel(source=order).values[group == number]
        assert (np.diff(np.nan_to_num(strength)) <= 0).all()


def test_groups__frames_and_names_of_those_with_several_sources() -> None:
    group, names = np.array([1, 0, 0, 2, 0]), np.array(["b", "$a$", "$a$", "c", "$a$"], object)
    sources = np.array([f"d{at}.x" for at in range(5)], object)
    found = xr.Dataset(
        {
            "asked": (("source", "source_other"), np.eye(5)), "group": ("source", group),
            "group_name": ("source", names), "strength": ("source", [np.nan, 0.2, 0.9, np.nan, 0.5]),
        },
        coords={"source": sources, "source_other": sources},
    )  # fmt: skip
    ax = groups(found)
    assert labels(ax) == ["d2.x", "d4.x", "d1.x", "d0.x", "d3.x"]
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (-0.5, -0.5, 3, 3)
    assert [text.get_text() for text in ax.texts] == ["0: $a$"]
    ax.get_figure().draw_without_rendering()  # a dollar is no formula
