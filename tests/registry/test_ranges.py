"""Ranges of columns, by their names."""

import pytest

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.ranges import RANGES, range_of, range_text


def test_ranges__are_of_columns_that_exist() -> None:
    names = {column.name for table in TABLES for column in table.columns} | {"score"}
    assert set(RANGES) <= names


@pytest.mark.parametrize(
    "name, text",
    [("doubt", "0 to 1"), ("power_low", "0 to 1"), ("spearman", "-1 to 1"), ("peaks", "0 or more"),
     ("percentile", "0 to 100"), ("final", ""), ("support", "")],
)  # fmt: skip
def test_range_text(name: str, text: str) -> None:
    assert range_text(name, False) == text
    assert range_text(name, True) == ""
    assert (range_of(name) is None) == (text == "")
