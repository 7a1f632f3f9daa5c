"""Names of peaks: those that are too many, and what is said of a selection that nothing fits."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from atypeak_scale.catalogue import peak_names
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.peak_names import NameTable, NothingSelectedError
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError

Write = Callable[[str, str], Path]


def table_of(file: Path, **selection: object) -> NameTable:
    table, reader = NameTable("cell", Selection.model_validate(selection)), BedReader(file, 4)
    for block in reader:
        table.encode(reader, block)
    table.require_peaks(reader)
    return table


def lines(*names: str) -> str:
    return "".join(f"chr1\t1\t2\t{name}\n" for name in names)


def test_table__counts(write: Write) -> None:
    names = ("a.x.cell", "a.y.cell", "a.x.cell", "a.x.other", "b.y.cell", "b.y.other", "a.x.third")
    table = table_of(write("p.bed", lines(*names)), trs=("x",))
    assert table.sources == {("a", "x"): 0}
    assert table.unselected == {("a", "y"), ("b", "y")}
    assert table.not_selected == 2
    assert table.other_cell_lines() == {"other": 2, "third": 1}


def test_table__a_name_for_every_peak_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_names, "MOST_NAMES", 5)
    names = [f"a.x.cell_peak_{number}" for number in range(5)]
    with pytest.raises(InputError, match="no peak of cell line 'cell'"):
        table_of(write("p.bed", lines(*names)))
    with pytest.raises(InputError, match=r"line 6: over 5 different names; expected dataset\.TR\.cell_line"):
        table_of(write("p.bed", lines(*names, "a.x.cell")))


def test_table__a_source_for_every_peak_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_names, "MOST_SOURCES", 5)
    names = [f"a_{number}.x.cell" for number in range(5)]
    assert len(table_of(write("p.bed", lines(*names))).sources) == 5
    with pytest.raises(InputError, match=r"line 6: over 5 sources, dataset\.TR, of the cell line"):
        table_of(write("p.bed", lines(*names, "b.x.cell")))


def test_table__many_names_and_blocks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("atypeak_scale.catalogue.bed.BYTES_PER_BLOCK", 200)
    names = [f"a{n}.x.{'cell' if n % 3 else 'other'}" for n in range(300)]
    table = table_of(write("p.bed", lines(*names, *names)))
    assert len(table.sources) == 200
    assert table.other_cell_lines() == {"other": 200}


@pytest.mark.parametrize(
    "selection, told",
    [
        ({"trs": ("CTCF",)}, "selected TRs without .* catalogue: CTCF; the nearest known are ctcf"),
        ({"trs": ("ctcf", "rad2")}, "selected TRs .*: rad2; the nearest known are rad21"),
        ({"datasets": ("GSE11", "zz")}, "datasets .*: GSE11, zz; of GSE11 the nearest known are GSE1"),
        ({"sources": ("GSE1.ctcfx", "GSE1.ctcf")}, r"sources .*: GSE1\.ctcfx; the nearest known are GSE1\.c"),
    ],
)  # fmt: skip
def test_absent__nearest_are_named(write: Write, selection: dict[str, object], told: str) -> None:
    """Also if others of the list are there, and among peaks that another list leaves out."""
    file = write("p.bed", lines("GSE1.ctcf.cell", "GSE2.rad21.cell"))
    reader = BedReader(file, 4)
    table = NameTable("cell", Selection.model_validate(selection))
    for block in reader:
        table.encode(reader, block)
    (found,) = table.absent()
    assert re.search(told, found)
    if not table.sources:
        with pytest.raises(NothingSelectedError, match=told):
            table.require_peaks(reader)


def test_table__no_source_has_enough_peaks(write: Write) -> None:
    file = write("p.bed", lines("a.x.cell", "a.x.cell", "a.y.cell"))
    assert table_of(file, min_source_peaks=2).kept() == [("a", "x")]
    with pytest.raises(NothingSelectedError, match="has 3 peaks or more; the most that one has is 2; lower"):
        table_of(file, min_source_peaks=3)
