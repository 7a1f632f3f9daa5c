"""Every column of every table says what it is."""

import pytest

from atypeak_scale.registry import columns
from atypeak_scale.registry.columns import LABELS, PEAKS, TABLES, WEIGHTS
from atypeak_scale.registry.table import Table
from atypeak_scale.registry.variables import (
    LABEL_VARIABLES,
    SCORE_VARIABLES,
    SPREAD,
    SUPPORT_ENSEMBLE_VARIABLES,
    WEIGHT_VARIABLES,
    with_views,
)


def test_tables__every_constant_is_listed() -> None:
    constants = [value for value in vars(columns).values() if isinstance(value, Table)]
    assert {id(table) for table in constants} == {id(table) for table in TABLES}
    assert len(TABLES) == len({id(table) for table in TABLES})


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_table__every_column_has_a_type_and_a_description(table: Table) -> None:
    assert table.description
    assert table.columns
    for column in table.columns:
        assert column.dtype in ("text", "int32", "int64", "float32", "float64"), column.name
        assert column.description, column.name


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("views", [("view0", "view1"), ("dataset", "tr"), ("model", "variable")])
def test_table__no_column_twice(table: Table, views: tuple[str, str]) -> None:
    names = [column.name for column in table.named(views)]
    assert len(set(names)) == len(names)


def test_peaks__holds_every_score_of_a_peak() -> None:
    found = {column.name: column for column in PEAKS.columns}
    of_peaks = [variable for variable in SCORE_VARIABLES if variable.dims == ("catalogue_peak",)]
    assert len(of_peaks) == 3
    for variable in (*of_peaks, SPREAD):
        described = variable.description.replace("the label of the second view", "its {view1}")
        assert found[variable.name].description == described
        assert found[variable.name].dtype == "float32"
    of_support = [one for one in SUPPORT_ENSEMBLE_VARIABLES if one.dims == ("catalogue_peak",)]
    assert {one.name for one in of_support} <= found.keys()


def test_weights_and_labels__hold_every_array_of_theirs() -> None:
    assert [column.name for column in WEIGHTS.columns[2:]] == [variable.name for variable in WEIGHT_VARIABLES]
    assert [f"view1_{column.name}" for column in LABELS.columns[1:]] == [
        variable.name for variable in LABEL_VARIABLES
    ]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_named__leaves_no_placeholder(table: Table) -> None:
    for column in table.named(("model", "variable")):
        assert not {"view0", "view1"} & set(column.name.split("_")), column.name
        assert "{" not in column.description
        assert with_views(column.name, ("a", "b")) == column.name
