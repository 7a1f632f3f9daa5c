"""What columns.tsv says of every file of every command is what other readers find in the file."""

import csv
import gzip
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pyBigWig
import pytest

from atypeak_scale.config import Config, dump_config, parse_config
from atypeak_scale.registry.dictionary import all_files
from atypeak_scale.registry.ranges import range_text
from tests.cli.helpers import Run

DICTIONARY = "columns.tsv"
CONFIG = {
    "cell_line": "artificial",
    "store": {"min_crm_peaks": 0, "windows_per_chunk": 64, "rows_per_block": 512},
    "model": {"filters": 4, "deep_dimension": 8},
    "training": {"max_epochs": 2, "learning_rate": 0.001, "batches_per_epoch": 5},
    "normalization": {"sample": "all"},
    "support": {"filters": 4, "deep_dimension": 8, "epochs": 2, "batches_per_epoch": 5},
    "chance": {"placements": 100},
}
FORMATS = "bed,bed.gz,parquet,tsv,bigbed,bigwig,bedgraph,hub,igv"
PARQUET = {"string": "text", "float": "float32", "double": "float64"}
PLAIN = {f"{ending}{packed}" for ending in (".bed", ".bedgraph") for packed in ("", ".gz")}
Told = dict[str, list[dict[str, str]]]


def told_by(folder: Path) -> Told:
    """Return the rows of columns.tsv by file."""
    found: Told = {}
    with (folder / DICTIONARY).open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            found.setdefault(row["file"], []).append(row)
    return found


def values_of(file: Path) -> tuple[list[str] | int, list[list[str]]]:
    """Return the names of the columns, or their number if the file has no header; and rows of text."""
    if file.suffix == ".bb":
        with pyBigWig.open(str(file)) as opened:
            names = re.findall(r'^ +\S+ (\w+); "', opened.SQL().decode(), re.MULTILINE)
            rows = [
                [contig, str(start), str(end), *rest.split("\t")]
                for contig, length in opened.chroms().items()
                for start, end, rest in opened.entries(contig, 0, length) or ()
            ]
        return names, rows
    if file.suffix == ".parquet":
        table = pq.read_table(file)
        columns = [column.to_pylist() for column in table.columns]
        rows = [["" if value is None else str(value) for value in row] for row in zip(*columns, strict=True)]
        return table.column_names, rows
    opened = gzip.open(file, "rt", newline="") if file.suffix == ".gz" else file.open(newline="")
    with opened as lines:
        rows = list(csv.reader(lines, delimiter="\t"))
    return (rows[0], rows[1:]) if file.suffix == ".tsv" else (len(rows[0]), rows)


def numbers(texts: tuple[str, ...], dtype: str) -> npt.NDArray[np.float64]:
    """Return the values that are not missing; they must be spelled as the type asks."""
    present = [text for text in texts if text not in ("", "nan", "NaN")]
    if dtype.startswith("int"):
        assert all(re.fullmatch(r"-?\d+", text) for text in present)
    return np.array([float(text) for text in present])


def check_range(values: npt.NDArray[np.float64], told: str) -> None:
    if not told:
        return
    low, high = told.split(" to ") if " to " in told else (told.removesuffix(" or more"), "inf")
    assert ((values >= float(low)) & (values <= float(high))).all(), (values.min(), values.max())


def check_file(file: Path, told: list[dict[str, str]]) -> int:
    """Compare names, types and ranges; return how many numbers were compared with a range."""
    names, rows = values_of(file)
    expected = [row["column"] for row in told]
    assert names == (len(expected) if isinstance(names, int) else expected), file
    assert all(len(row) == len(expected) for row in rows), file
    compared = 0
    for row, texts in zip(told, zip(*rows, strict=True), strict=False):
        assert row["meaning"], (file, row)
        if row["dtype"] != "text":
            values = numbers(texts, row["dtype"])
            check_range(values, row["range"])
            compared += len(values) if row["range"] else 0
    if file.suffix == ".parquet":
        types = [str(one) for one in pq.read_schema(file).types]
        assert [PARQUET.get(one, one) for one in types] == [row["dtype"] for row in told]
    return compared


