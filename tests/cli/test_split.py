"""`split`, and what `build-store` makes of its folder."""

import json
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from tests.cli.helpers import invoke, printed


def test_split__then_every_cell_line_is_built(tmp_path: Path) -> None:
    names = ["d1.x.h", "d2.y.h", "d1.x.k", "d2.x.k", "d1.y.other-k"]
    rows = [f"chr1\t{100 + i}\t{300 + i}\t{name}\n" for i, name in enumerate(names)]
    (tmp_path / "p.bed").write_text("".join(rows * 2))
    (tmp_path / "c.bed").write_text("chr1\t0\t3200\n")
    (tmp_path / "a.tsv").write_text("kind\tname\tmeans\ncell_line\tother-k\tk\n")
    out = tmp_path / "split"
    told = printed("split", tmp_path / "p.bed", out, "--aliases", tmp_path / "a.tsv").splitlines()
    assert told[0] == "10 rows, names from dataset.TR.cell_line: 2 cell lines"
    assert [line.split() for line in told[1:3]] == [
        ["6", "peaks", "3", "sources", "k"], ["4", "peaks", "2", "sources", "h"],
    ]  # fmt: skip
    build = ("build-store", out, tmp_path / "c.bed", tmp_path / "s.zarr", "--all", "--min-crm-peaks", "0")
    assert printed(*build, "--min-peaks", "5").splitlines()[-1] == f"1 cell lines built in {tmp_path}/s.zarr"
    found = json.loads(printed(*build, "--json"))["cell_lines"]
    assert [(one["cell_line"], one["built"]["peaks"]) for one in found] == [("h", 4)]


def test_split__convention_is_overridden(tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t1\t9\tctcf:h,k\n")
    told = printed("split", tmp_path / "p.bed", tmp_path / "a")
    assert told.splitlines()[0] == "1 row, names from TR:cell_lines: 2 cell lines"
    with pytest.raises(InputError, match=r"line 1: name 'ctcf:h,k'; expected dataset\.TR\.cell_line"):
        invoke("split", tmp_path / "p.bed", tmp_path / "b", "--convention", "dataset.TR.cell_line")
