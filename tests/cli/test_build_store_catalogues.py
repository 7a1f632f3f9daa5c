"""Peaks and CRMs that `build-store` refuses: it says which line, and leaves nothing behind."""

import gzip
import lzma
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from atypeak_scale.catalogue.streams import BGZF_EMPTY_BLOCK
from tests.cli.helpers import (
    CELL,
    CRMS,
    PEAK,
    Catalogue,
    Outcome,
    Run,
    contents,
)


@pytest.mark.parametrize(
    "peaks, crms, message",
    [
        ("chr1\tx\t200\ta.x.cell\n", CRMS, r"p\.bed, line 1: start 'x'; expected a whole number of bp"),
        ("chr1\t1.5\t200\ta.x.cell\n", CRMS, r"p\.bed, line 1: start '1\.5'; expected"),
        (f"{PEAK}chr1\t-5\t200\ta.x.cell\n", CRMS, r"p\.bed, line 2: start '-5'; expected .* 0 or more"),
        (f"# c\n\n{PEAK}chr1\t9\t5\ta.x.cell\n", CRMS, r"p\.bed, line 4: start 9, end 5; expected an end"),
        ("chr1\t9\t9\ta.x.cell\n", CRMS, r"p\.bed, line 1: start 9, end 9; expected an end greater"),
        (f"chr1\t5\t{'9' * 19}\ta.x.cell\n", CRMS, r"p\.bed, line 1: end '9{19}'; expected"),
        ("chr1\t100\t200\n", CRMS, r"p\.bed, line 1: 3 tab-separated columns; expected at least 4"),
        ("chr1 100 200 a.x.cell\n", CRMS, r"p\.bed, line 1: 1 tab-separated columns; expected at least 4"),
        ("chr1\t100\t200\ta.x\n", CRMS, r"p\.bed, line 1: name 'a\.x'; expected dataset\.TR\.cell_line"),
        ("chr1\t100\t200\ta..cell\n", CRMS, r"p\.bed, line 1: name 'a\.\.cell'; expected dataset\.TR"),
        ("", CRMS, r"p\.bed: holds no intervals"),
        ("track name=x\n# nothing\n", CRMS, r"p\.bed: holds no intervals"),
        (PEAK, "", r"c\.bed: holds no intervals"),
        (PEAK, "chr1\t0\t-1\tc\t120\n", r"c\.bed, line 1: end '-1'"),
        (PEAK, "chr1\t0\t100\n", r"c\.bed, line 1: 3 tab-separated columns; expected at least 5"),
        (PEAK, "chr1\t0\t100\tc\tmany\n",
         r"c\.bed, line 1: column 5 is 'many'; .*set min_crm_peaks to 0 with --min-crm-"),
        (PEAK, "chr1\t0\t100\tc\t99\n",
         r"c\.bed: no CRM has 100 peaks or more .* lower min_crm_peaks with --min-"),
        ("chr1\t9000\t9100\ta.x.cell\n", CRMS, r"no selected peak overlaps a CRM; .* same genome assembly"),
        ("1\t100\t200\ta.x.cell\n", CRMS, r"\(peaks: 1, \.\.\.; CRMs: chr1, \.\.\.\); they differ by 'chr'"),
        ("chrX\t100\t200\ta.x.cell\n", "X\t0\t900\tc\t100\n", r"they differ by 'chr': rename the contigs"),
        ("NC_1\t100\t200\ta.x.cell\n", CRMS, r"no contig is in both files \(peaks: NC_1, .*\)$"),
    ],
)  # fmt: skip
def test_build_store__bad_catalogue(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path,
    peaks: str, crms: str, message: str,
) -> None:  # fmt: skip
    files = write("p.bed", peaks), write("c.bed", crms)
    unchanged()
    done = atypeak("build-store", *files, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(message, done.message())
    assert unchanged()


def test_build_store__names_that_are_not_text(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path
) -> None:
    crms = write("c.bed", CRMS)
    (tmp_path / "p.bed").write_bytes(PEAK.encode() + b"chr1\t1\t2\ta.\xff.cell\n")
    unchanged()
    done = atypeak("build-store", tmp_path / "p.bed", crms, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(r"p\.bed, line 2: .* is not UTF-8 text", done.message())
    assert unchanged()


def truncations(text: str) -> dict[str, bytes]:
    data = text.encode()
    extra = b"\x42\x43\x02\x00"
    member = gzip.compress(data)
    # A bgzip block is a gzip member with an extra field BC that holds its length less one.
    length = (len(member) + 8 - 1).to_bytes(2, "little")
    block = member[:3] + b"\x04" + member[4:10] + b"\x06\x00" + extra + length + member[10:]
    assert gzip.decompress(block + BGZF_EMPTY_BLOCK) == data
    return {
        "gzip": member[: len(member) * 2 // 3],
        "gzip without its checksum": member[:-8],
        "gzip, damaged": member[:-30] + bytes(10) + member[-20:],
        "bgzip without its last block": block,
        "xz": (packed := lzma.compress(data))[: len(packed) // 2],
    }


@pytest.mark.parametrize("how", truncations(PEAK))
def test_build_store__truncated_file(
    atypeak: Run, catalogue: Catalogue, unchanged: Callable[[], bool], tmp_path: Path, how: str
) -> None:
    (tmp_path / "p.bed.gz").write_bytes(truncations(catalogue[0].read_text())[how])
    unchanged()
    done = atypeak("build-store", tmp_path / "p.bed.gz", catalogue[1], tmp_path / "s.zarr", *CELL)
    assert re.search(r"p\.bed\.gz, after line \d+: the .* is truncated .*; fetch it again$", done.message())
    assert unchanged()


def test_build_store__unknown_cell_line_names_the_nearest(
    atypeak: Run, write: Callable[[str, str], Path], unchanged: Callable[[], bool], tmp_path: Path
) -> None:
    names = ["hela", "hela-s3", "jurkat", "mcf-7"]
    peaks = write("p.bed", "".join(f"chr1\t1\t9\ta.x.{name}\n" for name in names))
    crms = write("c.bed", CRMS)
    unchanged()
    message = atypeak("build-store", peaks, crms, tmp_path / "s.zarr", "--cell-line", "HeLa-S3").message()
    assert message == f"{peaks}: no peak of cell line 'HeLa-S3'; the nearest known are hela-s3"
    assert unchanged()


@pytest.mark.parametrize("character", ["\r", "\x0b", "\x1b", "\x00"])
def test_names__control_characters_are_refused(
    atypeak: Run, write: Callable[[str, str], Path], tmp_path: Path, character: str
) -> None:
    """A carriage return splits a line for most readers of BED; an escape talks to the terminal."""
    peaks = write("p.bed", f"chr1\t1\t9\ta.x.ce{character}ll\n")
    crms = write("c.bed", CRMS)
    done = atypeak("build-store", peaks, crms, tmp_path / "s.zarr", "--cell-line", "cell")
    assert re.search(r"p\.bed, line 1: ", done.message())
    assert character not in done.err


# As a process of its own


SCRIPT = [sys.executable, "-m", "atypeak_scale.cli"]


def test_script__truncated_gzip(catalogue: Catalogue, tmp_path: Path) -> None:
    packed = gzip.compress(catalogue[0].read_bytes())
    (tmp_path / "p.bed.gz").write_bytes(packed[: len(packed) // 2])
    before = contents(tmp_path)
    done = subprocess.run(
        [*SCRIPT, "build-store", "p.bed.gz", catalogue[1], "s.zarr", "--cell-line", "cell",
         "--min-crm-peaks", "0"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    message = Outcome(done.returncode, done.stdout, done.stderr).message()
    assert re.search(r"^p\.bed\.gz, after line \d+: the compressed file is truncated or damaged", message)
    assert contents(tmp_path) == before


def test_script__bad_standard_input(catalogue: Catalogue, tmp_path: Path) -> None:
    before = contents(tmp_path)
    done = subprocess.run(
        [*SCRIPT, "build-store", "-", catalogue[1], "s.zarr", "--cell-line", "cell", "--min-crm-peaks", "0"],
        capture_output=True, text=True, input=PEAK + "chr1\t7\t3\ta.x.cell\n", cwd=tmp_path, check=False,
    )  # fmt: skip
    message = Outcome(done.returncode, done.stdout, done.stderr).message()
    assert message == "standard input, line 2: start 7, end 3; expected an end greater than the start"
    assert contents(tmp_path) == before
