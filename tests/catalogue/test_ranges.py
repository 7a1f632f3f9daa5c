"""Ranges of a file give every line once, with its number in errors."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.catalogue import ranges
from atypeak_scale.catalogue.ranges import FileRange, ranges_of, reader_of
from atypeak_scale.errors import InputError
from tests.catalogue.test_streams import BGZIP_END, block


def rows(parts: list[FileRange]) -> list[tuple[str, int, int]]:
    return [
        (contig.decode(), start, end)
        for part in parts
        for found in reader_of(part, 4)
        for contig, start, end in zip(
            found.contig.texts(), found.start.tolist(), found.end.tolist(), strict=True
        )
    ]


lines = st.lists(st.integers(1, 10**6), min_size=1, max_size=40)


@settings(max_examples=60)
@given(lines, st.integers(1, 60), st.integers(1, 40), st.booleans(), st.booleans())
def test_ranges__every_line_once(
    tmp_path_factory: pytest.TempPathFactory,
    starts: list[int], size: int, per_block: int, ends: bool, is_bgzip: bool,
) -> None:  # fmt: skip
    expected = [("chr1", start, start + 7) for start in starts]
    text = "\n".join(f"{contig}\t{start}\t{end}\ta.b.c" for contig, start, end in expected) + "\n" * ends
    data = text.encode()
    file = tmp_path_factory.mktemp("ranges") / "x"
    if is_bgzip:
        data = b"".join(block(data[i : i + per_block]) for i in range(0, len(data), per_block)) + BGZIP_END
    file.write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "BYTES_PER_RANGE", size)
        patch.setattr(ranges, "BGZIP_BYTES_PER_RANGE", size)
        patch.setattr(ranges, "CHUNK", 64)
        parts = ranges_of(file)
        assert rows(parts) == expected
    assert len(parts) > 1 or len(data) <= max(size, 2000)


def test_ranges__one_of_a_single_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "BYTES_PER_RANGE", 10)
    monkeypatch.setattr(ranges, "BGZIP_BYTES_PER_RANGE", 10)
    text = b"chr1\t1\t2\ta.b.c\n" * 50
    for name, data in {
        "a.gz": gzip.compress(text),
        "cut": block(text) * 3,
        "mixed": block(text) + BGZIP_END,
    }.items():
        (tmp_path / name).write_bytes(data + (gzip.compress(text) if name == "mixed" else b""))
        assert ranges_of(tmp_path / name) == [FileRange(tmp_path / name)]


@pytest.mark.parametrize("is_bgzip", [False, True])
def test_ranges__errors_have_the_line_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_bgzip: bool
) -> None:
    monkeypatch.setattr(ranges, "BYTES_PER_RANGE", 100)
    monkeypatch.setattr(ranges, "BGZIP_BYTES_PER_RANGE", 100)
    for wrong in (1, 7, 8, 30, 50):
        text = [b"chr1\t1\t2\ta.b.c\n"] * 50
        text[wrong - 1] = b"chr1\tx\t2\ta.b.c\n"
        data = b"".join(text)
        if is_bgzip:
            data = b"".join(block(data[i : i + 33]) for i in range(0, len(data), 33)) + BGZIP_END
        (tmp_path / "x").write_bytes(data)
        assert len(ranges_of(tmp_path / "x")) > 3
        with pytest.raises(InputError, match=rf"x, line {wrong}: start 'x'"):
            rows(ranges_of(tmp_path / "x"))


def test_ranges__a_line_without_end_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranges, "LONGEST_LINE", 1000)
    monkeypatch.setattr(ranges, "CHUNK", 100)
    monkeypatch.setattr(ranges, "BYTES_PER_RANGE", 100)
    (tmp_path / "x").write_bytes(b"chr1\t1\t2\ta.b.c\n" + b"\0" * 2000)
    with pytest.raises(InputError, match=r"x: has a line longer than 1,000 bytes; is it BED"):
        rows(ranges_of(tmp_path / "x"))
