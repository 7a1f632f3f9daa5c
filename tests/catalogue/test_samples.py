"""Catalogues from sample sheets."""

import gzip
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet
import pytest

from atypeak_scale.catalogue.folder import Catalogue
from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.catalogue.samples import make_catalogue, read_sheet
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError

HEAD = "file,dataset,tr,cell_line\n"
NARROW = "chr1\t{a}\t{b}\tp\t0\t.\t5.5\t-1\t3\t4\n"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.narrowPeak").write_text(NARROW.format(a=50, b=90) + NARROW.format(a=5, b=30))
    (tmp_path / "in" / "two.bed.gz").write_bytes(gzip.compress(b"chr2\t7\t9\n"))
    (tmp_path / "in" / "three.bed").write_text("chr1\t1\t9\nchr2\t7\t9\n")
    file = tmp_path / "samples.csv"
    file.write_text(
        HEAD + "in/one.narrowPeak,GSE 1,H2A.Z,hela\nin/two.bed.gz,GSE2,ctcf,hela\n"
        'in/three.bed,"GSE3",ctcf,k-562\n'
    )
    return file


def test_catalogue__labels_and_columns_are_kept(sheet: Path, tmp_path: Path) -> None:
    made = make_catalogue(sheet, tmp_path / "out", "hg38")
    assert [(line.name, line.peaks, line.sources) for line in made.lines] == [("hela", 3, 2), ("k-562", 2, 1)]
    table = pyarrow.parquet.read_table(made.path / made.line("hela").file).to_pylist()
    assert [tuple(row.values())[:6] for row in table] == [
        ("chr1", 5, 30, "GSE 1", "H2A.Z", 9), ("chr1", 50, 90, "GSE 1", "H2A.Z", 54),
        ("chr2", 7, 9, "GSE2", "ctcf", -1),
    ]  # fmt: skip
    assert [row["signal"] for row in table[:2]] == [5.5, 5.5]


def test_catalogue__peaks_are_those_of_a_file_of_them_all(sheet: Path, tmp_path: Path) -> None:
    make_catalogue(sheet, tmp_path / "out")
    names = [peak_name(source, "hela") for source in (("GSE 1", "H2A.Z"), ("GSE2", "ctcf"))]
    (tmp_path / "all.bed").write_text(
        f"chr2\t7\t9\t{names[1]}\nchr1\t5\t30\t{names[0]}\nchr1\t50\t90\t{names[0]}\n"
    )
    spools = []
    for name in ("out", "all.bed"):
        folder = tmp_path / f"spool-{name}"
        folder.mkdir()
        spools.append(spool_peaks(tmp_path / name, folder, "hela", Selection()))
    assert spools[0].sources == spools[1].sources == [("GSE 1", "H2A.Z"), ("GSE2", "ctcf")]
    for contig in ("chr1", "chr2"):
        assert spools[0].peaks(contig).tolist() == spools[1].peaks(contig).tolist()


@pytest.mark.parametrize(
    "text, message",
    [
        (
            "file,dataset,tr\n",
            "line 1: no column cell_line; expected the columns file, dataset, tr, cell_line",
        ),
        (HEAD, "lists no file"),
        (HEAD + "in/one.narrowPeak,a,,c\n", "line 2: tr is ''"),
        (HEAD + "in/one.narrowPeak,a,b\n", "line 2: cell_line is ''"),
        (HEAD + "in/one.narrowPeak,a\x1b[31m,b,c\n", "line 2: dataset is "),
        (
            HEAD + "in/one.narrowPeak,a,b,.c\n",
            "line 2: cell_line is '.c'; expected a name that neither begins",
        ),
        (HEAD + "in/absent.bed,a,b,c\n", "line 2: .*absent.bed: no such file; name it relative to the sheet"),
        (HEAD + "in/three.bed,a,b,c\n\nin/../in/three.bed,a,b,d\n", "line 4: .*three.bed is on line 2, too"),
        ('"' + HEAD, "line 1: is not comma-separated text"),
        ("x" * 200_000 + "," + HEAD, "line 1: is not comma-separated text"),
        ("file,dataset,tr,tr,cell_line\n", "line 1: two columns tr; expected the columns file"),
        (HEAD + "in/three.bed,a,b,c,S3\n", "line 2: 5 values in 4 columns; put quotes around"),
        (HEAD + "in/three.bed,a\u2028b,b,c\n", r"line 2: dataset is 'a\\u2028b'"),
        (HEAD + 'in/three.bed,"a\nb",b,c\n', r"line 3: dataset is 'a\\nb'"),
        (HEAD + "~nobody-of-this-name/x,a,b,c\n", "line 2: .*no home folder is known"),
        (HEAD + "in/a\0.bed,a,b,c\n", r"line 2: file is 'in/a\\x00\.bed', which names no file"),
        (HEAD + "x" * 300 + ",a,b,c\n", "line 2: File name too long"),
        (HEAD + 'in/three.bed,"a"b,b,c\n', "line 2: is not comma-separated text"),
    ],
)
def test_sheet__faults_have_their_line(sheet: Path, text: str, message: str) -> None:
    sheet.write_text(text)
    with pytest.raises(InputError, match=rf"samples\.csv(, |: ){message}"):
        read_sheet(sheet)


@pytest.mark.parametrize(
    "file, text, message",
    [
        ("three.bed", "", "line 4: .*three.bed: holds no intervals"),
        ("three.bed", "chr1\tx\t9\n", "line 4: .*three.bed, line 1: start 'x'"),
        (
            "three.bed",
            "chr1\t5\t248956423\n",
            "line 4: .*: peak 1, chr1 from 5 to 248956423: ends after chr1",
        ),
        (
            "three.bed",
            "chr1\t5\t9\n1\t5\t9\n",
            "line 4: .*: peak 2, 1 from 5 to 9: no size of 1 is known of hg38",
        ),
    ],
)
def test_catalogue__faults_of_a_file_name_its_row(
    sheet: Path, tmp_path: Path, file: str, text: str, message: str
) -> None:
    (tmp_path / "in" / file).write_text(text)
    with pytest.raises(InputError, match=rf"samples\.csv, {message}"):
        make_catalogue(sheet, tmp_path / "out", "hg38")
    (tmp_path / "in" / file).write_text("chr1\t1\t9\n")


def test_sheet__tabs_and_other_columns(sheet: Path) -> None:
    sheet.write_text("\ufefftr\tnote\tfile\tcell_line\tdataset\nctcf\tgood, clean\tin/three.bed\th\tGSE1\n")
    (sample,) = read_sheet(sheet)
    assert (sample.dataset, sample.tr, sample.cell_line, sample.line) == ("GSE1", "ctcf", "h", 2)


def test_sheet__empty_rows_and_columns_are_left_out(sheet: Path) -> None:
    found = read_sheet(sheet)
    text = sheet.read_text()
    sheet.write_text(
        "\r\n" + text.replace("\n", ",,\r\n") + ",,,,,\r\n\r\n", encoding="utf-8-sig", newline=""
    )
    again = read_sheet(sheet)
    assert [replace(one, line=0) for one in again] == [replace(one, line=0) for one in found]


def test_catalogue__an_unfinished_one_of_another_assembly_is_not_gone_on_with(
    sheet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Catalogue, "write", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
        make_catalogue(sheet, tmp_path / "out")
    with pytest.raises(InputError, match="unfinished catalogue of other files or settings"):
        make_catalogue(sheet, tmp_path / "out", "hg38")
