"""Colours of scores from 0 to 1000: dark blue is trusted, orange is not.

Lightness alone tells them apart, so they do for every kind of colour vision and in print; each can be read
on white. They are steps of matplotlib's `plasma`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

STEP = 100  # of the score, for each colour
COLOURS = (
    (231, 110, 91), (218, 91, 105), (204, 73, 119), (188, 53, 135), (170, 35, 149), (149, 17, 161),
    (126, 3, 168), (102, 0, 167), (76, 2, 161), (49, 5, 151), (13, 8, 135),
)  # fmt: skip
UNKNOWN = (140, 140, 140)  # of a peak without the score


def colours_of(scores: npt.NDArray[np.integer[Any]], has_score: npt.NDArray[np.bool_]) -> list[str]:
    """Return the colour of each whole score, 0 to 1000, as `R,G,B`; `UNKNOWN` where there is none."""
    texts = [",".join(map(str, colour)) for colour in (*COLOURS, UNKNOWN)]
    index = np.where(has_score, scores // STEP, len(COLOURS))
    return [texts[number] for number in index.tolist()]


def legend() -> list[tuple[str, str]]:
    """Return (range of scores, `#rrggbb`) of each colour, the highest first."""
    ranges = [f"{low}-{low + STEP - 1}" for low in range(0, 1000, STEP)] + ["1000"]
    return [(text, as_hex(colour)) for text, colour in zip(ranges, COLOURS, strict=True)][::-1]


def as_hex(colour: tuple[int, int, int]) -> str:
    """Return `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
