"""Contig names of a file: each is checked once, and there are not too many."""

from collections.abc import Callable
from pathlib import Path

import pytest

from atypeak_scale.catalogue import contigs
from atypeak_scale.catalogue.bed import BedReader
from atypeak_scale.catalogue.contigs import ContigNames
from atypeak_scale.errors import InputError

Write = Callable[[str, str], Path]


def names_of(file: Path) -> ContigNames:
    found, reader = ContigNames(), BedReader(file, 3)
    for block in reader:
        found.encode(reader, block)
    return found


def test_names__in_the_order_of_the_file(write: Write) -> None:
    found, reader = ContigNames(), BedReader(write("r.bed", "b\t1\t2\na\t1\t2\nb\t1\t2\n"), 3)
    (block,) = reader
    assert found.encode(reader, block).tolist() == [0, 1, 0]
    assert found.names == ["b", "a"]


@pytest.mark.parametrize("contig", ["chr1 ", " chr1", "\u00a0chr1", "chr1\u2003"])
def test_names__blanks_around_them_are_refused(write: Write, contig: str) -> None:
    with pytest.raises(InputError, match=r"r\.bed, line 2: .* begins or ends with a blank; remove it"):
        names_of(write("r.bed", f"chr1\t1\t2\n{contig}\t1\t2\n"))


def test_names__too_many_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contigs, "MOST_CONTIGS", 3)
    text = "".join(f"c{number % 3}\t1\t2\n" for number in range(9))
    assert len(names_of(write("r.bed", text)).names) == 3
    with pytest.raises(InputError, match=r"line 10: over 3 different contigs; expected those of one genome"):
        names_of(write("r.bed", text + "c4\t1\t2\n"))
