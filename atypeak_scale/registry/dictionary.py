"""The data dictionary: every column of every file, made from the registry so that it cannot drift.

`python -m atypeak_scale.registry.dictionary > docs/columns.md` writes the page for people.
"""

from collections.abc import Iterator, Sequence

from atypeak_scale.registry import bed_columns as bed
from atypeak_scale.registry import columns as c
from atypeak_scale.registry import crm_columns as m
from atypeak_scale.registry import evidence_columns as e
from atypeak_scale.registry import report_columns as r
from atypeak_scale.registry import survey_columns as s
from atypeak_scale.registry.model_columns import HISTORY, SEARCH, SEARCH_POWER, STABILITY
from atypeak_scale.registry.ranges import range_text
from atypeak_scale.registry.table import Column, Table

VIEWS = ("dataset", "tr")
DICTIONARY = Table(
    "columns",
    "what every column of the files beside it means",
    (
        Column("file", "text", "name of the file"),
        Column("column", "text", "name of the column; BED files have no header, theirs are in this order"),
        Column("dtype", "text", "text, or a type of NumPy"),
        Column("unit", "text", "unit, empty if it has none"),
        Column("range", "text", "least and greatest value, empty if it can be any"),
        Column("meaning", "text", "what it says"),
    ),
)
# By what makes them: (ending, tables with that ending). Tables of one name are variants of one file.
FILES: dict[str, tuple[tuple[str, tuple[Table, ...]], ...]] = {
    "`run`, `export`": (
        (".parquet", (c.PEAKS,)),
        (".tsv", (c.SOURCES, c.WEIGHTS, c.LABELS)),
        (".bed", (bed.SUPPORT_BED, bed.FINAL_BED, bed.RAW_BED)),
        (".bb", (bed.BIGBED,)),
        (".bedgraph", (bed.BEDGRAPH,)),
    ),
    "`report`, beside tables of other commands": (
        (
            ".tsv",
            (
                r.EXPERIMENTS, r.MODULE_CHOICE, r.LOWEST_PEAKS, r.TRAINING, r.CALIBRATION, STABILITY,
                r.FILES, r.PROVENANCE,
            ),
        ),
    ),
    "`train`": ((".csv", (HISTORY,)),),
    "`search`": ((".tsv", (SEARCH, SEARCH_POWER)),),
    "`evidence`": ((".tsv", (e.EVIDENCE, e.CORROBORATION, e.CONFIRMATION)),),
    "`explain`": ((".tsv", (e.EXPLANATION,)),),
    "`crms`": (
        (".parquet", (m.CRMS, m.CRMS_BY_TRUST, m.CRMS_BY_BOTH)),
        (".bed", (bed.CRMS_BED, bed.TRUST_BED)),
    ),
    "`compare-releases`": (
        (".parquet", (m.RELEASE_CRMS, m.RELEASE_CRMS_JUDGED, m.RELEASE_PAIRS, m.RELEASE_PAIRS_JUDGED)),
        (".tsv", (m.RELEASE_SUMMARY,)),
    ),
    "`statistics`": (
        (
            ".tsv",
            (c.ABUNDANCE, c.MEAN_CRM, c.CORRELATIONS, c.SCORES, c.DENSITY, c.DENSITY_JUDGED, c.DENSITY_TEST),
        ),
    ),
    "`pairs`": ((".tsv", (c.PAIRS, c.PAIRS_JUDGED)),),
    "`qscore`": ((".tsv", (c.QSCORE_PAIRS, c.QSCORE_TOTAL)),),
    "`groups`": ((".tsv", (c.GROUP_SOURCES, c.GROUP_ASKED, c.GROUP_PHANTOMS)),),
    "`ur-examples`": ((".tsv", (c.UR_STRONGEST,)),),
    "`survey`": ((".tsv", (s.CELL_LINES, s.SURVEY_SOURCES)), (".parquet", (s.CELL_LINES, s.SURVEY_SOURCES))),
    "`simulate`": ((".tsv", (c.TRUTH,)), (".bed", (bed.ARTIFICIAL_BED, bed.ARTIFICIAL_CRMS))),
    "`make-crms`": ((".bed", (bed.MADE_CRMS,)),),
    "From Python, as data frames": (("", (c.NOISE_DETECTION, c.REBUILT)),),
    "Beside all of them": ((".tsv", (DICTIONARY,)),),
}  # fmt: skip
TITLE = """# Every column of every file

`columns.tsv` beside the files of an export or an assessment says the same of those files, and both are made
from the registry of columns. The views have their usual names here, dataset and tr. Starts are 0-based and
ends are exclusive. A missing value is an empty field in TSV, and null or NaN in Parquet; ranges are those of
all other values. BED files have no header. A file that is here more than once has further columns if the
scores are of support, or of both kinds."""
HEAD = "| column | dtype | unit | range | meaning |\n| --- | --- | --- | --- | --- |"


def described(file: str, columns: Sequence[Column]) -> list[tuple[str, ...]]:
    """Return a row of the dictionary for each column of a file; their names are those in the file."""
    return [(file, one.name, one.dtype, one.unit, range_text(one.range), one.description) for one in columns]


def all_files() -> Iterator[tuple[str, str, Table]]:
    """Yield what makes it, the file's name and the table, for every file with columns."""
    for maker, parts in FILES.items():
        for ending, tables in parts:
            yield from ((maker, f"{table.name}{ending}", table) for table in tables)


def page() -> str:
    """Return the dictionary of all files as Markdown."""
    parts, before = [TITLE], ""
    for maker, file, table in all_files():
        if maker != before:
            parts.append(f"## {maker}")
        before = maker
        rows = (map(str.strip, row[1:]) for row in described(file, table.named(VIEWS)))
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        parts.append(f"### `{file}`: {table.description}\n\n{HEAD}\n" + "\n".join(lines))
    return "\n\n".join(parts).replace("|  |", "| |").replace("|  |", "| |") + "\n"


if __name__ == "__main__":
    print(page(), end="")