def commands(folder: Path) -> list[list[str | Path]]:
    """Return every command that writes tables, each with its own folder below `out`."""
    run, out, catalogue = folder / "run", folder / "out", folder / "catalogue"
    article, support = (["--model", str(run / name)] for name in ("model", "support-model"))
    config = ["--config", str(folder / "my.yaml"), "--over"]
    peaks, crms = catalogue / "peaks.bed", catalogue / "crms.bed"
    return [
        ["simulate", catalogue, "--crms", "300", "--datasets", "4", "--trs", "4"],
        ["run", folder / "my.yaml", "--workdir", run, "--peaks", peaks, "--crms", crms],
        ["export", run, "--out", out / "browser", "--formats", FORMATS, "--chrom-sizes", folder / "sizes"],
        ["crms", run, *article, "--out", out / "crms"],
        ["crms", run, *support, "--out", out / "trust"],
        ["crms", run, *article, *support, "--out", out / "both"],
        ["compare-releases", run / "scores", peaks, crms, "--out", out / "releases"],
        ["compare-releases", run / "scores", peaks, crms, "--score", "trust", "--out", out / "trusted"],
        ["statistics", run, *article, "--out", out / "statistics"],
        ["statistics", run, *support, "--out", out / "statistics-of-support"],
        ["pairs", run, *article, "--out", out / "pairs"],
        ["pairs", run, *support, "--out", out / "pairs-of-support"],
        ["qscore", run, *article, "--out", out / "qscore"],
        ["groups", run, *article, "--out", out / "groups"],
        ["ur-examples", run, *article, "--out", out / "units"],
        ["evidence", run, *article, *support, "--out", out / "evidence"],
        ["explain", run, *support, "--least", "2", "--out", out / "explained"],
        ["search", run, *config, "model.deep_dimension=4,8", "--seeds", "1", "--out", out / "search"],
        [
            "search",
            run,
            *config,
            "support.filters=4",
            "--seeds",
            "1",
            "--criterion",
            "power",
            "--out",
            out / "by-power",
        ],
    ]


@pytest.mark.slow
def test_columns__of_every_command_are_those_of_its_files(atypeak: Run, tmp_path: Path) -> None:
    settings: Config = parse_config(CONFIG, "test")
    (tmp_path / "my.yaml").write_text(dump_config(settings))
    (tmp_path / "sizes").write_text("".join(f"chr{name}\t{10**9}\n" for name in [*range(1, 23), "X", "Y"]))
    for command in commands(tmp_path):
        done = atypeak(*command)
        assert done.code == 0, (command, done)
    folders = [tmp_path / "run/scores", tmp_path / "run/report/tables", *(tmp_path / "out").iterdir()]
    assert len(folders) == 2 + len(commands(tmp_path)) - 2
    registered = {file for _, file, _ in all_files()}
    compared = 0
    for folder in folders:
        told = told_by(folder)
        written = {one.name for one in folder.iterdir() if one.suffix in (".tsv", ".parquet", ".bb")}
        written |= {one.name for one in folder.iterdir() if "".join(one.suffixes[-2:]) in PLAIN}
        assert set(told) == written - {DICTIONARY}, folder
        assert folder.name == "tables" or {name.removesuffix(".gz") for name in told} <= registered
        compared += sum(check_file(folder / name, rows) for name, rows in told.items())
    assert compared > 10_000  # a range that nothing was compared with would hold whatever it is
    check_unaccompanied(tmp_path / "run/model/history.csv", ",")
    check_unaccompanied(tmp_path / "run/support-model/history.csv", ",")
    check_unaccompanied(tmp_path / "catalogue/truth.tsv", "\t")


def check_unaccompanied(file: Path, separator: str) -> None:
    """Models and artificial catalogues have no columns.tsv: the page alone describes them."""
    (table,) = (table for _, known, table in all_files() if known == file.name)
    with file.open(newline="") as lines:
        first, *rows = csv.reader(lines, delimiter=separator)
    # Models of the article have no validation loss.
    assert first == [column.name for column in table.columns][: len(first)]
    assert len(first) == len(table.columns) or "support" not in str(file.parent.name)
    for column, texts in zip(table.columns, zip(*rows, strict=True), strict=False):
        if column.dtype != "text":
            check_range(numbers(texts, column.dtype), range_text(column.range))
