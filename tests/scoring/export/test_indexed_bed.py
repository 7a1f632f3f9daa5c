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
    contig, start, end = regions(lines)[0]
    told = subprocess.run(
        ["tabix", folder / "final.bed.gz", f"{contig}:{start + 1}-{end}"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert len(told.splitlines()) == sum(
        line[0] == contig and int(line[1]) < end and start < int(line[2]) for line in lines
    )


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
