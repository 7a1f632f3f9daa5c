"""Two releases compared, against loops over the lines of the files."""

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.assess.regions.crms import crms as write_crms
from atypeak_scale.assess.regions.releases import TYPICAL, compare_releases, rank_correlation
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.registry.crm_columns import RELEASE_SUMMARY
from atypeak_scale.scoring.export import export
from atypeak_scale.scoring.scores import Scores

Catalogue = tuple[Path, Path]


@pytest.fixture
def scores(random_scored: Scores, tmp_path: Path) -> Path:
    """Export the random scores."""
    return Path(export(random_scored, tmp_path / "scores").folder)


@pytest.fixture
def new_peaks(catalogue: Catalogue, tmp_path: Path) -> Path:
    """Write a newer catalogue: some peaks gone; more datasets, TRs, cell lines, contigs."""
    rng = np.random.default_rng(len(catalogue[0].read_text()))
    old = [line.split("\t")[:4] for line in catalogue[0].read_text().splitlines()[1:]]
    new = [line for line in old if rng.random() < 0.7]
    for contig, start, end, _ in old:
        for _ in range(rng.poisson(1)):
            left = max(0, int(start) + int(rng.integers(-3000, 3000)))
            name = f"{rng.choice(['d1', 'd8', 'd9'])}.{rng.choice(['x', 'y', 'z', 'other'])}"
            cell = rng.choice(["cell", "cell", "cell", "cell_two"])
            new.append([contig, str(left), str(left + int(end) - int(start)), f"{name}.{cell}"])
    new.append(["chr9", "5", "90", "d1.x.cell"])
    rng.shuffle(new)
    file = tmp_path / "new.bed"
    file.write_text("".join("\t".join(line) + "\n" for line in new))
    return file


