"""Peaks of one cell line: read, selected, spooled to disk and sorted."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError

Write = Callable[[str, str], Path]
PEAKS = """chr1\t50\t60\td1.x.hela
chr1\t10\t20\td2.y.hela
chr2\t10\t20\td2.x.hela
chr1\t10\t15\td1.y.hela\t3\t+
chr1\t10\t20\td1.x.hela_variant
chr1\t10\t20\td3.z.cell.with.dots
"""


def spool(file: Path, cell_line: str = "hela", **selection: object) -> list[tuple[str, int, int, str]]:
    folder = file.parent / "spool"
    folder.mkdir()
    found = spool_peaks(file, folder, cell_line, Selection.model_validate(selection))
    rows = [
        (contig, int(peak["start"]), int(peak["end"]), ".".join(found.sources[peak["source"]]))
        for contig in sorted(found.contigs)
        for peak in found.peaks(contig)
    ]
    assert len(rows) == found.selected
    for contig in found.contigs:
        peaks = found.peaks(contig)
        assert peaks["furthest"].tolist() == np.maximum.accumulate(peaks["end"]).tolist()
    return rows


def test_spool__one_cell_line_sorted_by_contig_and_start(write: Write) -> None:
    assert spool(write("p.bed", PEAKS)) == [
        ("chr1", 10, 15, "d1.y"),
        ("chr1", 10, 20, "d2.y"),
        ("chr1", 50, 60, "d1.x"),
        ("chr2", 10, 20, "d2.x"),
    ]


def test_spool__cell_line_may_hold_dots(write: Write) -> None:
    assert spool(write("p.bed", PEAKS), "cell.with.dots") == [("chr1", 10, 20, "d3.z")]


@pytest.mark.parametrize(
    "selection, sources",
    [
        ({"trs": ("y",)}, {"d1.y", "d2.y"}),
        ({"datasets": ("d1",)}, {"d1.x", "d1.y"}),
        ({"sources": ("d2.x", "d1.y")}, {"d2.x", "d1.y"}),
        ({"trs": ("x",), "datasets": ("d2",)}, {"d2.x"}),
        ({"top_trs": 1, "datasets": ("d1", "d2")}, {"d1.x", "d2.x"}),  # a tie: the first name
        ({"top_trs": 1, "sources": ("d1.x", "d1.y", "d2.y")}, {"d1.y", "d2.y"}),
    ],
)
def test_spool__selection(write: Write, selection: dict[str, object], sources: set[str]) -> None:
    assert {row[3] for row in spool(write("p.bed", PEAKS), **selection)} == sources


def test_spool__absent_labels_are_reported(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        spool(write("p.bed", PEAKS), trs=("x", "misspelt"))
    assert "selected TRs without a peak in the catalogue: misspelt; known are x, y" in caplog.text


@pytest.mark.parametrize(
    "cell_line, selection, message",
    [
        ("hella", {}, r"no peak of cell line 'hella'; the nearest known are hela"),
        ("HELA", {}, r"the nearest known are hela"),
        ("hela", {"trs": ("w",)}, r"the selection leaves no peak of cell line 'hela'"),
        ("hela", {"sources": ("d1",)}, r"source 'd1'; expected dataset\.TR"),
    ],
)
def test_spool__nothing_left(
    write: Write, cell_line: str, selection: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        spool(write("p.bed", PEAKS), cell_line, **selection)


def test_spool__bad_name_is_named(write: Write) -> None:
    with pytest.raises(InputError, match=r"p\.bed, line 7: name 'hela'; expected dataset\.TR\.cell_line"):
        spool(write("p.bed", PEAKS + "chr1\t1\t2\thela\n"))


def test_spool__contig_names_do_not_choose_paths(write: Write) -> None:
    file = write("p.bed", "../../evil\t1\t2\ta.b.c\n/etc/evil\t1\t2\ta.b.c\n")
    assert [row[0] for row in spool(file, "c")] == ["../../evil", "/etc/evil"]
    assert {path.name for path in file.parent.rglob("*")} == {
        "p.bed",
        "spool",
        "sorted-0",
        "sorted-1",
    }


def test_spool__many_blocks_give_the_same_peaks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    lines = [f"chr{c}\t{s}\t{s + 5}\td{d}.x.hela\n" for c, s, d in rng.integers(1, 50, (500, 3))]
    expected = sorted((f"chr{c}", int(s), int(e)) for c, s, e in (line[3:].split("\t")[:3] for line in lines))
    monkeypatch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 100)
    assert [row[:3] for row in spool(write("p.bed", "".join(lines)))] == expected
