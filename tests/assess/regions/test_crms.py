"""The table of CRMs against loops over the lines of the input files."""

import gzip
import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from assess.by_hand import final_of_peak, value_of_peak

from atypeak_scale.assess.regions.crms import BELOW, CRMS_AT_ONCE, crms
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import DamagedError, InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.registry.crm_columns import CRMS, CRMS_BY_BOTH, CRMS_BY_TRUST
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import CHANCE, NORMALIZATION

Catalogue = tuple[Path, Path]
Interval = tuple[str, int, int]


@pytest.fixture
def catalogue(catalogue: Catalogue) -> Catalogue:
    """Add what is rare: peaks across many CRMs and windows or at their borders, CRMs twice or in others.

    A CRM that is one bp longer than another ties with it.
    """
    peaks, regions = catalogue
    with peaks.open("a") as out:
        out.write("chr1\t2000\t60000\td1.x.cell\nchr2\t9000\t9001\td3.z.cell\nchr2\t3000\t30000\td2.y.cell\n")
        for border in (1500 + 3200, 1500 + 5 * 3200):  # of windows of the long CRM below
            out.write(f"chr1\t{border}\t{border + 50}\td3.x.cell\nchr1\t{border - 9}\t{border}\td1.y.cell\n")
    first = regions.read_text().splitlines()[3]
    contig, start, end, *others = first.split("\t")
    longer = "\t".join([contig, start, str(int(end) + 1), *others])
    with regions.open("a") as out:
        out.write(f"{first}\n{longer}\nchr1\t1500\t40000\tcrm\t120\nchr2\t2500\t9001\tcrm\t120\n")
    return peaks, regions


@pytest.fixture
def config(config: Config) -> Config:
    """With few rows in a block: most CRMs straddle blocks, some a good many."""
    values = config.model_dump()
    values["store"] |= {"rows_per_block": 2, "windows_per_chunk": 2}
    return parse_config(values, "test")


def lines_of(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text().splitlines() if not line.startswith("track")]


def overlap(one: Interval, other: Interval) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


def brute_force(scores: Scores, catalogue: Catalogue, below: float) -> list[dict[str, Any]]:
    """Every CRM with a peak, in order of position; every peak is held against every CRM."""
    final = final_of_peak(scores)
    peaks = [(c, int(s), int(e), name) for c, s, e, name, *_ in lines_of(catalogue[0])]
    rows, seen = [], set()
    for number, (contig, start, end, *_) in enumerate(lines_of(catalogue[1])):
        crm = contig, int(start), int(end)
        if crm in seen:
            continue
        seen.add(crm)
        inside = [peak for peak in peaks if overlap(peak[:3], crm)]
        finals = [final[peak] for peak in inside]
        if inside:
            rows.append({
                "contig": contig, "start": crm[1], "end": crm[2], "crm": number, "peaks": len(inside),
                "trs": len({peak[3].split(".")[1] for peak in inside}),
                "mean": math.fsum(finals) / len(finals),
                "max": max(finals), "sum": math.fsum(finals),
                "share_below": sum(value < below for value in finals) / len(finals),
            })  # fmt: skip
    for row in rows:
        row["rank"] = 1 + sum(other["sum"] > row["sum"] + 1e-6 for other in rows)
    return sorted(rows, key=lambda row: (row["contig"], row["start"], row["end"], row["crm"]))


def assert_equal(folder: Path, expected: list[dict[str, Any]]) -> None:
    table = pd.read_parquet(folder / "crms.parquet")
    assert table.columns.tolist() == list(expected[0])
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected), check_dtype=False, rtol=1e-6)


