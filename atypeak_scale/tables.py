"""Write tables with registered columns: Parquet, and TSV with an empty field for a missing value."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atypeak_scale.registry.dictionary import DICTIONARY, described
from atypeak_scale.registry.table import Column, ColumnType, Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ENDING = ".tsv"
COLUMNS_FILE = f"{DICTIONARY.name}{ENDING}"


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


def write_dictionary(files: Mapping[str, Sequence[Column]], folder: Path) -> None:
    """Write columns.tsv: what every column of some files means, by the name of the file."""
    import pandas as pd

    rows = [row for file, columns in files.items() for row in described(file, columns)]
    frame = pd.DataFrame(rows, columns=[column.name for column in DICTIONARY.columns])
    write_tsv(frame, DICTIONARY, ("", ""), folder / COLUMNS_FILE)


def columns_of(frame: "pd.DataFrame", table: Table, views: tuple[str, str]) -> list[Column]:
    """Return the columns that a frame has: those of the table, and others named after its data."""
    registered = {column.name: column for column in table.named(views)}
    return [registered.get(name) or _unregistered(name, frame[name].dtype) for name in frame.columns]


def _unregistered(name: str, dtype: Any) -> Column:
    kind: ColumnType = {"f": "float64", "i": "int64", "b": "int64"}.get(dtype.kind, "text")  # type: ignore[assignment]
    return Column(name, kind, "named after the data: a setting, a source or a score")


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
