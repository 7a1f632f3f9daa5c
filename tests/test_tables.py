"""Tables on disk: what is registered is what is written, and what is missing is empty."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from atypeak_scale.registry.table import Column, Table
from atypeak_scale.tables import file_name, parquet_schema, write_tsv

VIEWS = ("lab", "factor")
TABLE = Table(
    "toys",
    "toys of the tests",
    (
        Column("view1", "text", "name of the {view1}"),
        Column("start", "int64", "start, 0-based", "bp"),
        Column("mean", "float64", "mean"),
    ),
)
WITH_OTHERS = Table("toys", "toys", TABLE.columns, has_others=True)


def a_frame() -> pd.DataFrame:
    return pd.DataFrame({"factor": ["a", 'b"c', "d\te"], "start": [1, 2, 3], "mean": [0.1, np.nan, 1 / 3]})


def rows(file: Path) -> list[list[str]]:
    with file.open(newline="") as lines:
        return list(csv.reader(lines, delimiter="\t"))


def test_file_name() -> None:
    assert file_name(TABLE) == "toys.tsv"


def test_write_tsv__is_read_back(tmp_path: Path) -> None:
    """Quotes and tabs in labels, every digit, and an empty field for what is missing."""
    write_tsv(a_frame(), TABLE, VIEWS, tmp_path / "toys.tsv")
    assert rows(tmp_path / "toys.tsv") == [
        ["factor", "start", "mean"],
        ["a", "1", "0.1"],
        ['b"c', "2", ""],
        ["d\te", "3", repr(1 / 3)],
    ]
    assert (tmp_path / "toys.tsv").read_bytes().count(b"\r") == 0
    found = pd.read_csv(tmp_path / "toys.tsv", sep="\t")
    pd.testing.assert_frame_equal(found, a_frame(), check_dtype=False)


def test_write_tsv__appends_rows_without_a_second_header(tmp_path: Path) -> None:
    file = tmp_path / "toys.tsv"
    write_tsv(a_frame().iloc[:1], TABLE, VIEWS, file)
    write_tsv(a_frame().iloc[1:], TABLE, VIEWS, file, append=True)
    write_tsv(a_frame(), TABLE, VIEWS, tmp_path / "whole.tsv")
    assert file.read_bytes() == (tmp_path / "whole.tsv").read_bytes()


def test_write_tsv__overwrites_nothing(tmp_path: Path) -> None:
    write_tsv(a_frame(), TABLE, VIEWS, tmp_path / "toys.tsv")
    with pytest.raises(FileExistsError):
        write_tsv(a_frame(), TABLE, VIEWS, tmp_path / "toys.tsv")


@pytest.mark.parametrize(
    "columns", [["factor", "start"], ["start", "factor", "mean"], ["factor", "start", "mean", "more"]]
)
def test_write_tsv__refuses_columns_that_are_not_registered(tmp_path: Path, columns: list[str]) -> None:
    frame = a_frame().reindex(columns=columns)
    with pytest.raises(AssertionError, match=r"table toys: has columns .*, registered are \['factor', "):
        write_tsv(frame, TABLE, VIEWS, tmp_path / "toys.tsv")
    assert not (tmp_path / "toys.tsv").exists()


def test_write_tsv__a_table_may_allow_others(tmp_path: Path) -> None:
    write_tsv(a_frame().assign(more=1), WITH_OTHERS, VIEWS, tmp_path / "toys.tsv")
    assert rows(tmp_path / "toys.tsv")[0] == ["factor", "start", "mean", "more"]
    with pytest.raises(AssertionError):
        write_tsv(a_frame()[["start", "mean"]], WITH_OTHERS, VIEWS, tmp_path / "other.tsv")


def test_parquet_schema__types_descriptions_and_units() -> None:
    columns = (*TABLE.named(VIEWS), Column("small", "int32", "s"), Column("score", "float32", "t", "%"))
    schema = parquet_schema(columns)
    assert schema.names == ["factor", "start", "mean", "small", "score"]
    assert schema.types == [pa.string(), pa.int64(), pa.float64(), pa.int32(), pa.float32()]
    assert schema.field("factor").metadata == {b"description": b"name of the factor"}
    assert schema.field("start").metadata == {b"description": b"start, 0-based", b"unit": b"bp"}
