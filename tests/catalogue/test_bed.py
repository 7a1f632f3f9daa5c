"""BED files as streams: every compression, and every fault named with its line."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.catalogue.bed import BedReader, InputFile, identify, track_line, write_bed6
from atypeak_scale.errors import InputError
from atypeak_scale.storage.local import LocalTarget

Write = Callable[[str, str], Path]
GOOD = "chr1\t10\t20\td.t.c\n"


def read(path: str | Path, columns: int = 4) -> list[tuple[str, int, int, str]]:
    rows = []
    for block in BedReader(path, columns):
        rows += [
            (contig.decode(), start, end, name.decode())
            for contig, start, end, name in zip(
                block.contig, block.start.tolist(), block.end.tolist(), block.columns[0], strict=True
            )
        ]
    return rows


names = st.text(st.characters(exclude_characters="\t\r\n", exclude_categories=["Cs"]), min_size=1, max_size=8)
contigs = st.from_regex(r"[A-Za-z][A-Za-z0-9_.|-]{0,10}", fullmatch=True)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(contigs, st.integers(0, 10**15), st.integers(1, 10**6), names, st.integers(0, 1000)),
        min_size=1,
    )
)
def test_bed__round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, str, int]]
) -> None:
    file = tmp_path_factory.mktemp("bed") / "x.bed"
    expected = [(contig, start, start + width, name) for contig, start, width, name, _ in rows]
    with file.open("w", encoding="utf-8", newline="") as out:
        out.write(track_line("x", "y"))
        write_bed6(out, *zip(*expected, strict=True), [score for *_, score in rows])  # type: ignore[arg-type]
    assert read(file) == expected


@pytest.mark.parametrize(
    "name, pack",
    [
        ("x.bed", bytes),
        ("x.bed.gz", gzip.compress),
        ("two-members.gz", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
        ("x.bed.xz", lzma.compress),
        ("misnamed.txt", gzip.compress),
    ],
)
def test_reader__any_compression(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    text = "# comment\nbrowser position chr1\ntrack name=x\n\nchr1\t1\t5\ta.b.c\t7\t+\nchrX\t0\t9\td.e.f.g\n"
    packed = pack(text.encode())
    (tmp_path / name).write_bytes(packed)
    reader = BedReader(tmp_path / name, 4)
    assert [line for block in reader for line in block.line.tolist()] == [5, 6]
    assert reader.input_file == InputFile(len(packed), hashlib.sha256(packed).hexdigest())
    assert reader.input_file == identify(tmp_path / name)
    assert read(tmp_path / name) == [("chr1", 1, 5, "a.b.c"), ("chrX", 0, 9, "d.e.f.g")]


def test_reader__standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(GOOD.encode()))))
    assert read("-") == [("chr1", 10, 20, "d.t.c")]


def test_reader__windows_line_ends_and_no_last_newline(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"chr1\t1\t2\ta.b.c\r\nchr1\t3\t4\ta.b.c")
    assert read(tmp_path / "x") == [("chr1", 1, 2, "a.b.c"), ("chr1", 3, 4, "a.b.c")]


def tar(data: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("peaks.bed")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def zipped(data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("peaks.bed", data)
    return packed.getvalue()


@pytest.mark.parametrize(
    "pack, what",
    [
        (bz2.compress, "bzip2"),
        (lambda data: pa.compress(data, codec="zstd", asbytes=True), "zstd"),
        (zipped, "a zip archive"),
        (tar, "a tar archive"),
        (lambda data: gzip.compress(tar(data)), "a tar archive"),
        (lambda data: data.decode().encode("utf-16"), "UTF-16 text"),
        (lambda data: b"\xeb\xf2\x89\x87" + data, "bigBed"),
    ],
)
def test_reader__other_kinds_of_files_are_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], what: str
) -> None:
    file = tmp_path / "peaks"
    file.write_bytes(pack(GOOD.encode() * 3))
    with pytest.raises(InputError, match=f"peaks: is {what}"):
        read(file)


@pytest.mark.parametrize(
    "text, line", [("\r".join([GOOD.strip()] * 3), 1), (GOOD + GOOD.replace("\n", "\t5\r") + GOOD, 2)]
)
def test_reader__lone_carriage_returns_are_no_line_ends(tmp_path: Path, text: str, line: int) -> None:
    """Nothing after the first of them may be lost in columns that are not read."""
    file = tmp_path / "peaks.bed"
    file.write_bytes(text.encode())
    with pytest.raises(InputError, match=rf"peaks\.bed, line {line}: a carriage return stands within"):
        read(file)


def test_reader__many_blocks_keep_line_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 64)
    (tmp_path / "x").write_text("#\n" + GOOD * 100 + "chr1\t10\tten\td.t.c\n")
    with pytest.raises(InputError, match=r"x, line 102: end 'ten'; expected a whole number"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    "line, message",
    [
        ("chr1\tten\t20\td.t.c", "line 2: start 'ten'; expected a whole number of bp"),
        ("chr1\t-5\t20\td.t.c", "line 2: start '-5'; expected a whole number of bp, 0 or more"),
        ("chr1\t1.5\t20\td.t.c", "line 2: start '1.5'"),
        ("chr1\t1_0\t20\td.t.c", "line 2: start '1_0'"),
        ("chr1\t\t20\td.t.c", "line 2: start ''"),
        ("chr1\t10\t99999999999999999999\td.t.c", "line 2: end '99999999999999999999'"),
        ("chr1\t20\t10\td.t.c", "line 2: start 20, end 10; expected an end greater than the start"),
        ("chr1\t20\t20\td.t.c", "line 2: start 20, end 20; expected an end greater"),
        ("chr1\t10\t20", "line 2: 3 tab-separated columns; expected at least 4"),
        ("chr1 10 20 d.t.c", "line 2: 1 tab-separated columns"),
    ],
)
def test_reader__bad_line_is_named(write: Write, line: str, message: str) -> None:
    with pytest.raises(InputError) as failure:
        read(write("x.bed", GOOD + line + "\n" + GOOD))
    assert f"x.bed, {message}" in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("text", ["", "\n\n", "track name=x\n# nothing\n"])
def test_reader__empty_file(write: Write, text: str) -> None:
    with pytest.raises(InputError, match=r"x\.bed: holds no intervals"):
        read(write("x.bed", text))


def test_reader__missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.bed: cannot be read: No such file"):
        read(tmp_path / "absent.bed")


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_reader__truncated_or_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    whole = pack(b"".join(b"chr1\t%d\t%d\td.t.c\n" % (i, i + 1 + i * i % 977) for i in range(5000)))
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(
        InputError, match=r"x, after line [0-9]+: the compressed file is truncated or damaged"
    ):
        read(tmp_path / "x")
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    (tmp_path / "x").write_bytes(bytes(broken))
    with pytest.raises(InputError, match="truncated or damaged"):
        read(tmp_path / "x")


def block(data: bytes) -> bytes:
    """Return one BGZF block: a gzip member whose extra field holds its own length."""
    body = gzip.compress(data, mtime=0)[10:]
    size = 12 + 6 + len(body) - 1
    return b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + size.to_bytes(2, "little") + body


BGZIP_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
BGZIP, GZIP = block(GOOD.encode()) + BGZIP_END, gzip.compress(GOOD.encode())


@pytest.mark.parametrize(
    "members, rows",
    [
        ([BGZIP, BGZIP], 2), ([BGZIP, GZIP], 2), ([GZIP, BGZIP], 2), ([BGZIP, GZIP, BGZIP, GZIP, GZIP], 5),
        ([BGZIP, block(GOOD.encode())], None), ([BGZIP, GZIP, block(GOOD.encode())], 3),
    ],
)  # fmt: skip
@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_reader__members_of_gzip_and_bgzip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: list[bytes], rows: int | None, at_once: int
) -> None:
    """However few bytes come at once. A part of bgzip that does not end is told where one can know."""
    (tmp_path / "x.gz").write_bytes(b"".join(members))

    class Pipe(io.FileIO):
        def read(self, size: int = -1) -> bytes:  # type: ignore[override]
            return super().read(min(size, at_once)) or b""

    monkeypatch.setattr(LocalTarget, "open_bytes", lambda target: Pipe(target.path))
    if rows is None:
        with pytest.raises(InputError, match="bgzip file is truncated"):
            read(tmp_path / "x.gz")
    else:
        assert len(read(tmp_path / "x.gz")) == rows


def test_reader__bgzip_truncated_between_blocks(tmp_path: Path) -> None:
    end = BGZIP_END
    whole = block(GOOD.encode()) + block(GOOD.encode()) + end
    (tmp_path / "x.gz").write_bytes(whole)
    assert len(read(tmp_path / "x.gz")) == 2
    (tmp_path / "x.gz").write_bytes(block(GOOD.encode()))
    with pytest.raises(InputError, match="bgzip file is truncated"):
        read(tmp_path / "x.gz")


def test_reader__bgzip_program(tmp_path: Path) -> None:
    file = tmp_path / "x.bed"
    file.write_text(GOOD * 100_000)
    try:
        subprocess.run(["bgzip", file], check=True, env=os.environ)
    except FileNotFoundError:
        pytest.skip("bgzip is not installed")
    assert len(read(tmp_path / "x.bed.gz")) == 100_000


def test_track_line__quotes_in_names_stay_inside() -> None:
    assert track_line('a" useScore=0 "', "b\nchr1\t1\t2") == (
        'track name="a_ useScore=0 _" description="b_chr1_1_2" useScore=1\n'
    )


def test_reader__byte_order_mark_is_no_part_of_the_first_name(write: Write) -> None:
    file = write("marked.bed", "\ufeffchr1\t1\t2\n\ufeffchr1\t3\t4\n")
    (block,) = BedReader(file, 3)
    assert block.contig == [b"chr1", "\ufeffchr1".encode()]
    (block,) = BedReader(write("header.bed", "\ufefftrack name=x\nchr1\t1\t2\n"), 3)
    assert (block.contig, block.line.tolist()) == ([b"chr1"], [2])
