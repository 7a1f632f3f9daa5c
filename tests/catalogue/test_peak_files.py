"""Peaks of one experiment, in the formats of those who call them."""

import gzip
import time
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
        *(
            ("a.narrowPeak", NARROW.replace("\t40", f"\t{summit}"), "line 1: summit .*; expected a whole")
            for summit in ("-5", "1.5", "nan", "inf", "1e300")
        ),
        ("a.narrowPeak", NARROW.replace("5.25", "1_0"), "line 1: signal '1_0'; expected a number"),
        ("a.broadPeak", "chr1\t1\t2\n", "line 1: 3 tab-separated columns"),
        ("a.bed", "", "holds no intervals"),
        ("a.bed", "chr1\t1\n", "line 1: 2 tab-separated columns"),
    ],
)
def test_peaks__faults_have_their_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_peaks(tmp_path / name)


def test_peaks__scientific_notation(tmp_path: Path) -> None:
    (tmp_path / "a.narrowPeak").write_text(NARROW.replace("5.25", "1.5e+02").replace("\t40", "\t4e1"))
    found = read_peaks(tmp_path / "a.narrowPeak")
    assert (found.summit.tolist(), found.signal.tolist()) == ([140, NO_SUMMIT], [150, 7])


def test_peaks__a_long_line_takes_linear_time(tmp_path: Path) -> None:
    line = b"chr1\t1\t9\t" + b"x" * (1 << 25)
    (tmp_path / "a.bed").write_bytes(b"#" + b"y" * (1 << 25) + b"\n" + line + b"\n")
    start = time.process_time()
    assert read_peaks(tmp_path / "a.bed").end.tolist() == [9]
    assert time.process_time() - start < 5  # of quadratic time, minutes


def bigbed(file: Path, rest: str, contig: str = "chr1") -> Path:
    pybigtools.open(str(file), "w").write({contig: 999}, iter([(contig, 5, 50, rest)]))
    return file


@pytest.mark.parametrize(
    "rest, contig, message",
    [
        ("p\t0\t.\tx\t-1\t3\t4", "chr1", "line 1: signal 'x'; expected a number"),
        ("p\t0\t.\t5\t-1\t3\t400", "chr1", "line 1: summit 400 bp after the start"),
        ("p\t0\t.\t5\t-1\t3\t1.5", "chr1", r"line 1: summit 1\.5 bp after the start"),
        ("p", "chr\x1b1", "line 1: .*holds a control character"),
        ("p", "#chr1", "holds no intervals"),
    ],
)
def test_peaks__faults_of_bigbed(tmp_path: Path, rest: str, contig: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"a\.bb(, |: ){message}"):
        read_peaks(bigbed(tmp_path / "a.bb", rest, contig))


def test_peaks__of_bigbed_of_twelve_columns(tmp_path: Path) -> None:
    found = read_peaks(bigbed(tmp_path / "a.bb", "p\t0\t.\t5\t50\t0\t1\t45,\t0,"))
    assert (found.start.tolist(), found.end.tolist(), found.summit.tolist()) == ([5], [50], [NO_SUMMIT])
