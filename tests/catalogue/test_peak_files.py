"""Peaks of one experiment, in the formats of those who call them."""

import gzip
from pathlib import Path

import numpy as np
import pybigtools
import pytest

from atypeak_scale.catalogue.peak_files import NO_SUMMIT, read_peaks
from atypeak_scale.errors import InputError

NARROW = "chr2\t100\t200\tp1\t0\t.\t5.25\t-1\t3\t40\nchr1\t10\t30\tp2\t0\t.\t7\t-1\t3\t-1\n"
BROAD = "".join(line.rsplit("\t", 1)[0] + "\n" for line in NARROW.splitlines())


@pytest.mark.parametrize(
    "name, text, summit, signal",
    [
        ("a.narrowPeak", NARROW, [140, NO_SUMMIT], [5.25, 7]),
        ("ENC.bed.gz", NARROW, [140, NO_SUMMIT], [5.25, 7]),
        ("a.broadPeak", "track x\n" + BROAD, [NO_SUMMIT] * 2, [5.25, 7]),
        ("a.bed", BROAD, [NO_SUMMIT] * 2, [np.nan] * 2),
        ("a.bed", "chr2\t100\t200\nchr1\t10\t30\n", [NO_SUMMIT] * 2, [np.nan] * 2),
    ],
)
def test_peaks__of_text(tmp_path: Path, name: str, text: str, summit: list[int], signal: list[float]) -> None:
    file = tmp_path / name
    file.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    found = read_peaks(file)
    assert [found.contigs[code] for code in found.contig] == ["chr2", "chr1"]
    assert (found.start.tolist(), found.end.tolist()) == ([100, 10], [200, 30])
    assert found.summit.tolist() == summit
    np.testing.assert_array_equal(found.signal, signal)


def test_peaks__of_bigbed(tmp_path: Path) -> None:
    rows = [line.split("\t", 3) for line in sorted(NARROW.splitlines())]
    writer = pybigtools.open(str(tmp_path / "a.bb"), "w")
    writer.write({"chr1": 999, "chr2": 999}, ((c, int(a), int(b), rest) for c, a, b, rest in rows))
    found = read_peaks(tmp_path / "a.bb")
    assert (found.contigs, found.contig.tolist()) == (["chr1", "chr2"], [0, 1])
    assert (found.summit.tolist(), found.signal.tolist()) == ([NO_SUMMIT, 140], [7, 5.25])
    (tmp_path / "a.bb").write_bytes((tmp_path / "a.bb").read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged or no bigBed"):
        read_peaks(tmp_path / "a.bb")


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("a.narrowPeak", NARROW.replace("\t40", "\t100"), "line 1: summit 100 bp after the start"),
        ("a.narrowPeak", NARROW.replace("5.25", "x"), "line 1: signal 'x'; expected a number"),
        ("a.broadPeak", "chr1\t1\t2\n", "line 1: 3 tab-separated columns"),
        ("a.bed", "", "holds no intervals"),
        ("a.bed", "chr1\t1\n", "line 1: 2 tab-separated columns"),
    ],
)
def test_peaks__faults_have_their_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_peaks(tmp_path / name)
