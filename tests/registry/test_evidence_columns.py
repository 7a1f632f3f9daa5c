"""Columns of evidence: figures have both ends of their interval, and files have names of their own."""

import pytest

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.evidence_columns import (
    CONFIRMATION,
    CORROBORATION,
    EVIDENCE,
    EXPLANATION,
)
from atypeak_scale.registry.table import Table

OURS = [EVIDENCE, CONFIRMATION, CORROBORATION, EXPLANATION]


@pytest.mark.parametrize("table", [EVIDENCE, CONFIRMATION], ids=lambda table: table.name)
def test_figures__are_followed_by_their_interval(table: Table) -> None:
    names = [column.name for column in table.columns]
    figures = [name.removesuffix("_low") for name in names if name.endswith("_low")]
    assert {"auroc", "over_counts"} <= set(figures)
    for name in figures:
        at = names.index(name)
        assert names[at : at + 3] == [name, f"{name}_low", f"{name}_high"]
        assert {column.dtype for column in table.columns[at : at + 3]} == {"float64"}


def test_files__are_told_apart_from_all_others() -> None:
    names = [table.name for table in TABLES]
    assert [names.count(table.name) for table in OURS] == [1, 1, 1, 1]
