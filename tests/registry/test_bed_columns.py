"""Files without a header: their columns are in the order that the formats prescribe."""

import pytest

from atypeak_scale.registry.bed_columns import BEDGRAPH, BIGBED, WITHOUT_HEADER
from atypeak_scale.registry.ranges import BED_SCORE
from atypeak_scale.registry.table import Table

BED6 = ["contig", "start", "end", "name", "score", "strand"]


@pytest.mark.parametrize("table", WITHOUT_HEADER, ids=lambda table: table.name)
def test_tables__begin_with_a_place(table: Table) -> None:
    assert [column.dtype for column in table.columns[:3]] == ["text", "int64", "int64"]
    assert [column.unit for column in table.columns[:3]] == ["", "bp", "bp"]
    assert all(column.description for column in table.columns)


def test_scores__are_those_of_bed() -> None:
    scored = [table for table in WITHOUT_HEADER if len(table.columns) in (6, 9)]
    assert len(scored) == 7
    for table in scored:
        assert table.columns[4].range == BED_SCORE
        assert [one.name for one in table.columns][:6] in (BED6, [one.name for one in BIGBED.columns][:6])


def test_bigbed_and_bedgraph() -> None:
    """As the UCSC browser names the fields."""
    assert [one.name for one in BIGBED.columns] == [
        "chrom", "chromStart", "chromEnd", "name", "score", "strand", "thickStart", "thickEnd", "itemRgb",
    ]  # fmt: skip
    assert [one.name for one in BEDGRAPH.columns] == ["contig", "start", "end", "value"]
