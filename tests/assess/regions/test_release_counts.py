"""Counts of scored and newer peaks in CRMs, against loops over intervals."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.assess.regions import release_counts
from atypeak_scale.assess.regions.release_counts import (
    CRM,
    SCORED,
    CountTask,
    ExportedScores,
    count_peaks,
    reading_scores,
    write_counts,
)
from atypeak_scale.catalogue.overlaps import sort_intervals
from atypeak_scale.catalogue.peaks import PEAK, spool_peaks
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.scoring.named_scores import NAMED_SCORES
from atypeak_scale.store.cell_line import Block

INPUT = InputFile(size=1, sha256="0")
Interval = tuple[int, int]
Labelled = tuple[int, int, int]  # start, length, label or source

starts, lengths = st.integers(0, 60), st.integers(1, 25)
crm_intervals = st.lists(st.tuples(starts, lengths), min_size=1, max_size=12)
peak_intervals = st.lists(st.tuples(starts, lengths, st.integers(0, 2)), max_size=25)


def overlap(one: Interval, other: Interval) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def score_at(start: int, label: int) -> float:
    """Label and start tell the score of a peak, and whether it has one."""
    return math.nan if start % 3 == 0 else 100 * label + start


def mean_of(scores: list[float]) -> tuple[float, int]:
    """Return the mean of those that there are, and how many there are not."""
    known = [score for score in scores if not math.isnan(score)]
    return sum(known) / len(known) if known else math.nan, len(scores) - len(known)


@given(crms=crm_intervals, scored=peak_intervals, new=peak_intervals, first=st.integers(0, 5))
def test_count_peaks__equals_a_loop_over_all_intervals(
    tmp_path_factory: pytest.TempPathFactory,
    crms: list[Interval],
    scored: list[Labelled],
    new: list[Labelled],
    first: int,
) -> None:
    folder = tmp_path_factory.mktemp("counts")
    intervals = sorted((start, start + length) for start, length in crms)
    block = Block(min(first, len(intervals) - 1), len(intervals))
    np.save(folder / "crms.npy", np.array(intervals, CRM))
    records = np.array([(a, a + n, 0, label, score_at(a, label)) for a, n, label in scored], SCORED)
    np.save(folder / "scored.npy", sort_intervals(records))
    newer = np.array([(a, a + n, source, 0) for a, n, source in new], PEAK)
    if len(newer):
        sort_intervals(newer).tofile(folder / "new")
    label_of_source = np.array([2, 0, 0], np.int32)
    count_peaks(
        CountTask(
            folder / "crms.npy", block, folder / "scored.npy", folder / "new" if len(newer) else None,
            label_of_source, 3, folder / "counts.npz",
        )
    )  # fmt: skip
    of_crms, of_pairs = [], []
    for region in range(*block):
        crm = intervals[region]
        inside = [(label, score_at(a, label)) for a, n, label in scored if overlap((a, a + n), crm)]
        of_new = [int(label_of_source[source]) for a, n, source in new if overlap((a, a + n), crm)]
        if not inside:
            continue
        mean, unjudged = mean_of([score for _, score in inside])
        of_crms.append((region, 0, len(inside), len(of_new), mean, mean, unjudged))
        for label in sorted({label for label, _ in inside}):
            own = [score for other, score in inside if other == label]
            of_label, unjudged = mean_of(own)
            of_pairs.append((region, label, len(own), of_new.count(label), of_label, mean, unjudged))
    with np.load(folder / "counts.npz") as found:
        for name, expected in (("crms", of_crms), ("pairs", of_pairs)):
            assert [row[:4] for row in found[name].tolist()] == [row[:4] for row in expected]
            for row, wanted in zip(found[name].tolist(), expected, strict=True):
                assert row[4:] == pytest.approx(wanted[4:], nan_ok=True)


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """Write by hand what is read of an export: peaks of two contigs, in no order, of views of other names."""
    folder = tmp_path / "export"
    folder.mkdir()
    peaks = pd.DataFrame(
        {
            "contig": ["chr2", "chr1", "chr1", "chr2", "chrX"],
            "start": [5, 50, 10, 1, 7],
            "end": [9, 60, 20, 30, 8],
            "assay": "d",
            "factor": ["b", "a", "b", "c", "a"],
            "final": np.array([1, 2, 3, 4, 5], np.float32),
        }
    )
    peaks.to_parquet(folder / "peaks.parquet", row_group_size=2)
    store = {
        "cell_line": "cell",
        "store": {"views": ["assay", "factor"], "min_crm_peaks": 7},
        "crms": asdict(INPUT),
    }
    (folder / "made-from.json").write_text(json.dumps({"store": store, "scores": {}}))
    return folder


def test_reading_scores__tell_what_made_them(exported: Path) -> None:
    with reading_scores(exported) as found:
        assert found == ExportedScores(
            exported / "peaks.parquet",
            json.loads((exported / "made-from.json").read_text()),
            "cell",
            ("assay", "factor"),
            ["a", "b", "c"],
            7,
            INPUT,
            NAMED_SCORES["final"],
        )
        assert found.view1 == "factor"


@pytest.mark.parametrize("column", ["contig", "start", "end", "factor", "final"])
def test_reading_scores__without_a_column_are_refused(exported: Path, column: str) -> None:
    table = pd.read_parquet(exported / "peaks.parquet")
    table.drop(columns=column).to_parquet(exported / "peaks.parquet")
    with (
        pytest.raises(InputError, match=r"export: not a folder of scores; .*\(peaks.parquet and made-from"),
        reading_scores(exported),
    ):
        pass


@pytest.mark.parametrize(
    "columns, asked, found",
    [
        (["final", "doubt"], None, "final"),
        (["final", "doubt"], "trust", "trust"),
        (["final", "raw"], "raw", "raw"),
        (["doubt"], None, "trust"),
        (["doubt"], "doubt", "doubt"),
    ],
)
def test_reading_scores__by_name(exported: Path, columns: list[str], asked: str | None, found: str) -> None:
    table = pd.read_parquet(exported / "peaks.parquet")
    final = table.pop("final")
    table.assign(**dict.fromkeys(columns, final)).to_parquet(exported / "peaks.parquet")
    with reading_scores(exported, asked) as scores:
        assert scores.score.name == found


def test_reading_scores__that_the_table_lacks(exported: Path) -> None:
    with (
        pytest.raises(InputError, match=r"export: has no score 'doubt'; known are final$"),
        reading_scores(exported, "doubt"),
    ):
        pass


@pytest.mark.parametrize("at_once", [1, 2, 100])
def test_write_counts__blocks_are_of_one_contig_and_in_order(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(release_counts, "CRMS_PER_BLOCK", at_once)
    monkeypatch.setattr(release_counts, "PEAKS_AT_ONCE", at_once)
    (tmp_path / "crms.bed").write_text(
        "chr2\t0\t6\nchr1\t0\t15\nchr1\t19\t51\nchr1\t90\t99\nchr9\t0\t100\nchr2\t29\t40\n"
    )
    # No newer peak on chr2; one of a label that the scored peaks do not share a CRM with.
    (tmp_path / "new.bed").write_text(
        "chr1\t0\t12\te.b.cell\nchr1\t14\t20\te.b.cell\nchr1\t14\t15\te.a.cell\nchr1\t95\t96\te.a.cell\n"
    )
    work = tmp_path / "work"
    work.mkdir()
    regions, _ = read_regions(tmp_path / "crms.bed")
    with reading_scores(exported) as origin:
        new = spool_peaks(tmp_path / "new.bed", work, "cell", Selection(trs=tuple(origin.labels)))
        files = write_counts(origin, new, regions, work, InProcess())
    assert len(files) == {1: 5, 2: 3, 100: 2}[at_once]  # three CRMs on chr1, two on chr2, none on the others
    crms, pairs = [], []
    for file in files:
        with np.load(file) as counts:
            crms += counts["crms"].tolist()
            pairs += counts["pairs"].tolist()
    # Regions by position: chr1 0-15, 19-51, 90-99; chr2 0-6, 29-40.
    assert crms == [
        (0, 0, 1, 3, 3.0, 3.0, 0),
        (1, 0, 2, 1, 2.5, 2.5, 0),
        (3, 0, 2, 0, 2.5, 2.5, 0),
        (4, 0, 1, 0, 4.0, 4.0, 0),
    ]
    assert pairs == [
        (0, 1, 1, 2, 3.0, 3.0, 0),
        (1, 0, 1, 0, 2.0, 2.5, 0),
        (1, 1, 1, 1, 3.0, 2.5, 0),
        (3, 1, 1, 0, 1.0, 2.5, 0),
        (3, 2, 1, 0, 4.0, 2.5, 0),
        (4, 2, 1, 0, 4.0, 4.0, 0),
    ]
