"""`catalogue`: from a sample sheet to a store."""

from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from tests.cli.helpers import invoke, printed


def test_catalogue__then_a_store(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.bed").write_text("chr1\t100\t300\n")
    (tmp_path / "s.csv").write_text("file,dataset,tr,cell_line\na.bed,G1,H2A.Z,h\nb.bed,G2,ctcf,h\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t3200\n")
    made = ("catalogue", tmp_path / "s.csv", tmp_path / "out", "--chrom-sizes", "hg38")
    assert printed(*made).splitlines()[0] == "2 rows, names from sample sheet: 1 cell line"
    told = printed(
        "build-store", tmp_path / "out", tmp_path / "c.bed", tmp_path / "s.zarr", "--cell-line", "h",
        "--min-crm-peaks", "0",
    )  # fmt: skip
    assert "sources        2" in told
    assert "G1.H2A%2EZ" in printed("info", tmp_path / "s.zarr") or "H2A.Z" in printed(
        "info", tmp_path / "s.zarr"
    )
    with pytest.raises(InputError, match="exists"):
        invoke(*made)
