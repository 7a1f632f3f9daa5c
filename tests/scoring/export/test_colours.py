from itertools import pairwise

import numpy as np

from atypeak_scale.scoring.export.colours import COLOURS, UNKNOWN, as_hex, colours_of, legend


def luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance as the Web Content Accessibility Guidelines define it."""
    linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_colours__can_be_read_on_white() -> None:
    assert all(1.05 / (luminance(colour) + 0.05) >= 3 for colour in (*COLOURS, UNKNOWN))


def test_colours__are_told_apart_by_lightness_alone() -> None:
    """So they are for every kind of colour vision."""
    found = [luminance(colour) for colour in COLOURS]
    assert all(high > 1.05 * low for high, low in pairwise(found))


def test_colours__follow_the_score() -> None:
    scores = np.array([0, 99, 100, 999, 1000, 0])
    has_score = np.array([True] * 5 + [False])
    expected = [COLOURS[0], COLOURS[0], COLOURS[1], COLOURS[9], COLOURS[10], UNKNOWN]
    assert colours_of(scores, has_score) == [",".join(map(str, colour)) for colour in expected]


def test_legend__tells_the_colour_of_every_score() -> None:
    """The range that a score is in names the colour that the score gets."""
    told = dict(legend())
    for score in range(1001):
        (text,) = [t for t in told if int(t.split("-")[0]) <= score <= int(t.split("-")[-1])]
        red, green, blue = map(int, colours_of(np.array([score]), np.array([True]))[0].split(","))
        assert told[text] == as_hex((red, green, blue))
