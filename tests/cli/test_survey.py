"""`survey`: what is seen is what is built."""

import json
from pathlib import Path

import pytest
from click import UsageError

from atypeak_scale.errors import InputError
from tests.cli.helpers import invoke, printed

NAMES = ["d.x.h", "d.y.h", "e.x.h", "e.z.k"]
PEAKS = "".join(f"chr1\t{100 + i}\t{300 + i}\t{name}\n" for i, name in enumerate(NAMES))


@pytest.mark.parametrize(
    "options, kept",
    [
        ([], 3), (["--trs", "x"], 2), (["--datasets", "d"], 2), (["--sources", "d.x"], 1),
        (["--exclude-trs", "x"], 1), (["--exclude-datasets", "d"], 1), (["--exclude-sources", "d.x,d.y"], 1),
        (["--top-trs", "1"], 2), (["--min-source-peaks", "1"], 3),
    ],
)  # fmt: skip
def test_survey__counts_the_sources_that_are_built(tmp_path: Path, options: list[str], kept: int) -> None:
    (tmp_path / "p.bed").write_text(PEAKS)
    (tmp_path / "c.bed").write_text("chr1\t0\t3200\n")
    told = json.loads(printed("survey", tmp_path / "p.bed", tmp_path / "c.bed", "--json", *options))
    (line,) = (one for one in told["cell_lines"] if one["cell_line"] == "h")
    files = (tmp_path / "p.bed", tmp_path / "c.bed", tmp_path / "s.zarr")
    build = ("build-store", *files, "--cell-line", "h", "--min-crm-peaks", "0", "--json")
    built = json.loads(printed(*build, *options))
    assert line["selected_sources"] == built["sources"] == kept
    assert line["selected_peaks"] == built["peaks"]


def test_survey__of_a_folder_with_a_page(tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text(PEAKS)
    (tmp_path / "a.tsv").write_text("kind\tname\tmeans\ncell_line\tk\th\n")
    named = ("--aliases", tmp_path / "a.tsv", "--convention", "dataset.TR.cell_line")
    printed("split", tmp_path / "p.bed", tmp_path / "c", *named)
    told = printed("survey", tmp_path / "c", "--out", tmp_path / "out", "--min-crm-peaks", "0")
    assert told.splitlines()[0] == (
        "4 rows, names from dataset.TR.cell_line: 1 cell line, of which 0 can be judged, "
        "0 in part (few sources, or few in a CRM), 1 not"
    )
    assert told.splitlines()[-1] == f"{tmp_path}/out/survey.html  open it in a browser"
    assert all(len(line) <= 80 for line in told.splitlines()[1:-1])
    assert printed("survey", tmp_path / "p.bed", *named).splitlines()[1:] == told.splitlines()[1:-1]
    with pytest.raises(InputError, match="exists"):
        invoke("survey", tmp_path / "c", "--out", tmp_path / "out")
    with pytest.raises(UsageError, match="the folder's names are read"):
        invoke("survey", tmp_path / "c", *named)
