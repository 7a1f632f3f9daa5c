import struct
import threading
from pathlib import Path

import pyBigWig
import pytest

from atypeak_scale.scoring.export.big_file import BigFile

SIZES = {"chr1": 1_000_000, "chr10": 50, "chr2": 400}
AUTOSQL = 'table t\n"t"\n(\n' + "".join(
    f'{kind} {name}; "x"\n'
    for kind, name in [
        ("string", "chrom"), ("uint", "chromStart"), ("uint", "chromEnd"), ("string", "name"),
        ("lstring", "more"),
    ]
) + ")\n"  # fmt: skip


def rows(count: int) -> list[tuple[str, int, int, str]]:
    return [("chr1", 3 * i, 3 * i + 40, f"n{i}\té,;") for i in range(count)]


def write(file: Path, blocks: list[list[tuple[str, int, int, str]]]) -> None:
    out = BigFile(file, SIZES, AUTOSQL, 4)
    for block in blocks:
        out.put(block)
    out.finish()


def test_bigbed__is_read_as_it_was_written(tmp_path: Path) -> None:
    blocks = [rows(5000), [], [("chr2", 1, 400, "a\tb"), ("chr2", 1, 5, "a\tb")]]
    write(tmp_path / "a.bb", blocks)
    with pyBigWig.open(str(tmp_path / "a.bb")) as found:
        assert found.isBigBed() and found.SQL().decode() == AUTOSQL
        assert found.entries("chr1", 0, 1_000_000) == [row[1:] for row in blocks[0]]
        assert found.entries("chr2", 0, 400) == [row[1:] for row in blocks[2]]
    with (tmp_path / "a.bb").open("rb") as file:
        assert struct.unpack_from("<HH", file.read(40), 32) == (5, 4)  # fields, those of BED


def test_bigbed__is_the_same_however_it_is_cut(tmp_path: Path) -> None:
    write(tmp_path / "a.bb", [rows(20_000)])
    write(tmp_path / "b.bb", [rows(20_000)[:7], rows(20_000)[7:]])
    assert (tmp_path / "a.bb").read_bytes() == (tmp_path / "b.bb").read_bytes()


def test_bigwig__is_read_as_it_was_written(tmp_path: Path) -> None:
    out = BigFile(tmp_path / "a.bw", SIZES)
    out.put([("chr1", 5, 9, 0.25), ("chr1", 9, 10, 3.0)])
    out.put([("chr10", 0, 50, -1.0)])
    out.finish()
    with pyBigWig.open(str(tmp_path / "a.bw")) as found:
        assert found.isBigWig()
        assert found.intervals("chr1") == ((5, 9, 0.25), (9, 10, 3.0))
        assert found.intervals("chr10") == ((0, 50, -1.0),)


@pytest.mark.parametrize("blocks", [1, 9])
def test_failure__is_told_by_the_file(tmp_path: Path, blocks: int) -> None:
    """The disk is full, or its folder is gone; however much is put, nothing waits for ever."""
    (tmp_path / "full.bb").symlink_to("/dev/full")
    for file, message in (
        (tmp_path / "full.bb", "is there room on the disk"),
        (tmp_path / "no/a.bb", "No such file"),
    ):
        with pytest.raises(OSError, match=message) as told:
            write(file, [rows(2000)] * blocks)
        assert told.value.filename == str(file)


def test_close__ends_the_thread_of_a_file_that_is_not_complete(tmp_path: Path) -> None:
    before = threading.active_count()
    out = BigFile(tmp_path / "a.bb", SIZES, AUTOSQL, 4)
    out.close()
    out.put(rows(10))
    assert threading.active_count() > before
    out.close()
    out.close()
    assert threading.active_count() == before
