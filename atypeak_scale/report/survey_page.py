"""One page about a catalogue, and the tables behind it."""

from importlib.metadata import version
from typing import TYPE_CHECKING

from atypeak_scale.assess.description.survey import (
    ENOUGH_SOURCES,
    FEW,
    FEWEST_SOURCES,
    NO,
    YES,
    Survey,
)
from atypeak_scale.catalogue.folder import Catalogue
from atypeak_scale.catalogue.line_files import LABELS
from atypeak_scale.provenance import new_output
from atypeak_scale.registry.survey_columns import CELL_LINES, SURVEY_SOURCES
from atypeak_scale.report.numbers import count, noun
from atypeak_scale.report.page import Listing, Number, Numbers, Page, Section, Text
from atypeak_scale.report.render import TABLES, render, write_tables
from atypeak_scale.scoring.support.chance import FEWEST_PEAKS
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.tables import columns_of, parquet_schema

if TYPE_CHECKING:
    import pandas as pd

    from atypeak_scale.registry.table import Table

SURVEY_PAGE = "survey.html"
MOST_SOURCES_IN_PAGE = 20_000  # rows; all are in the file beside the page
LEGEND = (
    f"yes: at least {ENOUGH_SOURCES} sources have {FEWEST_PEAKS} peaks or more in CRMs, beside others there.",
    "few: some have, but they are few or lie mostly alone, so that much of their peaks cannot be judged.",
    f"no: fewer than {FEWEST_SOURCES} have, so that no peak has a neighbour that could speak for it.",
)


def write_survey(found: Survey, catalogue: Catalogue, out: Location) -> Location:
    """Write a survey to a new folder: the page, and its tables as TSV and Parquet; return the page.

    Raises
    ------
    InputError
        If `out` exists.

    """
    page = _page(found, catalogue)
    made_from = {"inputs": [vars(one) for one in catalogue.inputs], "convention": catalogue.convention}
    with new_output(out, made_from) as folder:
        write_tables(page, folder / TABLES)
        for table, frame in ((CELL_LINES, found.cell_lines), (SURVEY_SOURCES, found.sources)):
            _write_parquet(frame, table, folder / TABLES / f"{table.name}.parquet")
        (folder / SURVEY_PAGE).write_text(render(page, folder / TABLES), encoding="utf-8")
    return join(out, SURVEY_PAGE)


def _write_parquet(frame: "pd.DataFrame", table: "Table", file: object) -> None:
    import pyarrow as pa
    import pyarrow.parquet

    schema = parquet_schema(columns_of(frame, table, LABELS))
    pyarrow.parquet.write_table(pa.Table.from_pandas(frame, schema, preserve_index=False), file)


def _page(found: Survey, catalogue: Catalogue) -> Page:
    lines, sources = found.cell_lines, found.sources
    verdicts = lines["verdict"].value_counts()
    numbers = Numbers(
        (
            Number(f"{len(lines):,}", noun(len(lines), "cell line")),
            Number(f"{int(verdicts.get(YES, 0)):,}", "of them can be judged"),
            Number(f"{int(verdicts.get(FEW, 0)):,}", "can be judged in part"),
            Number(f"{int(verdicts.get(NO, 0)):,}", "cannot be judged"),
            Number(f"{int(lines['peaks'].sum()):,}", "peaks"),
            Number(f"{sources['tr'].nunique():,}", "TRs"),
            Number(f"{sources['dataset'].nunique():,}", "datasets"),
        )
    )
    of_lines = Listing(
        CELL_LINES.name, "Cell lines", CELL_LINES, lines,
        "Sort by a column, or filter by a name; similar names may be the same line, spelled in two ways.",
        is_open=True, rows=25,
    )  # fmt: skip
    of_sources = Listing(
        SURVEY_SOURCES.name, "Sources", SURVEY_SOURCES, sources,
        "A source with few of its peaks in CRMs is of another kind, or of another genome build.",
        in_page=len(sources) <= MOST_SOURCES_IN_PAGE,
    )  # fmt: skip
    return Page(
        "What is in this catalogue?",
        f"Survey of atypeak-scale {version('atypeak-scale')}: {count(catalogue.rows, 'row')}; names as "
        f"{catalogue.convention}",
        LABELS,
        (
            Section("lines", "Cell lines", "Which can be judged?", (numbers, Text(LEGEND), of_lines)),
            Section("sources", "Sources", "What is each of them made of?", (of_sources,)),
        ),
        {},
    )
