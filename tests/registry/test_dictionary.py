"""The data dictionary says what the registry says, of every file that a command writes."""

import re
from pathlib import Path

from atypeak_scale.registry.bed_columns import WITHOUT_HEADER
from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.dictionary import DICTIONARY, VIEWS, all_files, described, page
from atypeak_scale.registry.ranges import range_text

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/columns.md"


def test_page__is_that_of_the_registry() -> None:
    assert page() == PAGE.read_text(), "run: python -m atypeak_scale.registry.dictionary > docs/columns.md"


def test_all_files__every_table_is_in_one() -> None:
    found = {id(table) for _, _, table in all_files()}
    assert found == {id(table) for table in (*TABLES, *WITHOUT_HEADER, DICTIONARY)}


def test_page__has_every_column_of_every_file() -> None:
    sections = re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]
    files = list(all_files())
    assert len(sections) == len(files)
    for section, (_, file, table) in zip(sections, files, strict=True):
        assert section.startswith(f"`{file}`: {table.description}\n")
        lines = [line for line in section.splitlines() if line.startswith("| ")][2:]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        assert cells == [
            [one.name, one.dtype, one.unit, range_text(one.range), one.description]
            for one in table.named(VIEWS)
        ]


def test_page__is_linked() -> None:
    assert "(docs/columns.md)" in (ROOT / "README.md").read_text()
    assert "(columns.md)" in (ROOT / "docs/outputs.md").read_text()


def test_described__a_row_for_each_column() -> None:
    table = TABLES[0]
    rows = described("peaks.parquet", table.named(("model", "variable")))
    assert [row[1] for row in rows][4:6] == ["model", "variable"]
    assert {row[0] for row in rows} == {"peaks.parquet"}
    assert len(rows) == len(table.columns)
    doubt = next(row for row in rows if row[1] == "doubt")
    assert doubt[2:5] == ("float32", "", "0 to 1")
