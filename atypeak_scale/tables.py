"""Write tables with registered columns: Parquet, and TSV with an empty field for a missing value."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from atypeak_scale.registry.table import Column, Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ENDING = ".tsv"


def file_name(table: Table) -> str:
    """Return the name of a table's TSV file."""
    return f"{table.name}{ENDING}"


def write_tsv(
    frame: "pd.DataFrame", table: Table, views: tuple[str, str], file: Path, append: bool = False
) -> None:
    """Write a frame as a tab-separated file, or append its rows to one.

    Numbers are not rounded. A label that holds a quote is quoted, so that `csv` reads it back. The frame must
    have the columns that the table registers.
    """
    _check(list(frame.columns), table, views)
    frame.to_csv(
        file, sep="\t", index=False, na_rep="", lineterminator="\n", mode="a" if append else "x",
        header=not append,
    )  # fmt: skip


def _check(names: list[str], table: Table, views: tuple[str, str]) -> None:
    registered = [column.name for column in table.named(views)]
    known = [name for name in names if name in registered] if table.has_others else names
    if known != registered:
        raise AssertionError(f"table {table.name}: has columns {names}, registered are {registered}")


def parquet_schema(columns: Sequence[Column]) -> "pa.Schema":
    """Return the schema of a Parquet file, each field with its description and unit as metadata."""
    import pyarrow as pa

    types = {"text": pa.string()}
    return pa.schema(
        [
            pa.field(
                column.name,
                types.get(column.dtype) or pa.from_numpy_dtype(column.dtype),
                metadata={"description": column.description} | ({"unit": column.unit} if column.unit else {}),
            )
            for column in columns
        ]
    )
