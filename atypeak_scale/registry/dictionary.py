"""The data dictionary: every column of every file, made from the registry so that it cannot drift.

`python -m atypeak_scale.registry.dictionary > docs/columns.md` writes the page for people.
"""

from collections.abc import Sequence

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.ranges import range_text
from atypeak_scale.registry.table import Column, Table

VIEWS = ("dataset", "tr")
DICTIONARY = Table(
    "columns",
    "what every column of the files beside it means",
    (
        Column("file", "text", "name of the file"),
        Column("column", "text", "name of the column, or its number if the file has no header"),
        Column("type", "text", "text, or a type of NumPy"),
        Column("unit", "text", "unit, empty if it has none"),
        Column("range", "text", "least and greatest value, empty if it can be any"),
        Column("meaning", "text", "what it says; a missing value is an empty field, or null in Parquet"),
    ),
)
BED = Table(
    "bed",
    "BED files, plain or with bgzip; they have no header",
    (
        Column("contig", "text", "contig"),
        Column("start", "int64", "start, 0-based", "bp"),
        Column("end", "int64", "end, exclusive", "bp"),
        Column("name", "text", "name column of the input"),
        Column("score", "int64", "score, rounded and clipped; which one, the name of the file says"),
        Column("strand", "text", "a dot; peaks have no strand"),
    ),
)
TITLE = """# Every column of every file

`columns.tsv` beside the files of an export or an assessment says the same of those files. Labels are shown
for the usual views, dataset and tr. Starts are 0-based and ends are exclusive. A missing value is an empty
field in TSV and null in Parquet.
"""


def described(file: str, columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return a row of the dictionary for each column of a file; their names are those in the file."""
    return [
        (file, one.name, one.dtype, one.unit, range_text(one.name, one.dtype == "text"), one.description)
        for one in columns
    ]


def page() -> str:
    """Return the dictionary of all tables as Markdown."""
    parts = [TITLE]
    for table in (*TABLES, BED, DICTIONARY):
        rows = [" | ".join(row[1:]) for row in described(table.name, table.named(VIEWS))]
        lines = [f"| {row.replace('|  |', '| |')} |" for row in rows]
        head = ["| column | type | unit | range | meaning |", "| --- | --- | --- | --- | --- |"]
        parts.append("\n".join([f"## {table.name}: {table.description}", "", *head, *lines, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
