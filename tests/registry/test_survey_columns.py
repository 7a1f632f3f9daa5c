"""The tables of a survey."""

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.survey_columns import CELL_LINES, SURVEY_SOURCES


def test_tables__are_listed_and_begin_with_the_cell_line() -> None:
    assert {id(CELL_LINES), id(SURVEY_SOURCES)} <= {id(table) for table in TABLES}
    assert CELL_LINES.columns[0] == SURVEY_SOURCES.columns[0]
