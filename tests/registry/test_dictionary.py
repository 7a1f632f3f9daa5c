"""The data dictionary says what the registry says."""

from pathlib import Path

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.dictionary import VIEWS, described, page

PAGE = Path(__file__).parents[2] / "docs/columns.md"


def test_page__is_that_of_the_registry() -> None:
    assert page() == PAGE.read_text(), "run: python -m atypeak_scale.registry.dictionary > docs/columns.md"


def test_page__has_every_column() -> None:
    text = PAGE.read_text()
    for table in TABLES:
        assert f"\n## {table.name}: " in text
        for column in table.named(VIEWS):
            assert f"| {column.name} | {column.dtype} | " in text
            assert "|" not in column.description


def test_described__a_row_for_each_column() -> None:
    table = TABLES[0]
    rows = described("peaks.parquet", table.named(("model", "variable")))
    assert [row[1] for row in rows][4:6] == ["model", "variable"]
    assert {row[0] for row in rows} == {"peaks.parquet"}
    assert len(rows) == len(table.columns)