@pytest.mark.parametrize("catalogue", range(2), indirect=True)
def test_crms__equal_brute_force(
    random_scored: Scores, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = brute_force(random_scored, catalogue, BELOW)
    for rows, at_once in ((1, 7), (8, CRMS_AT_ONCE)):
        monkeypatch.setattr("atypeak_scale.assess.regions.crm_parts.ROW_CHUNKS_PER_TASK", rows)
        monkeypatch.setattr("atypeak_scale.assess.regions.crms.CRMS_AT_ONCE", at_once)
        found = crms(random_scored, tmp_path / f"out-{rows}-{at_once}")
        assert found.crms == len(expected) > 50
        assert_equal(found.folder, expected)
    # What the test is about is there: peaks in several CRMs and windows, and a tie.
    ranks = [row["rank"] for row in expected]
    assert len(set(ranks)) < len(ranks)
    assert max(row["peaks"] for row in expected) > 15
    assert sum(row["peaks"] for row in expected) > len(final_of_peak(random_scored)) + 10


def test_crms__threshold(random_scored: Scores, catalogue: Catalogue, tmp_path: Path) -> None:
    crms(random_scored, tmp_path / "out", below=800.5)
    expected = brute_force(random_scored, catalogue, 800.5)
    assert_equal(tmp_path / "out", expected)
    assert 0 < sum(row["share_below"] == 1 for row in expected) < len(expected)
    description = pq.read_schema(tmp_path / "out" / "crms.parquet").field("share_below").metadata
    assert description[b"description"] == b"share of them with a final score under 800.5, 0 to 1"


def test_crms__bed_is_sorted_and_ranked(random_scored: Scores, catalogue: Catalogue, tmp_path: Path) -> None:
    crms(random_scored, tmp_path / "plain")
    crms(random_scored, tmp_path / "out", track_line=True)
    expected = brute_force(random_scored, catalogue, BELOW)
    track, *body = (tmp_path / "out" / "crms.bed").read_text().splitlines()
    assert track == (
        'track name="cell CRMs" description="cell CRMs ranked by the sum of their peaks\' scores" useScore=1'
    )
    assert (tmp_path / "plain" / "crms.bed").read_text().splitlines() == body
    behind = [sum(other["rank"] > row["rank"] for other in expected) for row in expected]
    ties = defaultdict(int)
    for row in expected:
        ties[row["rank"]] += 1
    for line, row, after in zip(body, expected, behind, strict=True):
        # Of tied CRMs each counts the other ones as behind it.
        share = (after + ties[row["rank"]] - 1) / (len(expected) - 1)
        assert line.split("\t") == [
            row["contig"], str(row["start"]), str(row["end"]), f"rank-{row['rank']}",
            str(round(1000 * share)), ".",
        ]  # fmt: skip
    scores = [int(line.split("\t")[4]) for line in body]
    assert (min(scores), max(scores)) == (0, 1000)


@pytest.mark.parametrize("compress", [False, True])
def test_crms__of_regions(
    random_scored: Scores, catalogue: Catalogue, tmp_path: Path, compress: bool
) -> None:
    intervals = [(c, int(s), int(e)) for c, s, e, *_ in lines_of(catalogue[1])]
    inner, left, right = intervals[10], intervals[20], intervals[-8]
    regions = [
        (inner[0], inner[1] + 5, inner[1] + 6),
        (left[0], left[1] - 9, left[1] + 1),
        (left[0], left[1] - 30, left[1] - 20),
        (left[0], left[1] - 9, left[1]),  # only touches
        (right[0], right[2] - 1, right[2] + 1),
        (right[0], right[2], right[2] + 1),
        ("chrUn", 0, 100_000),
        ("chr2", 10_000_000, 10_000_001),
    ]
    text = "track name=mine\n# regions\n" + "".join(f"{c}\t{s}\t{e}\tmine\n" for c, s, e in regions)
    file = tmp_path / "regions.bed"
    file.write_bytes(gzip.compress(text.encode()) if compress else text.encode())
    found = crms(random_scored, tmp_path / "out", regions=file)
    expected = [
        row
        for row in brute_force(random_scored, catalogue, BELOW)
        if any(overlap((row["contig"], row["start"], row["end"]), region) for region in regions)
    ]
    for row in expected:
        row["rank"] = 1 + sum(other["sum"] > row["sum"] + 1e-6 for other in expected)
    assert 3 <= found.crms == len(expected) < 30
    assert_equal(found.folder, expected)
    made = json.loads((found.folder / "made-from.json").read_text())
    assert made["crms"]["regions"]["size"] == file.stat().st_size
    assert made["scores"]["model_fingerprint"] == random_scored.fingerprint


def test_crms__a_single_one_scores_1000(random_scored: Scores, catalogue: Catalogue, tmp_path: Path) -> None:
    last = brute_force(random_scored, catalogue, BELOW)[-1]
    file = tmp_path / "regions.bed"
    file.write_text(f"{last['contig']}\t{last['end'] - 1}\t{last['end']}\n")
    assert crms(random_scored, tmp_path / "out", regions=file).crms == 1
    (line,) = (tmp_path / "out" / "crms.bed").read_text().splitlines()
    position = f"{last['contig']}\t{last['start']}\t{last['end']}"
    assert line == f"{position}\trank-1\t1000\t."


def test_crms__regions_elsewhere_are_refused(random_scored: Scores, tmp_path: Path) -> None:
    file = tmp_path / "regions.bed"
    file.write_text("1\t0\t100000\n")
    with pytest.raises(InputError, match=r"regions\.bed: no CRM of .*s\.zarr overlaps a region; check that"):
        crms(random_scored, tmp_path / "out", regions=file)
    assert not list(tmp_path.glob("*out*"))


def test_crms__parallel_equals_serial(
    random_scored: Scores, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    crms(random_scored, tmp_path / "one")
    crms(random_scored, tmp_path / "two", executor=two_workers)
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["columns.tsv", "crms.bed", "crms.parquet", "made-from.json"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_crms__columns_are_those_that_are_registered(random_scored: Scores, tmp_path: Path) -> None:
    found = crms(random_scored, tmp_path / "out")
    schema = pq.read_schema(tmp_path / "out" / "crms.parquet")
    registered = CRMS.named(random_scored.cell_line.views)
    assert schema.names == [column.name for column in registered]
    for column in registered:
        if column.name != "share_below":
            assert schema.field(column.name).metadata[b"description"].decode() == column.description
    assert [Path(file).name for file, _ in found.files()] == ["crms.parquet", "crms.bed", "columns.tsv"]
    assert found.files()[0][1] == CRMS.description


def test_crms__refuse_what_is_there_or_not_ready(random_scored: Scores, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out: exists; remove it"):
        crms(random_scored, tmp_path / "out")
    with pytest.raises(InputError, match=r"^below nan: expected a score; 375 is") as wrong:
        crms(random_scored, tmp_path / "new", below=math.nan)
    assert wrong.value.argument == "below"
    random_scored.set_attribute(NORMALIZATION, None)
    with pytest.raises(StageMissingError, match="is not normalized; normalize it first"):
        crms(random_scored, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_crms__a_damaged_chunk_is_named(random_scored: Scores, tmp_path: Path) -> None:
    chunk = Path(random_scored.location) / random_scored.path / "final" / "c" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)
    with pytest.raises(DamagedError, match=r"/final, chunk 0: damaged .*; run 'atypeak-scale score' again"):
        crms(random_scored, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def trust_by_hand(support: Scores, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Every CRM with a peak, in order of position, with the columns of trust."""
    trust = value_of_peak(support, (1 - support.read(DOUBT)).tolist())
    peaks = [(c, int(s), int(e), name) for c, s, e, name, *_ in lines_of(catalogue[0])]
    rows, seen = [], set()
    for number, (contig, start, end, *_) in enumerate(lines_of(catalogue[1])):
        crm = contig, int(start), int(end)
        if crm in seen:
            continue
        seen.add(crm)
        inside = [peak for peak in peaks if overlap(peak[:3], crm)]
        judged = [trust[peak] for peak in inside if not math.isnan(trust[peak])]
        if inside:
            rows.append({
                "contig": contig, "start": crm[1], "end": crm[2], "crm": number, "peaks": len(inside),
                "trs": len({peak[3].split(".")[1] for peak in inside}),
                "unjudged_peaks": len(inside) - len(judged),
                "trust_mean": math.fsum(judged) / len(judged) if judged else math.nan,
                "trust_max": max(judged, default=math.nan), "trust_sum": math.fsum(judged),
                "share_doubted": sum(1 - one > 0.5 for one in judged) / len(judged) if judged else math.nan,
            })  # fmt: skip
    for row in rows:
        row["trust_rank"] = 1 + sum(other["trust_sum"] > row["trust_sum"] for other in rows)
    return sorted(rows, key=lambda row: (row["contig"], row["start"], row["end"], row["crm"]))


@pytest.mark.parametrize("catalogue", range(2), indirect=True)
def test_crms__ranked_by_trust(
    random_support: Scores, catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = trust_by_hand(random_support, catalogue)
    for rows, at_once in ((1, 7), (8, CRMS_AT_ONCE)):
        monkeypatch.setattr("atypeak_scale.assess.regions.crm_parts.ROW_CHUNKS_PER_TASK", rows)
        monkeypatch.setattr("atypeak_scale.assess.regions.crms.CRMS_AT_ONCE", at_once)
        found = crms(random_support, tmp_path / f"out-{rows}-{at_once}")
        assert found.objectives == ("support",)
        assert_equal(found.folder, expected)
    # What the test is about is there: CRMs in which no peak, some or all can be judged.
    shares = {row["unjudged_peaks"] / row["peaks"] for row in expected}
    assert {0, 1} < shares
    files = [Path(file).name for file, _ in found.files()]
    assert files == ["crms.parquet", "crms-trust.bed", "columns.tsv"]
    assert sorted(file.name for file in Path(found.folder).iterdir()) == sorted([*files, "made-from.json"])
    body = (tmp_path / "out-1-7" / "crms-trust.bed").read_text().splitlines()
    assert [line.split("\t")[3] for line in body] == [f"rank-{row['trust_rank']}" for row in expected]
    made = json.loads((Path(found.folder) / "made-from.json").read_text())
    assert made["scores"]["model_fingerprint"] == random_support.fingerprint
    assert made["crms"] == {"regions": None}


def test_crms__of_both_models_are_both_tables(
    random_scored: Scores, random_support: Scores, catalogue: Catalogue, tmp_path: Path
) -> None:
    first, last = lines_of(catalogue[1])[10], lines_of(catalogue[1])[-1]
    (tmp_path / "regions.bed").write_text("".join("\t".join(line[:3]) + "\n" for line in (first, last)))
    for regions in (None, tmp_path / "regions.bed"):
        out = tmp_path / ("all" if regions is None else "some")
        both = crms([random_support, random_scored], out / "both", below=600, regions=regions)
        one = crms(random_scored, out / "one", below=600, regions=regions)
        other = crms([random_support], out / "other", regions=regions)
        assert both.crms == one.crms == other.crms > 1
        tables = [pd.read_parquet(Path(table.folder) / "crms.parquet") for table in (both, one, other)]
        shared = tables[1].columns.intersection(tables[2].columns)
        assert shared.tolist() == ["contig", "start", "end", "crm", "peaks", "trs"]
        joined = tables[1].join(tables[2].drop(columns=shared))
        pd.testing.assert_frame_equal(tables[0], joined, check_exact=True)
        for file, table in (("crms.bed", one), ("crms-trust.bed", other)):
            assert (out / "both" / file).read_bytes() == (Path(table.folder) / file).read_bytes()
        made = json.loads((out / "both" / "made-from.json").read_text())
        assert made["scores"]["model_fingerprint"] == random_scored.fingerprint
        assert made["support"]["model_fingerprint"] == random_support.fingerprint
        assert [Path(file).name for file, _ in both.files()] == [
            "crms.parquet", "crms.bed", "crms-trust.bed", "columns.tsv",
        ]  # fmt: skip


def test_crms__tables_of_trust_describe_every_column(
    random_scored: Scores, random_support: Scores, tmp_path: Path
) -> None:
    views = random_scored.cell_line.views
    for name, scores, table in (
        ("trust", random_support, CRMS_BY_TRUST), ("both", [random_scored, random_support], CRMS_BY_BOTH),
    ):  # fmt: skip
        crms(scores, tmp_path / name)
        schema = pq.read_schema(tmp_path / name / "crms.parquet")
        assert schema.names == [column.name for column in table.named(views)]
        for column in table.named(views):
            described = schema.field(column.name).metadata[b"description"].decode()
            assert described == column.description.replace("the threshold", "375")


def test_crms__what_two_models_cannot_be(
    random_scored: Scores, random_support: Scores, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"^2 models; expected one of the article, one of support") as wrong:
        crms([random_scored, random_scored], tmp_path / "out")
    assert wrong.value.argument == "model"
    with pytest.raises(InputError, match=r"^below 375: a final score, which models of support do not give"):
        crms(random_support, tmp_path / "out", below=375)
    random_support.set_attribute(CHANCE, None)
    for scores in (random_support, [random_scored, random_support]):
        with pytest.raises(StageMissingError, match="not scored by this model"):
            crms(scores, tmp_path / "out")
    assert not (tmp_path / "out").exists()