def brute_force(
    scores: Path, new_peaks: Path, crms: Path, min_peaks: float = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of CRMs and of pairs: every peak is held against every CRM."""
    scored = pd.read_parquet(scores / "peaks.parquet").to_dict("records")
    known = {peak["tr"] for peak in scored}
    newer = []
    for line in new_peaks.read_text().splitlines():
        contig, start, end, name = line.split("\t")
        _, tr, cell = name.split(".", 2)
        if cell == "cell" and tr in known:
            newer.append({"contig": contig, "start": int(start), "end": int(end), "tr": tr})

    def inside(peaks: list[dict[str, Any]], crm: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            p for p in peaks
            if p["contig"] == crm["contig"] and p["start"] < crm["end"] and crm["start"] < p["end"]
        ]  # fmt: skip

    of_crms, of_pairs = [], []
    for number, line in enumerate(crms.read_text().splitlines()):
        contig, start, end, _, count = line.split("\t")
        crm: dict[str, Any] = {"contig": contig, "start": int(start), "end": int(end), "crm": number}
        old, new = inside(scored, crm), inside(newer, crm)
        if not old or int(count) < min_peaks:
            continue
        mean = math.fsum(p["final"] for p in old) / len(old)
        of_crms.append(
            {**crm, "peaks": len(old), "new_peaks": len(new), "ratio": len(new) / len(old), "mean": mean}
        )
        for tr in sorted({p["tr"] for p in old}):
            of_tr = [[p for p in peaks if p["tr"] == tr] for peaks in (old, new)]
            of_pairs.append({
                **crm, "tr": tr, "peaks": len(of_tr[0]), "new_peaks": len(of_tr[1]),
                "ratio": len(of_tr[1]) / len(of_tr[0]),
                "mean": math.fsum(p["final"] for p in of_tr[0]) / len(of_tr[0]), "crm_mean": mean,
            })  # fmt: skip
    order = ["contig", "start", "end", "crm"]
    return (
        pd.DataFrame(of_crms).sort_values(order, ignore_index=True),
        pd.DataFrame(of_pairs).sort_values([*order, "tr"], ignore_index=True),
    )


def spearman(one: list[float], other: list[float]) -> float:
    """Pearson correlation of ranks, ties sharing their mean rank, by counting."""

    def ranks(values: list[float]) -> np.ndarray:
        return np.array([sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values])

    a, b = (ranks(values) - (len(values) + 1) / 2 for values in (one, other))
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def assert_tables(folder: Path, expected: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for name, table in zip(("crms", "pairs"), expected, strict=True):
        found = pd.read_parquet(folder / f"{name}.parquet")
        assert found.columns.tolist() == table.columns.tolist()
        pd.testing.assert_frame_equal(found, table, check_dtype=False, rtol=1e-6)


@pytest.mark.parametrize("catalogue", range(2), indirect=True)
def test_releases__equal_brute_force(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = brute_force(scores, new_peaks, catalogue[1])
    for number, (crms, peaks) in enumerate([(1, 1), (5, 7), (2048, 65_536)]):
        monkeypatch.setattr("atypeak_scale.assess.regions.release_counts.CRMS_PER_BLOCK", crms)
        monkeypatch.setattr("atypeak_scale.assess.regions.release_counts.PEAKS_AT_ONCE", peaks)
        found = compare_releases(scores, new_peaks, catalogue[1], tmp_path / f"out-{number}")
        assert_tables(found.folder, expected)
    assert (expected[0]["ratio"] > 1).any()
    assert (expected[1]["new_peaks"] == 0).any()


@pytest.mark.parametrize("catalogue", range(2), indirect=True)
def test_releases__correlations(scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path) -> None:
    of_crms, of_pairs = brute_force(scores, new_peaks, catalogue[1])
    found = compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    points = [("crm", "", of_crms.assign(crm_mean=of_crms["mean"])), ("crm_tr", "", of_pairs)]
    points += [("crm_tr", tr, of_pairs[of_pairs["tr"] == tr]) for tr in ("x", "y", "z")]
    assert [(row.unit, row.label) for row in found.associations] == [point[:2] for point in points]
    assert found.overall() == found.associations[:2]
    for row, (_, _, table) in zip(found.associations, points, strict=True):
        typical = table[table["crm_mean"] >= TYPICAL]
        assert (row.count, row.typical_count) == (len(table), len(typical))
        assert 3 < row.typical_count < row.count
        assert row.spearman == pytest.approx(spearman(table["mean"].tolist(), table["ratio"].tolist()))
        assert row.typical_spearman == pytest.approx(
            spearman(typical["mean"].tolist(), typical["ratio"].tolist())
        )
        assert 0 <= row.p <= 1
    summary = pd.read_csv(found.folder / "summary.tsv", sep="\t", keep_default_na=False)
    assert summary.columns.tolist() == [column.name for column in RELEASE_SUMMARY.columns]
    assert summary["label"].tolist() == ["", "", "x", "y", "z"]
    assert summary["spearman"].tolist() == [row.spearman for row in found.associations]


def test_releases__find_what_was_planted(scores: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    """A newer catalogue that adds to CRMs the more, the lower they scored."""
    crms = [line.split("\t") for line in catalogue[1].read_text().splitlines()]
    peaks = pd.read_parquet(scores / "peaks.parquet")
    lines = []
    for contig, start, end, *_ in crms:
        inside = peaks[
            (peaks["contig"] == contig) & (peaks["start"] < int(end)) & (peaks["end"] > int(start))
        ]
        if len(inside):
            copies = max(0, round((2000 - inside["final"].mean()) / 10)) * len(inside)
            lines += [f"{contig}\t{int(start) + 1}\t{int(start) + 2}\tnew.x.cell\n"] * copies
    (tmp_path / "new.bed").write_text("".join(lines))
    found = compare_releases(scores, tmp_path / "new.bed", catalogue[1], tmp_path / "out")
    assert found.associations[0].spearman < -0.99
    assert found.associations[0].p < 1e-20


def test_releases__counts_are_those_of_the_table_of_crms(
    random_scored: Scores, scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    write_crms(random_scored, tmp_path / "crms")
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    one, other = (pd.read_parquet(tmp_path / name / "crms.parquet") for name in ("crms", "out"))
    columns = ["contig", "start", "end", "crm", "peaks", "mean"]
    pd.testing.assert_frame_equal(one[columns], other[columns])


def test_releases__use_the_filter_of_the_store(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    file = scores / "made-from.json"
    made = json.loads(file.read_text())
    made["store"]["store"]["min_crm_peaks"] = 200
    file.write_text(json.dumps(made))
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    expected = brute_force(scores, new_peaks, catalogue[1], min_peaks=200)
    assert len(expected[0]) < len(brute_force(scores, new_peaks, catalogue[1])[0])
    assert_tables(tmp_path / "out", expected)


def test_releases__scores_in_any_order(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    """A table that someone sorted otherwise is the same table."""
    expected = brute_force(scores, new_peaks, catalogue[1])
    table = pd.read_parquet(scores / "peaks.parquet")
    table.sample(frac=1, random_state=1).to_parquet(scores / "peaks.parquet", row_group_size=11)
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    assert_tables(tmp_path / "out", expected)


def test_releases__parallel_equals_serial(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "one")
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "two", two_workers)
    names = sorted(file.name for file in (tmp_path / "one").iterdir())
    assert names == ["columns.tsv", "crms.parquet", "made-from.json", "pairs.parquet", "summary.tsv"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_releases__another_crm_file_is_told(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        compare_releases(scores, new_peaks, catalogue[1], tmp_path / "one")
        assert "not the CRM file" not in caplog.text
        caplog.clear()
        with catalogue[1].open("a") as out:
            out.write("chr2\t1\t2\tcrm\t9\n")
        compare_releases(scores, new_peaks, catalogue[1], tmp_path / "two")
    assert "crms.bed: not the CRM file that the scores of" in caplog.text


def test_releases__say_what_they_are_made_from(
    random_scored: Scores, scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    made = json.loads((tmp_path / "out" / "made-from.json").read_text())
    assert made["scores"]["scores"]["model_fingerprint"] == random_scored.fingerprint
    assert made["new_peaks"]["size"] == new_peaks.stat().st_size
    assert made["crms"]["size"] == catalogue[1].stat().st_size


@pytest.mark.parametrize("missing", ["peaks.parquet", "made-from.json"])
def test_releases__refuse_what_is_no_export(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, missing: str
) -> None:
    (scores / missing).unlink()
    with pytest.raises(InputError, match=r"scores: not a folder of scores; expected what 'atypeak-scale exp"):
        compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    (scores / missing).write_text('{"store": {"store": {"views": []}}}')
    with pytest.raises(InputError, match=r"scores: not a folder of scores; expected what 'atypeak-scale exp"):
        compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    "new, crms, message",
    [
        ("chr1\t1\t2\td1.x.Cell\n", None, r"new\.bed: no peak of cell line 'cell'; the nearest .* Cell$"),
        ("chr1\t1\t2\td1.X.cell\n", None, r"new\.bed: none of its peaks of cell line 'cell' .* \(x, "),
        ("chr1\t1\t2\n", None, r"new\.bed, line 1: 3 tab-separated columns; expected at least 4"),
        (None, "chr1\t900000\t900009\n", r"crms\.bed: no scored peak of .*scores overlaps a CRM; give the"),
        (None, "1\t0\t900009\n", r"new\.bed: none of its peaks lies on a contig that a CRM has \(pea"),
        (None, "chr1\t9\t2\n", r"crms\.bed, line 1: start 9, end 2; expected an end greater"),
    ],
)  # fmt: skip
def test_releases__bad_input_is_named(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, new: str | None, crms: str | None,
    message: str,
) -> None:  # fmt: skip
    for file, text in ((new_peaks, new), (catalogue[1], crms)):
        if text is not None:
            file.write_text(text)
    with pytest.raises(InputError, match=message):
        compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


def test_releases__tell_how_much_of_the_newer_peaks_is_read(
    scores: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    compare_releases(scores, new_peaks, catalogue[1], tmp_path / "out", InProcess(events.append))
    read = [event for event in events if event.stage == "read peaks"]
    assert read[-1].done == read[-1].total == new_peaks.stat().st_size
    assert any(event.stage == "count" for event in events)


def test_releases__refuse_what_is_there(scores: Path, catalogue: Catalogue, new_peaks: Path) -> None:
    with pytest.raises(InputError, match="scores: exists; remove it"):
        compare_releases(scores, new_peaks, catalogue[1], scores)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_rank_correlation__by_counting_or_undefined(points: list[tuple[int, int]]) -> None:
    one, other = ([float(point[i]) for point in points] for i in (0, 1))
    count, rho, p = rank_correlation(np.array(one), np.array(other))
    assert count == len(points)
    if len(points) < 3 or len(set(one)) == 1 or len(set(other)) == 1:
        assert math.isnan(rho)
        assert math.isnan(p)
    else:
        assert rho == pytest.approx(spearman(one, other))
        assert 0 <= p <= 1


@pytest.fixture
def both(random_scored: Scores, random_support: Scores, tmp_path: Path) -> Path:
    """Export random scores of the article, and random support."""
    return Path(export([random_scored, random_support], tmp_path / "both").folder)


def judged_by_hand(tables: tuple[pd.DataFrame, pd.DataFrame], both: Path, values: pd.Series) -> None:
    """Put means of some values, and the number of peaks without one, into tables of final scores."""
    peaks = pd.read_parquet(both / "peaks.parquet").assign(value=values.astype(float))
    for table in tables:
        for at, row in table.iterrows():
            inside = peaks[
                (peaks["contig"] == row["contig"]) & (peaks["start"] < row["end"])
                & (row["start"] < peaks["end"])
            ]  # fmt: skip
            own = inside[inside["tr"] == row["tr"]] if "tr" in table else inside
            table.loc[at, "mean"] = own["value"].mean()
            table.loc[at, "unjudged_peaks"] = own["value"].isna().sum()
            if "tr" in table:
                table.loc[at, "crm_mean"] = inside["value"].mean()


@pytest.mark.parametrize(
    "score, typical", [("trust", None), ("doubt", 0.4), ("support", -1.0), ("raw", 700.0), ("final", 600.0)]
)
def test_releases__by_any_score(
    both: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path, score: str, typical: float | None
) -> None:
    peaks = pd.read_parquet(both / "peaks.parquet")
    expected = brute_force(both, new_peaks, catalogue[1])
    judged_by_hand(expected, both, 1 - peaks["doubt"] if score == "trust" else peaks[score])
    if score in ("raw", "final"):
        expected = tuple(table.drop(columns="unjudged_peaks") for table in expected)  # type: ignore[assignment]
    else:
        has_gaps = (expected[0]["unjudged_peaks"] > 0).any()
        assert has_gaps == expected[1]["mean"].isna().any() == (score != "support")
    found = compare_releases(both, new_peaks, catalogue[1], tmp_path / "out", score=score, typical=typical)
    assert_tables(found.folder, expected)
    assert (found.score.name, found.typical) == (score, 0.5 if typical is None else typical)
    for row, table in zip(found.overall(), expected, strict=True):
        known = table[table["mean"].notna()]
        crm_mean = known.get("crm_mean", known["mean"])
        trusted = known[crm_mean <= found.typical if score == "doubt" else crm_mean >= found.typical]
        assert (row.count, row.typical_count) == (len(known), len(trusted))
        assert 3 < len(trusted) < len(known)
        assert row.spearman == pytest.approx(spearman(known["mean"].tolist(), known["ratio"].tolist()))
        assert row.typical_spearman == pytest.approx(
            spearman(trusted["mean"].tolist(), trusted["ratio"].tolist())
        )
    made = json.loads((found.folder / "made-from.json").read_text())
    assert (made["score"], made["typical"]) == (score, found.typical)
    field = pq.read_schema(found.folder / "crms.parquet").field("mean")
    named = "final score" if score == "final" else score
    assert field.metadata[b"description"].decode() == f"mean {named} of the scored peaks"


def test_releases__default_score_is_what_the_export_is_about(
    both: Path, random_support: Scores, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    alone = export(random_support, tmp_path / "alone").folder
    one = compare_releases(alone, new_peaks, catalogue[1], tmp_path / "one")
    other = compare_releases(both, new_peaks, catalogue[1], tmp_path / "other", score="trust")
    assert one.associations == other.associations
    assert compare_releases(both, new_peaks, catalogue[1], tmp_path / "all").score.name == "final"


def test_releases__what_is_typical_must_be_told_of_other_scores(
    both: Path, catalogue: Catalogue, new_peaks: Path, tmp_path: Path
) -> None:
    for score, typical, told in (("support", None, "no usual mean"), ("final", math.nan, "no mean nan")):
        with pytest.raises(InputError, match=rf"^score '{score}': has {told} of a typical CRM; cho") as wrong:
            compare_releases(both, new_peaks, catalogue[1], tmp_path / "out", score=score, typical=typical)
        assert wrong.value.argument == "typical"
    with pytest.raises(InputError, match=r"both: has no score 'finals'; the nearest known are final$"):
        compare_releases(both, new_peaks, catalogue[1], tmp_path / "out", score="finals")
    assert not (tmp_path / "out").exists()
