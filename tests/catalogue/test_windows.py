"""Windows of CRMs, the bins that peaks occupy in them, and what is refused."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.catalogue.accounts import CrmAccount
from atypeak_scale.catalogue.windows import cut_windows, occupied_bins, read_regions, read_windows
from atypeak_scale.errors import InputError

Write = Callable[[str, str], Path]
intervals = st.tuples(st.integers(0, 3000), st.integers(1, 1500)).map(lambda pair: (pair[0], sum(pair)))


def as_arrays(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(np.array([pair[i] for pair in pairs], np.int64) for i in (0, 1))  # type: ignore[return-value]


@given(st.lists(intervals, min_size=1, max_size=8), st.integers(1, 700))
def test_cut_windows__covers_every_base_pair_once_from_the_start(
    pairs: list[tuple[int, int]], frame: int
) -> None:
    interval, start, end = cut_windows(*as_arrays(pairs), frame)
    expected = []
    for number, (left, right) in enumerate(pairs):
        for position in range(left, right):
            if (position - left) % frame == 0:
                expected.append((number, position, position + 1))
            else:
                expected[-1] = (number, expected[-1][1], position + 1)
    assert list(zip(interval.tolist(), start.tolist(), end.tolist(), strict=True)) == expected


@given(st.integers(0, 500), st.integers(1, 32), st.sampled_from([1, 3, 10]), st.data())
def test_occupied_bins__equals_marking_every_base_pair(
    start: int, bins: int, bin_: int, data: st.DataObject
) -> None:
    frame = bins * bin_
    end = start + data.draw(st.integers(1, frame))
    peak_start = data.draw(st.integers(max(0, start - 50), end - 1))
    peak_end = data.draw(st.integers(max(peak_start, start) + 1, end + 50))
    first, last = occupied_bins(
        *(np.array([value]) for value in (peak_start, peak_end, start, end)), frame, bin_
    )
    # Base pair by base pair: the frame ends where the window ends (method, section 2.3).
    occupied = sorted(
        {
            (position - (end - frame)) // bin_
            for position in range(peak_start, peak_end)
            if start <= position < end
        }
    )
    assert list(range(first[0], last[0] + 1)) == occupied
    assert occupied[0] >= 0
    assert occupied[-1] < bins


def test_read_windows__sorts_filters_and_keeps_file_rows(write: Write) -> None:
    file = write(
        "crms.bed",
        "chr2\t100\t200\ta\t120\nchr10\t50\t60\tb\t99\nchr10\t5000\t9000\tc\t100\nchr10\t10\t20\td\t300\n",
    )
    windows, _ = read_windows(file, frame=3200, min_peaks=100)
    assert windows.contigs == ["chr10", "chr2"]
    rows = zip(
        windows.contig,
        windows.start,
        windows.end,
        windows.crm,
        windows.crm_start,
        windows.crm_end,
        strict=True,
    )
    assert [tuple(map(int, row)) for row in rows] == [
        (0, 10, 20, 3, 10, 20),
        (0, 5000, 8200, 2, 5000, 9000),
        (0, 8200, 9000, 2, 5000, 9000),
        (1, 100, 200, 0, 100, 200),
    ]


def test_read_windows__three_columns_do_without_a_filter(write: Write) -> None:
    windows, _ = read_windows(write("crms.bed", "chr1\t0\t10\n"), frame=3200, min_peaks=0)
    assert len(windows) == 1


@pytest.mark.parametrize(
    "line, message",
    [
        ("chr1\t0\t10\tcrm\tmany", "line 1: column 5 is 'many'; expected the CRM's number of peaks"),
        ("chr1\t0\t10", "line 1: 3 tab-separated columns; expected at least 5"),
        ("chr1\t0\t10\tcrm\t99", "no CRM has 100 peaks or more in column 5; lower min_crm_peaks$"),
    ],
)
def test_read_windows__bad_column_five(write: Write, line: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_windows(write("crms.bed", line + "\n"), frame=3200, min_peaks=100)


@pytest.mark.parametrize("count", ["nan", "inf", "-inf"])
def test_read_windows__a_count_that_is_no_number_is_refused(write: Write, count: str) -> None:
    file = write("crms.bed", f"chr1\t0\t100\ta\t200\nchr1\t200\t300\tb\t{count}\n")
    with pytest.raises(
        InputError, match=rf"line 2: column 5 is '{count}'; expected the CRM's number of peaks"
    ):
        read_windows(file, 3200, 100)


def test_read_windows__a_crm_of_terabases_is_refused(write: Write) -> None:
    file = write("crms.bed", "chr1\t0\t100\nchr1\t0\t999999999999999\n")
    with pytest.raises(
        InputError, match=r"line 2: a CRM of 999,999,999,999,999 bp; expected at most 10,000,000 bp"
    ):
        read_windows(file, 3200, 0)


def test_read_windows__three_columns_with_a_filter_name_the_remedy(write: Write) -> None:
    with pytest.raises(
        InputError, match=r"expected at least 5 .*; give the number of peaks .* or set min_crm_peaks to 0"
    ):
        read_windows(write("crms.bed", "chr1\t0\t100\n"), 3200, 100)


def test_read_regions__a_repeated_interval_is_told_and_used_once(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["track name=x", "chr1\t0\t9\ta\t7", "chr1\t0\t9\tb\t1", "chr1\t5\t9\tc\t5", "chr1\t0\t9\td\t9",
             "chr1\t0\t9\te\t8"]  # fmt: skip
    with caplog.at_level(logging.WARNING):
        regions, _ = read_regions(write("r.bed", "\n".join(lines) + "\n"), min_peaks=5)
    assert regions.row.tolist() == [0, 2]
    assert regions.account == CrmAccount(rows=5, used=2, too_few_peaks=1, repeated=2)
    assert "r.bed: 2 rows repeat an earlier interval, first line 5; each is used once" in caplog.text
    windows, _ = read_windows(write("r.bed", "\n".join(lines) + "\n"), 5, 5)
    assert windows.account == regions.account
    assert windows.crm.tolist() == [0, 0, 2]


def test_read_regions__sorted_with_rows_of_the_file(write: Write) -> None:
    lines = ["chr2\t50\t70", "chr10\t5\t9", "chr2\t50\t60", "# no region", "chr10\t1\t4", "chr10\t5\t9"]
    regions, file = read_regions(write("r.bed", "\n".join(lines) + "\n"))
    assert regions.contigs == ["chr10", "chr2"]
    assert regions.contig.tolist() == [0, 0, 1, 1]
    assert regions.start.tolist() == [1, 5, 50, 50]
    assert regions.end.tolist() == [4, 9, 60, 70]
    assert regions.row.tolist() == [3, 1, 2, 0]
    assert [regions.on(name) for name in ("chr10", "chr2", "chr1", "chr3")] == [
        slice(0, 2), slice(2, 4), slice(0, 0), slice(0, 0)
    ]  # fmt: skip
    assert file.size == sum(len(line) + 1 for line in lines)
