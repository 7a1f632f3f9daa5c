"""Parts of CRMs: what a block of rows holds, and how they are joined, against loops over single members."""

import itertools
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import Member, members_by_hand
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.assess.regions import crm_parts
from atypeak_scale.assess.regions.crm_parts import PartTask, join_parts, part_dtype, write_part, write_parts
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.config import Config, parse_config
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block

BELOW = 600.0
LABELS = ["x", "y", "z"]


@pytest.fixture
def config(config: Config) -> Config:
    """With so few rows in a block that CRMs straddle blocks, even if a task takes eight of them."""
    values = config.model_dump()
    values["store"] |= {"rows_per_block": 1}
    return parse_config(values, "test")


@pytest.fixture
def finals(catalogue: tuple[Path, Path], random_scored: Scores) -> dict[int, list[Member]]:
    """Return the members of each CRM, by the line of the CRM file."""
    found = defaultdict(list)
    for member in members_by_hand(*catalogue, random_scored):
        found[member.crm].append(member)
    return dict(found)


def labels_in(record: np.void) -> list[str]:
    bits = np.unpackbits(record["labels"])
    assert not bits[len(LABELS) :].any()
    return [label for label, bit in zip(LABELS, bits, strict=False) if bit]


def assert_holds(record: np.void, members: list[Member]) -> None:
    values = [member.final for member in members]
    assert record["peaks"] == record["judged"] == len(values)
    assert record["below"] == sum(value < BELOW for value in values)
    assert record["sum"] == pytest.approx(sum(values))
    assert record["highest"] == max(values)
    assert labels_in(record) == sorted({member.tr for member in members})


def test_join_parts__are_the_crms_of_the_files_in_order(
    random_scored: Scores, catalogue: tuple[Path, Path], finals: dict[int, list[Member]], tmp_path: Path
) -> None:
    parts = write_parts(random_scored, BELOW, tmp_path, InProcess())
    assert len(parts) > 10
    of_parts = [set(np.load(part)["crm"].tolist()) for part in parts]
    assert any(one & other for one, other in itertools.pairwise(of_parts))  # some straddle
    joined = join_parts(parts, random_scored.cell_line, None, tmp_path / "crms")
    records = np.fromfile(joined.file, joined.dtype)
    lines = [line.split("\t") for line in catalogue[1].read_text().splitlines()]
    contigs = random_scored.cell_line.contigs
    positions = []
    for record in records:
        contig, start, end, *_ = lines[record["crm"]]
        assert (contigs[record["contig"]], record["start"], record["end"]) == (contig, int(start), int(end))
        assert_holds(record, finals[int(record["crm"])])
        positions.append((contig, int(start), int(end)))
    assert positions == sorted(positions)
    assert len(records) == len(finals)
    assert joined.sums.tolist() == records["sum"].tolist()


