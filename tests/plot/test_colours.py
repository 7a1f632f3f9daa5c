"""Colours are what they say, and differ for people who see fewer of them."""

import itertools
import math

import numpy as np
import pytest

from atypeak_scale.plot.colours import DOUBTFUL, KINDS, TRUSTED, UNDECIDED, UNJUDGED, shade

# Machado et al. 2009, severity 1.0, for linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, seen: str) -> np.ndarray:
    """Return CIE L*a*b* of a colour as it is seen with a deficiency."""
    values = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(DEFICIENCIES[seen]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    scaled = xyz / [0.9505, 1.0, 1.089]
    f = np.where(scaled > 0.008856, np.cbrt(scaled), 7.787 * scaled + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, seen: str) -> float:
    return float(np.linalg.norm(lab(one, seen) - lab(other, seen)))


@pytest.mark.parametrize("seen", DEFICIENCIES)
def test_colours__can_be_told_apart(seen: str) -> None:
    for colours, least in (((DOUBTFUL, UNDECIDED, TRUSTED), 20), (KINDS[:5], 10), ((DOUBTFUL, UNJUDGED), 20)):
        for one, other in itertools.combinations(colours, 2):
            assert distance(one, other, seen) > least, (one, other)


def test_shade__at_its_ends_and_between() -> None:
    assert [shade(at) for at in (0.0, 0.5, 1.0, math.nan)] == [DOUBTFUL, UNDECIDED, TRUSTED, UNJUDGED]
    blue = [int(shade(at)[5:], 16) for at in np.linspace(0, 1, 21)]
    assert blue == sorted(blue)
    red = [int(shade(at)[1:3], 16) for at in np.linspace(0, 1, 21)]
    assert red == sorted(red, reverse=True)
