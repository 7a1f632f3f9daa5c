"""Parquet files of cell lines that strangers have changed: read alike, or refused in one line."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from atypeak_scale.catalogue import line_files
from atypeak_scale.catalogue.line_files import batches
from atypeak_scale.errors import DamagedError

TABLE = {
    "contig": ["chr1", "chr2"], "start": [1, 3], "end": [4, 9], "dataset": ["a", "b"], "tr": ["x", "y z"],
}  # fmt: skip


def written(folder: Path, **columns: object) -> Path:
    values = {name: column for name, column in ({**TABLE, **columns}).items() if column is not None}
    pyarrow.parquet.write_table(pa.table(values), folder / "p.parquet")
    return folder / "p.parquet"


@pytest.mark.parametrize(
    "spell",
    [pa.array, lambda of: pa.array(of, pa.large_string()), lambda of: pa.array(of).dictionary_encode()],
)
def test_batches__texts_however_they_are_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spell: Callable[[list[str]], object]
) -> None:
    monkeypatch.setattr(line_files, "ROWS_PER_BLOCK", 1)
    file = written(tmp_path, tr=spell(["x", "y z"]), further=[[1], [2]])
    found = [batch.to_pylist() for batch in batches(file, 2)]
    names = list(TABLE)
    assert [[row[name] for name in names] for (row,) in found] == [
        ["chr1", 1, 4, "a", "x"], ["chr2", 3, 9, "b", "y z"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"tr": None}, "no column tr"),
        ({"end": None}, "no column end"),
        ({"start": [1.5, 3.0]}, "column start is double"),
        ({"start": ["1", "3"]}, "column start is string"),
        ({"start": pa.array([1, 3], pa.uint64())}, "column start is uint64"),
        ({"contig": [1, 2]}, "column contig is int64"),
        ({"contig": [b"\xff", b"b"]}, "column contig is binary"),
        ({"dataset": [["a"], ["b"]]}, r"column dataset is list<.*>"),
        ({"start": [None, 3]}, "column start lacks values"),
        ({"tr": ["x", None]}, "column tr lacks values"),
        ({"tr": ["x", ""]}, "column tr has ''"),
        ({"contig": ["chr1", "a\x1b[31m"]}, r"column contig has 'a\\x1b\[31m'"),
        ({"start": [-1, 3]}, "a peak from -1 to 4 bp"),
        ({"end": [4, 3]}, "a peak from 3 to 3 bp"),
        ({"end": [4, 1 << 62]}, r"a peak from 3 to 4611686018427387904 bp"),
    ],
)
def test_batches__what_is_no_peak_is_refused(
    tmp_path: Path, columns: dict[str, object], message: str
) -> None:
    file = written(tmp_path, **columns)
    with pytest.raises(DamagedError, match=rf"p\.parquet: does not read back \({message}\); make the cat"):
        list(batches(file, 2))


@pytest.mark.parametrize("rows", [1, 3])
def test_batches__rows_are_as_many_as_the_catalogue_says(tmp_path: Path, rows: int) -> None:
    with pytest.raises(DamagedError, match=rf"\(2 rows; catalogue\.json says {rows}\)"):
        list(batches(written(tmp_path), rows))
