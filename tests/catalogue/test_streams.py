"""Inputs as streams: every compression, and other kinds of files named for what they are."""

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

from atypeak_scale.catalogue import streams
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.streams import InputFile, identify
from atypeak_scale.errors import InputError
from atypeak_scale.storage.local import LocalTarget
from tests.catalogue.test_bed import GOOD, read


@pytest.mark.parametrize(
    "name, pack",
    [
        ("x.bed", bytes),
        ("x.bed.gz", gzip.compress),
        ("two-members.gz", lambda data: gzip.compress(data[:7]) + gzip.compress(data[7:])),
        ("x.bed.xz", lzma.compress),
        ("x.bed.zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
        (
            "parallel.zst",  # as pzstd makes them
            lambda data: (
                bytes.fromhex("502a4d1804000000 00000000") + pa.compress(data, codec="zstd", asbytes=True)
            ),
        ),
        ("misnamed.txt", gzip.compress),
    ],
)
def test_stream__any_compression(tmp_path: Path, name: str, pack: Callable[[bytes], bytes]) -> None:
    text = "# comment\nbrowser position chr1\ntrack name=x\n\nchr1\t1\t5\ta.b.c\t7\t+\nchrX\t0\t9\td.e.f.g\n"
    packed = pack(text.encode())
    (tmp_path / name).write_bytes(packed)
    reader = BedReader(tmp_path / name, 4)
    assert [line for block in reader for line in block.line.tolist()] == [5, 6]
    assert reader.input_file == InputFile(len(packed), hashlib.sha256(packed).hexdigest())
    assert reader.input_file == identify(tmp_path / name)
    assert read(tmp_path / name) == [("chr1", 1, 5, "a.b.c"), ("chrX", 0, 9, "d.e.f.g")]


def test_stream__standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(GOOD.encode()))))
    assert read("-") == [("chr1", 10, 20, "d.t.c")]


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
        (zipped, "a zip archive"),
        (tar, "a tar archive"),
        (lambda data: gzip.compress(tar(data)), "a tar archive"),
        (lambda data: data.decode().encode("utf-16"), "UTF-16 text"),
        (lambda data: b"\xeb\xf2\x89\x87" + data, "bigBed"),
    ],
)
def test_stream__other_kinds_of_files_are_named(
    tmp_path: Path, pack: Callable[[bytes], bytes], what: str
) -> None:
    file = tmp_path / "peaks"
    file.write_bytes(pack(GOOD.encode() * 3))
    with pytest.raises(InputError, match=f"peaks: is {what}"):
        read(file)


def test_stream__missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.bed: cannot be read: No such file"):
        read(tmp_path / "absent.bed")


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, lambda data: pa.compress(data, codec="zstd", asbytes=True)]
)
def test_stream__truncated_or_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
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
def test_stream__members_of_gzip_and_bgzip(
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


def test_stream__bgzip_truncated_between_blocks(tmp_path: Path) -> None:
    end = BGZIP_END
    whole = block(GOOD.encode()) + block(GOOD.encode()) + end
    (tmp_path / "x.gz").write_bytes(whole)
    assert len(read(tmp_path / "x.gz")) == 2
    (tmp_path / "x.gz").write_bytes(block(GOOD.encode()))
    with pytest.raises(InputError, match="bgzip file is truncated"):
        read(tmp_path / "x.gz")


def test_stream__bgzip_program(tmp_path: Path) -> None:
    file = tmp_path / "x.bed"
    file.write_text(GOOD * 100_000)
    try:
        subprocess.run(["bgzip", file], check=True, env=os.environ)
    except FileNotFoundError:
        pytest.skip("bgzip is not installed")
    assert len(read(tmp_path / "x.bed.gz")) == 100_000


def test_stream__xz_streams_and_what_lies_between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "BUFFER", 16)
    one, pad = lzma.compress(GOOD.encode()), b"\0" * 8
    for parts, rows in (([one, one], 2), ([one, pad], 1), ([one, pad, one, pad, pad, one], 3)):
        (tmp_path / "x").write_bytes(b"".join(parts))
        assert len(read(tmp_path / "x")) == rows
    for rest in (b"garbage!", one[:-20], pad + b"\xfd7zXY\0", one[:1] + b"x" + one[2:]):
        (tmp_path / "x").write_bytes(one + rest)
        with pytest.raises(InputError, match="x, after line 0: the compressed file is truncated or damaged"):
            read(tmp_path / "x")
