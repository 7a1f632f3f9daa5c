"""Tables that only the report makes."""

from atypeak_scale.registry import report_columns
from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.table import Table


def test_report_tables__are_registered_with_all_others_under_names_of_their_own() -> None:
    own = [one for one in vars(report_columns).values() if isinstance(one, Table)]
    assert own and all(table in TABLES for table in own)
    names = [table.name for table in TABLES]
    assert all(names.count(table.name) == 1 for table in own)
