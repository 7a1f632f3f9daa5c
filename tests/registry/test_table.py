"""A column has the names of the views where they stand in its name and meaning."""

import numpy as np
import pytest

from atypeak_scale.registry.table import Column, Table, column_of
from atypeak_scale.registry.variables import Variable


def test_named__has_the_names_of_the_views() -> None:
    column = Column("phantom_view0", "text", "label of the {view0}, not the {view1}", "bp", (0, 1))
    assert column.named(("model", "variable")) == Column(
        "phantom_model", "text", "label of the model, not the variable", "bp", (0, 1)
    )


def test_table__names_all_its_columns() -> None:
    table = Table("t", "what", (Column("view1s", "int32", "labels"), Column("view0", "text", "label")))
    assert [column.name for column in table.named(("dataset", "tr"))] == ["trs", "dataset"]
    assert not table.has_others


@pytest.mark.parametrize("dtype, expected", [(str, "text"), (np.int64, "int64"), (np.float32, "float32")])
def test_column_of__an_array(dtype: type, expected: str) -> None:
    variable = Variable("view1_mean", ("view1",), dtype, "whole", "mean of them", range=(0, 1))
    assert column_of(variable, "view1_") == Column("mean", expected, "mean of them", range=(0, 1))  # type: ignore[arg-type]
    assert column_of(variable).name == "view1_mean"


def test_without_reference__is_only_what_it_means() -> None:
    for given, left in (
        ("share of peaks (method, section 9.5)", "share of peaks"),
        ("doubt (method, 9.5); NaN if it cannot be judged", "doubt; NaN if it cannot be judged"),
        ("standard deviation (n - 1) by the method", "standard deviation (n - 1) by the method"),
    ):
        assert Column("c", "text", given, "bp").without_reference() == Column("c", "text", left, "bp")
