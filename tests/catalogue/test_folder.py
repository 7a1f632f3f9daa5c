"""Catalogue folders, read back as BED files are."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from atypeak_scale.catalogue import folder
from atypeak_scale.catalogue.folder import CatalogueReader, LineWriter, open_catalogue, peaks_file
from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.config import Selection
from atypeak_scale.errors import DamagedError, InputError

TEXT = "chr2\t5\t9\tH2A%2EZ.x.k\nchr1\t1\t2\ta.x.h\nchr1\t3\t4\tb.y.h\nchr2\t7\t8\ta.x.h\n"


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    (tmp_path / "p.bed").write_text(TEXT)
    return split_catalogue([tmp_path / "p.bed"], tmp_path / "c").path


def test_reader__gives_what_a_bed_file_gives(tmp_path: Path, catalogue: Path) -> None:
    for name in ("from-bed", "from-folder"):
        (tmp_path / name).mkdir()
    one = spool_peaks(tmp_path / "p.bed", tmp_path / "from-bed", "h", Selection())
    other = spool_peaks(catalogue, tmp_path / "from-folder", "h", Selection())
    assert (one.sources, one.rows, one.cell_line_peaks) == (other.sources, other.rows, other.cell_line_peaks)
    for contig in ("chr1", "chr2"):
        np.testing.assert_array_equal(one.peaks(contig), other.peaks(contig))
    (block,) = CatalogueReader(open_catalogue(catalogue), "k")
    assert block.columns[0].texts() == [b"H2A%2EZ.x.k"]
    table = pyarrow.parquet.read_table(peaks_file(catalogue, "k"))
    assert table["dataset"].to_pylist() == ["H2A.Z"]


def test_writer__groups_of_rows_do_not_depend_on_what_is_appended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "ROWS_PER_GROUP", 4)
    records = np.zeros(
        11, [("contig", "i4"), ("start", "i8"), ("end", "i8"), ("source", "i4"), ("summit", "i8")]
    )
    records["start"] = np.arange(11)
    files = []
    for step in (1, 3, 11):
        files.append(tmp_path / f"{step}.parquet")
        writer = LineWriter(files[-1], ["chr1"], [("a", "x")], ["summit"])
        for start in range(0, 11, step):
            writer.append(records[start : start + step])
        writer.close()
        assert writer.rows == 11
    assert len({file.read_bytes() for file in files}) == 1
    table = pyarrow.parquet.ParquetFile(files[0])
    assert [table.metadata.row_group(i).num_rows for i in range(table.num_row_groups)] == [4, 4, 3]
    assert table.read()["start"].to_pylist() == list(range(11))


def test_writer__time_is_linear_in_sources(tmp_path: Path) -> None:
    sources = [(f"d{number}", "x") for number in range(100_000)]
    start = time.process_time()
    LineWriter(tmp_path / "p.parquet", ["chr1"], sources).close()
    assert time.process_time() - start < 10  # of quadratic time, minutes


def test_catalogue__faults_are_named(tmp_path: Path, catalogue: Path) -> None:
    with pytest.raises(InputError, match=r"c: no peak of cell line 'hh'; the nearest known are h"):
        peaks_file(catalogue, "hh")
    with pytest.raises(InputError, match=r"no finished catalogue; make it with 'atypeak-scale split'"):
        open_catalogue(tmp_path)
    file = Path(str(peaks_file(catalogue, "k")))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DamagedError, match="does not read back"):
        list(CatalogueReader(open_catalogue(catalogue), "k"))


def changed(values: dict[str, Any], of_line: dict[str, object]) -> str:
    first, *others = values["lines"]
    return json.dumps(values | {"lines": [first | of_line, *others]})


BROKEN: list[Callable[[dict[str, Any]], str]] = [
    lambda values: "{",
    lambda values: "[]",
    lambda values: "[" * 100_000,
    lambda values: json.dumps(values | {"format": 9}),
    lambda values: json.dumps(values | {"lines": [1]}),
    lambda values: json.dumps(values | {"lines": []}),
    lambda values: json.dumps(values | {"rows": "4"}),
    lambda values: json.dumps(values | {"convention": None}),
    lambda values: json.dumps(values | {"inputs": [{"size": None, "sha256": ""}]}),
    *(
        partial(changed, of_line={what: value})
        for what, found in (
            ("file", (5, "../../etc/passwd", "/etc/passwd", "peaks/...parquet", "peaks/0001-/../../x.parquet",
                      "peaks/0001-a\0.parquet", "peaks/0001-a.parquet\n", "peaks/0002-k.parquet")),
            ("name", (7, None, "", "k", " h", "h\n", "\x1b[m")),
            ("peaks", ("3", -3, 0, 3.0, True, 1e300, 1 << 70)),
        ) for value in found
    ),
]  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN)
def test_catalogue__nothing_that_a_stranger_wrote_is_believed(
    catalogue: Path, broken: Callable[[dict[str, Any]], str]
) -> None:
    values = json.loads((catalogue / folder.CATALOGUE).read_text())
    assert [line["file"] for line in values["lines"]] == ["peaks/0001-h.parquet", "peaks/0002-k.parquet"]
    (catalogue / folder.CATALOGUE).write_text(broken(values))
    with pytest.raises(InputError, match=r"catalogue\.json: is damaged; make the catalogue again"):
        open_catalogue(catalogue)
