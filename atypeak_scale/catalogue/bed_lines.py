"""Parse lines of a BED file one by one: slower than `bed.py` parses blocks, but each fault has its line."""

import re
from collections.abc import Callable
from itertools import compress

import numpy as np
import numpy.typing as npt

from atypeak_scale.errors import InputError, quoted

MAX_DIGITS = 18  # always fits in a signed 64-bit integer
HEADER = re.compile(rb"#|(track|browser)(\s|$)")
COLUMNS = ("contig", "start", "end", "name", "score")
IntArray = npt.NDArray[np.int64]
Fail = Callable[[int, str, str | None], InputError]


def parse_lines(
    lines: list[bytes], first: int, count: int, remedy: tuple[str, str | None], fail: Fail
) -> tuple[list[list[bytes]], IntArray, IntArray, IntArray]:
    """Parse lines; those that are blank, comments, or for a browser are left out.

    Parameters
    ----------
    lines : list of bytes
        Without the newlines at their ends.
    first : int
        Number of the first line.
    count : int
        Columns that each must have; further ones are ignored.
    remedy : (str, str or None)
        What to do if a line has fewer, and the parameter that this is about.
    fail : function
        Returns the error for a line's number, a message and a parameter.

    Returns
    -------
    (columns but start and end, start, end, number of the line)
        int64 (rows,) each but the first; bp.

    Raises
    ------
    InputError
        At the first line that is not an interval.

    """
    _refuse_lone_returns(first, lines, fail)
    is_data = [bool(line.strip() and not HEADER.match(line)) for line in lines]
    numbers = first + np.flatnonzero(is_data)
    rows = [line.removesuffix(b"\r").split(b"\t", count) for line in compress(lines, is_data)]
    for number, row in zip(numbers.tolist(), rows, strict=True):
        if len(row) < count:
            raise fail(
                number,
                f"{len(row)} tab-separated columns; expected at least {count} "
                f"({', '.join(COLUMNS[:count])}){remedy[0]}",
                remedy[1],
            )
    contig, start, end, *columns = ([row[column] for row in rows] for column in range(count))
    starts, ends = _coordinates(start, numbers, "start", fail), _coordinates(end, numbers, "end", fail)
    reversed_ = np.flatnonzero(ends <= starts)
    if reversed_.size:
        at = reversed_[0]
        raise fail(
            int(numbers[at]),
            f"start {starts[at]}, end {ends[at]}; expected an end greater than the start",
            None,
        )
    return [contig, *columns], starts, ends, numbers


def _refuse_lone_returns(first: int, lines: list[bytes], fail: Fail) -> None:
    """Raise InputError for a carriage return within a line: it ends a line on old systems, not here."""
    at = next((at for at, line in enumerate(lines) if b"\r" in line[:-1]), None)
    if at is not None:
        raise fail(
            first + at,
            "a carriage return stands within the line; if lines end with carriage returns alone, "
            "convert them: tr '\\r' '\\n' < FILE > new.bed",
            None,
        )


def _coordinates(texts: list[bytes], numbers: IntArray, what: str, fail: Fail) -> IntArray:
    if any(len(text) > MAX_DIGITS for text in texts):
        texts = [text.lstrip(b"0") or b"0" for text in texts]
    at = next((i for i, text in enumerate(texts) if not text.isdigit() or len(text) > MAX_DIGITS), None)
    if at is not None:
        found = texts[at].decode(errors="replace")
        raise fail(
            int(numbers[at]), f"{what} {quoted(found)}; expected a whole number of bp, 0 or more", None
        )
    return np.fromiter(map(int, texts), np.int64, len(texts))
