"""Lines of BED files: every fault has its line, and blocks are parsed as lines are."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.catalogue.bed import _parsed
from atypeak_scale.catalogue.bed_lines import parse_lines
from atypeak_scale.errors import InputError
from tests.catalogue.test_bed import GOOD, Write, read


def test_lines__windows_line_ends_and_no_last_newline(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"chr1\t1\t2\ta.b.c\r\nchr1\t3\t4\ta.b.c")
    assert read(tmp_path / "x") == [("chr1", 1, 2, "a.b.c"), ("chr1", 3, 4, "a.b.c")]


@pytest.mark.parametrize(
    "text, line", [("\r".join([GOOD.strip()] * 3), 1), (GOOD + GOOD.replace("\n", "\t5\r") + GOOD, 2)]
)
def test_lines__lone_carriage_returns_are_no_line_ends(tmp_path: Path, text: str, line: int) -> None:
    """Nothing after the first of them may be lost in columns that are not read."""
    file = tmp_path / "peaks.bed"
    file.write_bytes(text.encode())
    with pytest.raises(InputError, match=rf"peaks\.bed, line {line}: a carriage return stands within"):
        read(file)


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
def test_lines__bad_line_is_named(write: Write, line: str, message: str) -> None:
    with pytest.raises(InputError) as failure:
        read(write("x.bed", GOOD + line + "\n" + GOOD))
    assert f"x.bed, {message}" in str(failure.value)
    assert "\n" not in str(failure.value)


odd = st.sampled_from(
    ["chr1", "chrX ", "#c", "track", "browser x", "", " ", "7", "0x1F", "0X2", "-3", "+4", " 5", "6 ",
     "a.b.c", "NA", '"q"', "\xe9", "\r", "1e3", "١", "999999999999999999", "1000000000000000000"]
)  # fmt: skip
line = st.one_of(
    st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 50), st.integers(20, 99), st.just("a.b.c"))
    .map(lambda row: "\t".join(map(str, row))),
    st.lists(odd, min_size=1, max_size=6).map("\t".join),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(line, min_size=1, max_size=6), st.booleans())
def test_lines__blocks_are_parsed_as_lines_are(lines: list[str], ends: bool) -> None:
    data = ("\n".join(lines) + "\n" * ends).encode()

    def fail(number: int, message: str, argument: str | None) -> InputError:
        return InputError(f"{number}: {message}")

    at_once = _parsed(data, 4)
    try:
        texts, start, end, number = parse_lines(data.split(b"\n"), 1, 4, ("", None), fail)
    except InputError:
        assert at_once is None
        return
    if at_once is not None:
        contig, starts, ends_, columns = at_once
        assert [contig.texts(), *(each.texts() for each in columns)] == texts
        assert (starts.tolist(), ends_.tolist()) == (start.tolist(), end.tolist())
        assert number.tolist() == list(range(1, 1 + len(start)))


def test_lines__plain_blocks_are_parsed_at_once() -> None:
    assert _parsed(b"chr1\t1\t2\ta.b.c\n" * 3, 4) is not None
