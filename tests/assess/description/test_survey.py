"""What a survey counts, against brute force over the rows."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.assess.description import survey as module
from atypeak_scale.assess.description.survey import survey
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.config import Selection
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor

row = st.tuples(
    st.sampled_from(["chr1", "chr2", "chrUn"]), st.integers(0, 100), st.integers(1, 30),
    st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from(["h", "H-1", "other"]),
)  # fmt: skip
CRMS = [("chr1", 10, 20), ("chr1", 40, 60), ("chr2", 0, 5), ("chr3", 0, 99)]


@settings(max_examples=40)
@given(st.lists(row, min_size=1, max_size=50), st.integers(0, 4))
def test_survey__brute_force(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, str, str, str]], least: int
) -> None:
    folder = tmp_path_factory.mktemp("survey")
    lines = [f"{c}\t{s}\t{s + w}\t{d}.{t}.{name}\n" for c, s, w, d, t, name in rows]
    (folder / "p.bed").write_text("".join(lines))
    (folder / "c.bed").write_text("".join("\t".join(map(str, crm)) + "\n" for crm in CRMS))
    catalogue = split_catalogue([folder / "p.bed"], folder / "c")
    selection = Selection(exclude_trs=("z",), min_source_peaks=least)
    found = survey(catalogue, folder / "c.bed", selection)
    assert found.cell_lines["cell_line"].tolist() == sorted(
        {name for *_, name in rows}, key=lambda name: (-sum(row[-1] == name for row in rows), name)
    )
    for told in found.cell_lines.to_dict("records"):
        of_line = [row for row in rows if row[-1] == told["cell_line"]]
        counts = {(d, t): sum(row[3:5] == (d, t) for row in of_line) for *_, d, t, _ in of_line}
        kept = {source for source, count in counts.items() if source[1] != "z" and count >= least}
        within = {
            (row, crm) for row in set(of_line) for crm in CRMS
            if row[0] == crm[0] and row[1] < crm[2] and row[1] + row[2] > crm[1]
        }  # fmt: skip
        in_crms = sum(any(row == one for one, _ in within) for row in of_line)
        assert (told["peaks"], told["sources"]) == (len(of_line), len(counts))
        assert (told["datasets"], told["trs"]) == (len({d for d, _ in counts}), len({t for _, t in counts}))
        assert told["mean_width"] == pytest.approx(np.mean([row[2] for row in of_line]))
        assert told["in_crms"] == pytest.approx(in_crms / len(of_line))
        assert (told["selected_sources"], told["selected_peaks"]) == (
            len(kept), sum(counts[source] for source in kept),
        )  # fmt: skip
        # A peak counts in one CRM, the last that it overlaps.
        last = {row: max(crm for one, crm in within if one == row) for row, _ in within}
        pairs = {(crm, row[3:5]) for row, crm in last.items() if row[3:5] in kept}
        expected = len(pairs) / len({crm for crm, _ in pairs}) if pairs else np.nan
        assert told["sources_in_crm"] == pytest.approx(expected, nan_ok=True)
        assert told["verdict"] == "no"
    of_sources = found.sources[found.sources["cell_line"] == rows[0][-1]]
    assert of_sources["peaks"].sum() == sum(row[-1] == rows[0][-1] for row in rows)


def test_survey__verdicts_and_similar_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEWEST_PEAKS", 2)
    rows = []
    for name, sources in (("hela", 8), ("HeLa-S3", 3), ("k562", 1)):
        for source in range(sources):
            rows += [f"chr1\t{i}\t{i + 5}\td{source}.x.{name}\n" for i in range(3)]
    (tmp_path / "p.bed").write_text("".join(rows))
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    catalogue = split_catalogue([tmp_path / "p.bed"], tmp_path / "c")
    with DaskExecutor(workers=2) as executor:
        found = survey(catalogue, tmp_path / "c.bed", executor=executor).cell_lines
    assert dict(zip(found["cell_line"], found["verdict"], strict=True)) == {
        "hela": "yes", "HeLa-S3": "few", "k562": "no",
    }  # fmt: skip
    assert dict(zip(found["cell_line"], found["similar"], strict=True)) == {
        "hela": "HeLa-S3", "HeLa-S3": "hela", "k562": "",
    }  # fmt: skip
    without = survey(catalogue).cell_lines
    assert without["in_crms"].isna().all() and without["sources_in_crm"].isna().all()
    with pytest.raises(InputError, match="cannot be read"):
        survey(catalogue, tmp_path / "absent.bed")


@pytest.mark.parametrize("executor", [None, "two_workers"])
def test_survey__crms_that_changed_since_are_read_again(
    tmp_path: Path, request: pytest.FixtureRequest, executor: Any
) -> None:
    executor = executor and request.getfixturevalue(executor)
    (tmp_path / "p.bed").write_text("chr1\t1\t9\ta.x.h\nchr1\t20\t29\ta.x.h\n")
    catalogue = split_catalogue([tmp_path / "p.bed"], tmp_path / "c")
    shares = []
    for crms in ("chr1\t0\t9\n", "chr1\t0\t99\n"):
        (tmp_path / "c.bed").write_text(crms)
        shares.append(survey(catalogue, tmp_path / "c.bed", executor=executor).cell_lines["in_crms"][0])
    assert shares == [0.5, 1]


def test_survey__time_is_linear_in_contigs_and_cell_lines(tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("".join(f"c{i}\t1\t9\ta.x.h{i % 3}\n" for i in range(60_000)))
    (tmp_path / "c.bed").write_text("c1\t0\t9\n")
    catalogue = split_catalogue([tmp_path / "p.bed"], tmp_path / "c")
    start = time.process_time()
    assert survey(catalogue, tmp_path / "c.bed").cell_lines["peaks"].tolist() == [20_000] * 3
    assert time.process_time() - start < 10
