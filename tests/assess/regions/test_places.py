"""Places against a loop over the CRM file and the peak file."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.assess.regions.places import CrmPlace, find_modules, parse_region
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import InputError
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

Line = tuple[str, int, int, int]


@pytest.fixture
def lines(catalogue: tuple[Path, Path]) -> list[Line]:
    """Add a long CRM and equal starts; return place and row of each CRM with a peak, in order."""
    peaks, regions = catalogue
    first = regions.read_text().splitlines()[3].split("\t")
    with regions.open("a") as out:
        out.write(f"{first[0]}\t{first[1]}\t{int(first[2]) + 700}\tcrm\t120\nchr1\t1500\t40000\tcrm\t120\n")
        out.write("chr2\t2000000\t2000500\tcrm\t120\nchr2\t2500000\t2500500\tcrm\t120\n")
    with peaks.open("a") as out:
        out.write("chr2\t2000100\t2000200\td1.x.cell\n")
    inside = [line.split("\t")[:3] for line in peaks.read_text().splitlines()[1:]]
    found = []
    for row, line in enumerate(regions.read_text().splitlines()):
        contig, start, end = line.split("\t")[0], *map(int, line.split("\t")[1:3])
        if any(c == contig and int(s) < end and start < int(e) for c, s, e in inside):
            found.append((contig, start, end, row))
    return sorted(found)


@pytest.fixture
def cell_line(
    catalogue: tuple[Path, Path], lines: list[Line], config: Config, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> CellLine:  # fmt: skip
    """Build a store of many small chunks."""
    monkeypatch.setattr("atypeak_scale.assess.regions.places.BLOCKS_AT_ONCE", 1)
    values = config.model_dump()
    values["store"] |= {"windows_per_chunk": 3}
    build_store(*catalogue, tmp_path / "s.zarr", parse_config(values, "test"))
    return open_store(tmp_path / "s.zarr")


def shape_of(place: CrmPlace) -> Line:
    return place.contig, place.start, place.end, place.crm


@pytest.mark.parametrize("catalogue", [0], indirect=True)
def test_find__equals_a_loop(cell_line: CellLine, lines: list[Line]) -> None:
    rng = np.random.default_rng(5)
    several = missed = 0
    for _ in range(150):
        contig = f"chr{rng.integers(1, 3)}"
        start = int(rng.integers(0, 150_000))
        end = start + int(rng.choice([1, 300, 9000]))
        shared = [min(end, one[2]) - max(start, one[1]) if one[0] == contig else 0 for one in lines]
        expected = sorted((-bp, at) for at, bp in enumerate(shared) if bp > 0)
        text = f"{contig}:{start + 1:,}-{end}" if end > start + 1 else f"{contig}:{start + 1}"
        if expected:
            found = find_modules(cell_line, text)
            assert [shape_of(one) for one in found] == [lines[at] for _, at in expected]
            several += len(found) > 1
        else:
            with pytest.raises(InputError, match="has no CRM with a peak at") as told:
                find_modules(cell_line, text)
            missed += 1
            away = min(max(s - end, start - e) + 1 for c, s, e, _ in lines if c == contig)
            assert str(told.value).endswith(f", {away:,} bp away")
    assert several > 5
    assert missed > 5


def test_find__windows_of_every_crm(cell_line: CellLine, lines: list[Line]) -> None:
    crm = cell_line.data["crm"].to_numpy()
    for one in lines:
        (found,) = find_modules(cell_line, str(one[3]))
        assert find_modules(cell_line, ",".join(str(one[3]))) == [found]
        assert shape_of(found) == one
        assert np.array_equal(np.arange(*found.windows), np.flatnonzero(crm == one[3]))
        assert found in find_modules(cell_line, found.text)
    assert max(np.bincount(crm)) > 9  # the long one, over several chunks


def test_find__far_away(cell_line: CellLine) -> None:
    with pytest.raises(InputError, match=r"the nearest is chr2:2,000,001-2,000,500, 498,000,001 bp away"):
        find_modules(cell_line, "chr2:500,000,501")
    with pytest.raises(InputError, match=r"the nearest is chr2:2,000,001-2,000,500"):
        find_modules(cell_line, "chr2:1,900,000")


def test_find__refuses(cell_line: CellLine, lines: list[Line]) -> None:
    rows = sorted(row for *_, row in lines)
    empty = rows[-1] + 1  # chr2:2,500,001-2,500,500
    with pytest.raises(InputError, match=f"CRM {empty} holds no peak of cell"):
        find_modules(cell_line, str(empty))
    with pytest.raises(InputError, match=f"has no CRM 99999; .* the last with a peak is {rows[-1]}"):
        find_modules(cell_line, "99999")
    with pytest.raises(InputError, match=r"has no contig 'chr11'; the nearest known are chr1"):
        find_modules(cell_line, "chr11:5")
    with pytest.raises(InputError, match=r"has no contig '1'; known are chr1, chr2"):
        find_modules(cell_line, "1:5-9")


def test_parse__what_browsers_write() -> None:
    assert parse_region("chr1:778,327-779,298") == ("chr1", 778326, 779298)
    assert parse_region("chr1:778327") == ("chr1", 778326, 778327)
    assert parse_region("HLA-A*01:01:01:1-5") == ("HLA-A*01:01:01", 0, 5)


@pytest.mark.parametrize(
    "text", ["", "chr1", "chr1:", "chr1:5-", ":5-6", "chr1:x-9", "chr1:-5-9", "chr1:5 - 9"]
)
def test_parse__refuses_what_is_no_place(text: str) -> None:
    with pytest.raises(InputError, match="expected a region such as chr1:778,327-779,298, a position"):
        parse_region(text)


@pytest.mark.parametrize("text", ["chr1:0-9", "chr1:9-5", "chr1:0"])
def test_parse__refuses_what_is_no_interval(text: str) -> None:
    with pytest.raises(InputError, match="positions count from 1, and the first is not after the last"):
        parse_region(text)
