"""Read the Parquet file of a cell line, which may come from a stranger: nothing in it is believed."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atypeak_scale.catalogue.bed import CONTROL
from atypeak_scale.catalogue.bed_lines import MAX_DIGITS
from atypeak_scale.errors import DamagedError, quoted

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_BLOCK = 1 << 18
LABELS = ("dataset", "tr")
TEXTS, PLACES = ("contig", *LABELS), ("start", "end")


def batches(file: Path, rows: int) -> "Iterator[pa.RecordBatch]":
    """Yield the rows of a cell line's file, some at a time: TEXTS as dictionaries, PLACES as int64, bp.

    Parameters
    ----------
    file
        Parquet.
    rows
        Its number of rows.

    Raises
    ------
    DamagedError
        If the file does not read back, or holds something else than so many peaks.

    """
    import pyarrow as pa
    import pyarrow.parquet

    def fail(what: object) -> DamagedError:
        return DamagedError(f"{file}: does not read back ({what}); make the catalogue again")

    known: set[str] = set()
    try:
        wrong = _wrong_column(pyarrow.parquet.read_schema(file))
        if wrong is not None:
            raise fail(wrong)
        with pyarrow.parquet.ParquetFile(file, read_dictionary=list(TEXTS)) as parquet:
            if parquet.metadata.num_rows != rows:
                raise fail(f"{parquet.metadata.num_rows:,} rows; catalogue.json says {rows:,}")
            for batch in parquet.iter_batches(ROWS_PER_BLOCK, columns=[*TEXTS, *PLACES]):
                wrong = _wrong_value(batch, known)
                if wrong is not None:
                    raise fail(wrong)
                yield batch
    except (OSError, UnicodeDecodeError, pa.ArrowException) as problem:
        raise fail(problem) from None


def _wrong_column(schema: "pa.Schema") -> str | None:
    """Return what is wrong with the columns, None if nothing is."""
    import pyarrow as pa

    for name in (*TEXTS, *PLACES):
        at = schema.get_field_index(name)
        if at < 0:
            return f"no column {name}"
        found = schema.field(at).type
        plain = found.value_type if pa.types.is_dictionary(found) else found
        of_text = pa.types.is_string(plain) or pa.types.is_large_string(plain)
        if not (of_text if name in TEXTS else found == pa.int64()):
            return f"column {name} is {found}"
    return None


def _wrong_value(batch: "pa.RecordBatch", known: set[str]) -> str | None:
    """Return what is wrong with the values of a batch; `known` collects the texts that are right."""
    for name in (*TEXTS, *PLACES):
        column: Any = batch.column(name)
        if column.null_count or (name in TEXTS and column.dictionary.null_count):
            return f"column {name} lacks values"
        for text in set(column.dictionary.to_pylist()) - known if name in TEXTS else ():
            if not text or CONTROL.search(text):
                return f"column {name} has {quoted(text)}"
            known.add(text)
    start, end = (batch.column(name).to_numpy() for name in PLACES)
    is_interval = (start >= 0) & (start < end) & (end < 10**MAX_DIGITS)
    if not is_interval.all():
        at = int(is_interval.argmin())
        return f"a peak from {start[at]} to {end[at]} bp"
    return None