def test_write_part__of_every_cut_adds_up(
    random_scored: Scores, finals: dict[int, list[Member]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block for each chunk of rows, or one for all: no peak is lost or counted twice."""
    total = sum(map(len, finals.values()))
    for chunks, count in ((1, random_scored.cell_line.row_count), (10**6, 1)):
        monkeypatch.setattr(crm_parts, "ROW_CHUNKS_PER_TASK", chunks)
        parts = write_parts(random_scored, BELOW, tmp_path, InProcess())
        assert len(parts) == count
        assert sum(int(np.load(part)["peaks"].sum()) for part in parts) == total
    (whole,) = parts
    for record in np.load(whole):
        assert_holds(record, finals[int(record["crm"])])


def test_write_part__a_row_in_which_no_peak_enters_leaves_an_empty_record(
    random_scored: Scores, tmp_path: Path
) -> None:
    cell_line = random_scored.cell_line
    rows = cell_line.rows(0, cell_line.row_count)
    windows = cell_line.windows(0, cell_line.shape.windows)
    crm = windows.crm[rows.window]
    seen: set[tuple[int, int]] = set()
    again = []
    for row, pair in enumerate(zip(rows.peak.tolist(), crm.tolist(), strict=True)):
        if pair in seen:
            again.append(row)
        seen.add(pair)
    assert again  # a peak over two windows of a CRM
    file = tmp_path / "part.npy"
    write_part(PartTask(random_scored, Block(again[0], again[0] + 1), BELOW, file))
    (record,) = np.load(file)
    assert (record["crm"], record["peaks"], record["below"], record["sum"]) == (crm[again[0]], 0, 0, 0)
    assert record["highest"] == -np.inf
    assert labels_in(record) == []


def test_join_parts__keep_crms_that_share_a_bp_with_a_region(
    random_scored: Scores, finals: dict[int, list[Member]], tmp_path: Path
) -> None:
    parts = write_parts(random_scored, BELOW, tmp_path, InProcess())
    whole = join_parts(parts, random_scored.cell_line, None, tmp_path / "crms")
    records = np.fromfile(whole.file, whole.dtype)
    contigs = random_scored.cell_line.contigs
    one, other = records[5], records[-5]
    (tmp_path / "regions.bed").write_text(
        f"{contigs[one['contig']]}\t{one['end'] - 1}\t{one['end']}\n"
        f"{contigs[other['contig']]}\t{other['start'] - 1}\t{other['start']}\n"  # only touches
        f"chrUn\t0\t1000000\n"
    )
    regions, _ = read_regions(tmp_path / "regions.bed")
    kept = join_parts(parts, random_scored.cell_line, regions, tmp_path / "kept")
    expected = [
        record
        for record in records
        if any(
            contigs[record["contig"]] == regions.contigs[contig]
            and start < record["end"]
            and record["start"] < end
            for contig, start, end in zip(regions.contig, regions.start, regions.end, strict=True)
        )
    ]
    assert np.fromfile(kept.file, kept.dtype).tolist() == [record.tolist() for record in expected]
    assert one["crm"] in {record["crm"] for record in expected}
    assert other["crm"] not in {record["crm"] for record in expected}
    assert kept.sums.tolist() == [record["sum"] for record in expected]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(-50, 50)), min_size=1, max_size=30),
    st.lists(st.integers(1, 29), max_size=6),
)
def test_whole_crms__do_not_depend_on_where_they_are_cut(
    members: list[tuple[int, int]], cuts: list[int]
) -> None:
    """Members of three CRMs, sorted by CRM, cut anywhere; a CRM may straddle many parts."""
    members = sorted(members)
    bounds = [0, *sorted({cut for cut in cuts if cut < len(members)}), len(members)]
    parts = []
    for start, stop in itertools.pairwise(bounds):
        own = members[start:stop]
        crms = sorted({crm for crm, _ in own})
        records = np.zeros(len(crms), part_dtype(3))
        for record, crm in zip(records, crms, strict=True):
            values = [value for other, value in own if other == crm]
            record["crm"], record["peaks"], record["sum"] = crm, len(values), sum(values)
            record["below"], record["highest"] = sum(value < 0 for value in values), max(values)
            record["labels"] = sum({1 << (value % 3) for value in values})
        parts.append(records)
    found = np.concatenate(list(crm_parts.joined(parts)))
    assert found["crm"].tolist() == sorted({crm for crm, _ in members})
    for record in found:
        values = [value for crm, value in members if crm == record["crm"]]
        assert (record["peaks"], record["sum"]) == (len(values), sum(values))
        assert (record["below"], record["highest"]) == (sum(value < 0 for value in values), max(values))
        assert record["labels"][0] == sum({1 << (value % 3) for value in values})


def test_join_parts__count_peaks_without_a_score_apart(
    random_support: Scores, catalogue: tuple[Path, Path], tmp_path: Path
) -> None:
    trust = [1 - doubt for doubt in random_support.read(DOUBT).tolist()]
    found = defaultdict(list)
    for member in members_by_hand(*catalogue, random_support, trust):
        found[member.crm].append(member.final)
    parts = write_parts(random_support, 0.5, tmp_path, InProcess())
    joined = join_parts(parts, random_support.cell_line, None, tmp_path / "crms")
    for record in np.fromfile(joined.file, joined.dtype):
        values = found.pop(int(record["crm"]))
        judged = [value for value in values if not np.isnan(value)]
        assert (record["peaks"], record["judged"]) == (len(values), len(judged))
        assert record["below"] == sum(value < 0.5 for value in judged)
        assert record["sum"] == pytest.approx(sum(judged))
        assert record["highest"] == pytest.approx(max(judged, default=-np.inf))
    assert not found
