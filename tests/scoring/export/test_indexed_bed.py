"""BED with bgzip and an index: the same lines, and a region is what a search by hand finds."""

import gzip
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyranges
import pysam
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.export import export, indexed_bed
from atypeak_scale.scoring.export.indexed_bed import refuse_beyond_index
from atypeak_scale.scoring.scores import Scores

BEDS = ("final.bed", "raw.bed")


@pytest.fixture
def folder(normalized: Scores, tmp_path: Path) -> Path:
    """Return an export with both kinds of BED files."""
    return Path(export(normalized, tmp_path / "out", ("bed", "bed.gz")).folder)


def test_files__are_those_named(normalized: Scores, folder: Path) -> None:
    names = {"made-from.json", "columns.tsv", *BEDS}
    names |= {f"{bed}{ending}" for bed in BEDS for ending in (".gz", ".gz.tbi")}
    assert {file.name for file in folder.iterdir()} == names


@pytest.mark.parametrize("bed", BEDS)
def test_lines__are_those_of_the_plain_file(folder: Path, bed: str) -> None:
    assert gzip.open(folder / f"{bed}.gz", "rt").read() == (folder / bed).read_text()
    assert (folder / bed).stat().st_size > 0


def test_bytes__are_the_same_twice(normalized: Scores, folder: Path, tmp_path: Path) -> None:
    again = Path(export(normalized, tmp_path / "again", ("bed.gz",)).folder)
    for file in again.glob("*.bed.gz*"):
        assert file.read_bytes() == (folder / file.name).read_bytes()


def regions(lines: list[list[str]]) -> list[tuple[str, int, int]]:
    """Return some regions, 0-based and half-open: one around each of some peaks, and between them."""
    found = []
    for contig, start, end, *_ in lines[:: max(1, len(lines) // 7)]:
        found += [(contig, int(start), int(end)), (contig, int(end), int(end) + 1), (contig, 0, int(start))]
    return [one for one in found if one[2] > one[1]]


@pytest.mark.parametrize("bed", BEDS)
def test_index__finds_what_overlaps(folder: Path, bed: str) -> None:
    lines = [line.split("\t") for line in (folder / bed).read_text().splitlines()]
    with pysam.TabixFile(str(folder / f"{bed}.gz")) as indexed:
        for contig, start, end in regions(lines):
            found = [line.split("\t") for line in indexed.fetch(contig, start, end)]
            assert found == [
                line for line in lines if line[0] == contig and int(line[1]) < end and start < int(line[2])
            ]


@pytest.mark.skipif(shutil.which("tabix") is None, reason="tabix is not installed")
def test_tabix__reads_the_index(folder: Path) -> None:
    lines = [line.split("\t") for line in (folder / "final.bed").read_text().splitlines()]
    for contig, start, end in regions(lines):
        told = subprocess.run(
            ["tabix", folder / "final.bed.gz", f"{contig}:{start + 1}-{end}"],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert [line.split("\t") for line in told.splitlines()] == [
            line for line in lines if line[0] == contig and int(line[1]) < end and start < int(line[2])
        ]


@pytest.mark.parametrize("bed", BEDS)
def test_readers__see_every_peak_unaided(normalized: Scores, folder: Path, bed: str) -> None:
    file, peaks = folder / bed, normalized.cell_line.peak_count
    assert len(pd.read_csv(file, sep="\t", header=None)) == peaks
    assert len(pd.read_csv(folder / f"{bed}.gz", sep="\t", header=None)) == peaks
    assert pl.read_csv(file, separator="\t", has_header=False).height == peaks
    assert len(pyranges.read_bed(str(file))) == peaks


@pytest.mark.skipif(shutil.which("bedtools") is None, reason="bedtools is not installed")
@pytest.mark.parametrize("bed", BEDS)
def test_bedtools__sees_every_peak_in_its_own_order(normalized: Scores, folder: Path, bed: str) -> None:
    told = subprocess.run(
        ["bedtools", "intersect", "-u", "-sorted", "-a", folder / bed, "-b", folder / f"{bed}.gz"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert len(told.splitlines()) == normalized.cell_line.peak_count


def test_beyond_the_index__is_refused_with_the_peak(
    normalized: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_beyond_index(normalized.cell_line)
    peaks = normalized.cell_line.peaks(0, normalized.cell_line.peak_count)
    last = int(np.max(peaks.end_bp))
    monkeypatch.setattr(indexed_bed, "LAST_BP", last - 1)
    with pytest.raises(InputError, match=rf"the peak chr\w+:\d+-{last} ends after .* bed instead of bed\.gz"):
        export(normalized, tmp_path / "out", ("bed.gz",))
    assert list(tmp_path.glob("out*")) == []
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".out")]


@pytest.mark.parametrize("formats", [("bed.gz",), ("bed", "bed.gz")])
def test_both_kinds_of_scores__in_one_folder(
    both: list[Scores], tmp_path: Path, formats: tuple[str, ...]
) -> None:
    """Support has fewer lines: the peaks that can be judged."""
    found = export(both, tmp_path / "out", formats)
    assert {file.name for file in (tmp_path / "out").iterdir()} == found.names()
    export(both, tmp_path / "plain", ("bed",))
    for bed in (*BEDS, "support.bed"):
        lines = [line.split("\t") for line in (tmp_path / "plain" / bed).read_text().splitlines()]
        with pysam.TabixFile(str(tmp_path / "out" / f"{bed}.gz")) as indexed:
            assert [line.split("\t") for line in indexed.fetch()] == lines
            contig, start, end = regions(lines)[-1]
            assert [line.split("\t") for line in indexed.fetch(contig, start, end)] == [
                line for line in lines if line[0] == contig and int(line[1]) < end and start < int(line[2])
            ]


def test_support__without_a_peak_that_can_be_judged_is_an_empty_file(
    both: list[Scores], tmp_path: Path
) -> None:
    support = both[1]
    support.write(DOUBT, 0, np.full(support.cell_line.peak_count, np.nan, np.float32))
    export(support, tmp_path / "out", ("bed.gz",))
    with pysam.TabixFile(str(tmp_path / "out/support.bed.gz")) as indexed:
        assert list(indexed.contigs) == []


@pytest.mark.parametrize("beyond", [0, 1])
def test_last_bp__is_that_of_tabix(tmp_path: Path, beyond: int) -> None:
    """What is not refused can be indexed, and the next position cannot."""
    end = indexed_bed.LAST_BP + beyond
    (tmp_path / "one.bed").write_text(f"chr1\t{end - 10}\t{end}\tx\t0\t.\n")
    pysam.tabix_compress(str(tmp_path / "one.bed"), str(tmp_path / "one.bed.gz"))
    if beyond:
        with pytest.raises(OSError, match="index"):
            pysam.tabix_index(str(tmp_path / "one.bed.gz"), preset="bed")
        return
    pysam.tabix_index(str(tmp_path / "one.bed.gz"), preset="bed")
    with pysam.TabixFile(str(tmp_path / "one.bed.gz")) as indexed:
        assert len(list(indexed.fetch("chr1", end - 5, end))) == 1
