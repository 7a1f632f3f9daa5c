"""BED files as streams: every compression, and every fault named with its line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.catalogue import bed
from atypeak_scale.catalogue.bed import BedReader, track_line, write_bed6
from atypeak_scale.errors import InputError

Write = Callable[[str, str], Path]
GOOD = "chr1\t10\t20\td.t.c\n"


def read(path: str | Path, columns: int = 4) -> list[tuple[str, int, int, str]]:
    rows = []
    for block in BedReader(path, columns):
        rows += [
            (contig.decode(), start, end, name.decode())
            for contig, start, end, name in zip(
                block.contig.texts(),
                block.start.tolist(),
                block.end.tolist(),
                block.columns[0].texts(),
                strict=True,
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


def test_reader__many_blocks_keep_line_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 64)
    (tmp_path / "x").write_text("#\n" + GOOD * 100 + "chr1\t10\tten\td.t.c\n")
    with pytest.raises(InputError, match=r"x, line 102: end 'ten'; expected a whole number"):
        read(tmp_path / "x")


@pytest.mark.parametrize("text", ["", "\n\n", "track name=x\n# nothing\n"])
def test_reader__empty_file(write: Write, text: str) -> None:
    with pytest.raises(InputError, match=r"x\.bed: holds no intervals"):
        read(write("x.bed", text))


def test_track_line__quotes_in_names_stay_inside() -> None:
    assert track_line('a" useScore=0 "', "b\nchr1\t1\t2") == (
        'track name="a_ useScore=0 _" description="b_chr1_1_2" useScore=1\n'
    )


@pytest.mark.parametrize("bytes_per_block", [1, 1 << 20])
def test_reader__byte_order_marks_are_no_part_of_names(
    write: Write, monkeypatch: pytest.MonkeyPatch, bytes_per_block: int
) -> None:
    """Files with a mark may follow one another, and blocks may begin anywhere."""
    monkeypatch.setattr(bed, "BYTES_PER_BLOCK", bytes_per_block)
    file = write("marked.bed", "\ufeffchr1\t1\t2\n\ufeffchr1\t3\t4\n\ufeff#\n")
    assert [text for block in BedReader(file, 3) for text in block.contig.texts()] == [b"chr1"] * 2
    monkeypatch.undo()
    (block,) = BedReader(write("header.bed", "\ufefftrack name=x\nchr1\t1\t2\n"), 3)
    assert (block.contig.texts(), block.line.tolist()) == ([b"chr1"], [2])


@pytest.mark.parametrize("beside", ["", "#\n"])
def test_reader__a_number_is_read_alike_whatever_is_beside_it(write: Write, beside: str) -> None:
    """A comment makes lines be parsed one by one."""
    long = "0" * 5000 + "5"
    assert read(write("a.bed", f"{beside}chr1\t{long}\t{long}7\td.t.c\n")) == [("chr1", 5, 57, "d.t.c")]
    with pytest.raises(InputError, match="start '-0'; expected a whole number of bp"):
        read(write("b.bed", f"{beside}chr1\t-0\t7\td.t.c\n"))


def test_reader__a_line_without_end_does_not_fill_the_memory(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bed, "LONGEST_LINE", 1000)
    monkeypatch.setattr(bed, "BYTES_PER_BLOCK", 100)
    assert len(read(write("a.bed", GOOD + "chr1\t1\t2\t" + "x" * 900 + "\n"))) == 2
    with pytest.raises(InputError, match=r"b\.bed, line 2: is longer than 1,000 bytes; is it BED"):
        read(write("b.bed", GOOD + "\0" * 2000))
