"""The tables that compare models."""

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.model_columns import SEARCH, SEARCH_POWER, STABILITY
from atypeak_scale.registry.table import Table


def test_tables__are_listed_with_all_others() -> None:
    listed = {id(table) for table in TABLES}
    assert {id(SEARCH), id(SEARCH_POWER), id(STABILITY)} <= listed


def test_search__columns_that_both_have_are_the_same_in_the_same_order() -> None:
    """So that one reader can read both."""

    def without(table: Table, *names: str) -> list[object]:
        return [column for column in table.columns if column.name not in names]

    assert without(SEARCH, "q_score") == without(SEARCH_POWER, "power", "validation_loss")
    assert SEARCH.has_others
    assert SEARCH_POWER.has_others
