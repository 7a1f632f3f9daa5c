"""Matrices as images: their codes say what the values are, and bytes stay bounded."""

import json

import numpy as np
from bokeh.embed import json_item
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.report.matrices import CODES, EMPTY, coded, matrix, shades, two_sided


@given(
    st.lists(st.floats(-2, 2, allow_nan=False) | st.just(float("nan")), min_size=1, max_size=30),
    st.floats(-1, 0.5),
    st.floats(0.6, 2),
)
def test_coded__gives_values_back_within_half_a_step(values: list[float], low: float, high: float) -> None:
    array = np.array([values])
    codes = coded(array, (low, high))
    assert codes.dtype == np.uint8
    np.testing.assert_array_equal(codes == EMPTY, np.isnan(array))
    back = low + codes.astype(float) / CODES * (high - low)
    known = ~np.isnan(array)
    np.testing.assert_allclose(
        back[known], np.clip(array[known], low, high), atol=0.51 * (high - low) / CODES
    )


def test_palettes__fade_into_the_paper() -> None:
    assert shades("#112233")[0] == "#11223300" and shades("#112233")[-1] == "#112233ff"
    both = two_sided("#aa0000", "#0000bb")
    assert both[0] == "#aa0000ff" and both[-1] == "#0000bbff" and len(both) % 2 == 1
    assert both[len(both) // 2].endswith("00")


def test_matrix__has_its_labels_and_blocks() -> None:
    drawn = matrix(
        np.eye(3), ["a", "b", "$$"], ["x", "y", "z"], "asked", shades("#112233"), (0, 1), [(0, 2), (2, 3)]
    )
    (said,) = drawn.tags
    assert said["matrix"] == {
        "what": "asked",
        "low": 0,
        "high": 1,
        "rows": ["a", "b", "$$"],
        "columns": ["x", "y", "z"],
    }
    image = drawn.select_one({"name": "matrix"})
    np.testing.assert_array_equal(image.data_source.data["image"][0], coded(np.eye(3), (0, 1)))
    assert drawn.y_range.start > drawn.y_range.end  # row 0 on top
    blocks = drawn.renderers[-1].data_source.data
    assert list(blocks["start"]) == [-0.5, 1.5] and list(blocks["stop"]) == [1.5, 2.5]


def test_matrix__of_a_thousand_sources_stays_small() -> None:
    names = [f"GSE{number}.tr{number}" for number in range(1200)]
    values = np.random.default_rng(1).random((1200, 1200))
    drawn = matrix(values, names, names, "asked", shades("#112233"), (0, 1))
    assert len(json.dumps(json_item(drawn))) < 2.2e6  # one byte a cell, and base64
