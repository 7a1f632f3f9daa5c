"""Which peaks are in which CRMs, against every line held against every line."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import Member, members_by_hand, scored

from atypeak_scale.assess.crm_members import count_crms, crm_members
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, connect, no_progress
from atypeak_scale.scoring.blocks import ScoreRun, score_run
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store


def found_members(run: ScoreRun, cluster: Cluster = IN_PROCESS) -> Counter[tuple[int, str, float]]:
    trs = ["x", "y", "z"]
    with connect(cluster) as client:
        blocks = list(crm_members(run, client, no_progress))
    assert len(blocks) > 1  # peaks and CRMs lie over the borders of blocks
    return Counter((crm, trs[label], final) for crm, label, final in np.concatenate(blocks).tolist())


def expected_members(members: list[Member]) -> Counter[tuple[int, str, float]]:
    return Counter((member.crm, member.tr, member.final) for member in members)


def test_members__are_those_of_the_files(scored_run: ScoreRun, members: list[Member]) -> None:
    assert found_members(scored_run) == expected_members(members)
    assert found_members(scored_run, Cluster(workers=2)) == expected_members(members)
    peaks = schema.open_cell_line(scored_run.store, None)["catalogue_source"]
    rows = schema.open_cell_line(scored_run.store, None)["peak_window"]
    # Some peaks are in two CRMs, and some in several windows of one.
    assert peaks.shape[0] < len(members) < rows.shape[0]  # type: ignore[union-attr]


@pytest.mark.parametrize("seed", range(3))
def test_members__of_crms_that_overlap_or_are_equal_and_of_long_peaks(
    config: Config, tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    crms = [(int(s), int(s + rng.integers(300, 9000))) for s in rng.integers(1000, 60_000, 14)]
    crms += crms[:2]  # the same region on two lines
    (tmp_path / "crms.bed").write_text("".join(f"chr1\t{a}\t{b}\n" for a, b in crms))
    starts = np.sort(rng.choice(65_000, 90, replace=False))
    lengths = np.where(rng.random(90) < 0.1, 40_000, rng.integers(1, 5000, 90))
    sources = ["d1.x", "d1.y", "d2.y", "d3.x", "d3.z"]
    lines = [
        f"chr1\t{a}\t{a + n}\t{sources[i % 5]}.cell"
        for i, (a, n) in enumerate(zip(starts, lengths, strict=True))
    ]
    (tmp_path / "peaks.bed").write_text("\n".join(["track", *lines]) + "\n")
    files = tmp_path / "peaks.bed", tmp_path / "crms.bed"
    run = scored(*files, config, tmp_path)
    expected = members_by_hand(*files, run)
    assert found_members(run) == expected_members(expected)
    assert count_crms(schema.open_cell_line(run.store, None)) == 1 + max(member.crm for member in expected)


def test_members__need_final_scores(
    catalogue: tuple[Path, Path], config: Config, scored_run: ScoreRun
) -> None:
    _, scores = scored_run.open()
    del scores.attrs["normalization"]
    with pytest.raises(InputError, match=r"is not normalized; run 'atypeak-scale normalize' first$"):
        next(crm_members(scored_run, None, no_progress))
    other = scored_run.store.with_name("unscored.zarr")
    build_store(*catalogue, other, config)
    with pytest.raises(InputError, match=r"not scored by this model .*; run 'atypeak-scale score' first$"):
        next(crm_members(score_run(other, scored_run.model), None, no_progress))
