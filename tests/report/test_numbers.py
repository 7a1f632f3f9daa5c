"""Numbers in sentences."""

import math

import pytest

from atypeak_scale.report.numbers import count, listed, percent, spoken


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.387, "39%"), (0.1, "10%"), (0.0996, "10%"), (0.0699, "7.0%"), (0.004, "0.4%"),
     (0.0004, "less than 0.1%"),
     (0.0, "0%"), (1.0, "100%"), (math.nan, "-")],
)  # fmt: skip
def test_percent__has_the_digits_that_matter(share: float, text: str) -> None:
    assert percent(share) == text


def test_count__is_singular_for_one() -> None:
    assert count(1, "peak") == "1 peak"
    assert count(12345, "peak") == "12,345 peaks"
    assert count(2, "index", "indices") == "2 indices"


def test_listed__names_some_and_counts_the_rest() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_spoken__is_what_people_say() -> None:
    assert [spoken(view) for view in ("tr", "dataset", "model")] == ["TR", "dataset", "model"]
