"""Ranges as words, and which columns must have one."""

import pytest

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.ranges import BED_SCORE, FROM_0, FROM_1, PERCENT, SHARE, SIGNED, Range, range_text
from atypeak_scale.registry.table import Column


@pytest.mark.parametrize(
    "values, text",
    [(None, ""), (SHARE, "0 to 1"), (SIGNED, "-1 to 1"), (PERCENT, "0 to 100"), (BED_SCORE, "0 to 1000"),
     (FROM_0, "0 or more"), (FROM_1, "1 or more"), ((0.1, 10), "0.1 to 10")],
)  # fmt: skip
def test_range_text(values: Range | None, text: str) -> None:
    assert range_text(values) == text


def named(name: str) -> list[Column]:
    return [column for table in TABLES for column in table.columns if column.name == name]


@pytest.mark.parametrize(
    "names, values",
    [
        ("doubt p_random q_random p p_adjusted share_random_low power_high auroc absent_high jaccard", SHARE),
        ("spearman correlation over_counts_low silhouette", SIGNED),
        ("percentile", PERCENT),
        ("peaks start end crm raw other_sources", FROM_0),
        ("rank trust_rank epoch", FROM_1),
        ("final support network regression effect name verdict", None),
    ],
)
def test_columns__have_their_ranges(names: str, values: Range | None) -> None:
    for name in names.split():
        assert {column.range for column in named(name)} == {values}, name


def test_columns__of_one_name_may_mean_different_things() -> None:
    """`present` is a coefficient of a regression, or whether a source is in a window."""
    assert {column.range for column in named("present")} == {None, SHARE}


def test_ranges__are_of_numbers() -> None:
    columns = [column for table in TABLES for column in table.columns]
    assert not [column.name for column in columns if column.range and column.dtype == "text"]
    assert all(low < high for low, high in (c.range for c in columns if c.range) if high is not None)
