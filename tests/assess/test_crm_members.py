"""Which peaks are in which CRMs, against every line held against every line."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from assess import by_hand
from assess.by_hand import Member, members_by_hand

from atypeak_scale.assess.crm_members import MembersTask, crm_members, members_of_rows
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.result_groups import CHANCE, NORMALIZATION


def found_members(scores: Scores, executor: Executor) -> Counter[tuple[int, str, float]]:
    trs = ["x", "y", "z"]
    blocks = list(crm_members(scores, executor))
    assert len(blocks) > 1  # peaks and CRMs lie over the borders of blocks
    return Counter((crm, trs[label], final) for crm, label, final in np.concatenate(blocks).tolist())


def expected_members(members: list[Member]) -> Counter[tuple[int, str, float]]:
    return Counter((member.crm, member.tr, member.final) for member in members)


def test_members__are_those_of_the_files(
    scored: Scores, members: list[Member], two_workers: DaskExecutor
) -> None:
    assert found_members(scored, InProcess()) == expected_members(members)
    assert found_members(scored, two_workers) == expected_members(members)
    # Some peaks are in two CRMs, and some in several windows of one.
    assert scored.cell_line.peak_count < len(members) < scored.cell_line.row_count


def test_members__of_a_block_are_those_that_enter_in_its_rows(scored: Scores) -> None:
    """However the rows are cut, each member is found once."""
    blocks = scored.cell_line.blocks("rows")
    assert len(blocks) > 3
    found = np.concatenate([members_of_rows(MembersTask(scored, block)) for block in blocks])
    whole = np.concatenate(list(crm_members(scored, InProcess())))
    assert found.tolist() == whole.tolist()


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
    scores = by_hand.scored(*files, config, tmp_path)
    expected = members_by_hand(*files, scores)
    assert found_members(scores, InProcess()) == expected_members(expected)
    assert scores.cell_line.crm_count == 1 + max(member.crm for member in expected)
    assert not {member.crm for member in expected} & {14, 15}  # told by a warning, and left out


def test_members__need_final_scores(
    catalogue: tuple[Path, Path], config: Config, scored: Scores, tmp_path: Path
) -> None:
    scored.set_attribute(NORMALIZATION, None)
    with pytest.raises(StageMissingError, match=r"is not normalized; normalize it first$"):
        next(crm_members(scored, InProcess()))
    build_store(*catalogue, tmp_path / "unscored.zarr", config)
    other = open_scores(open_store(tmp_path / "unscored.zarr"), scored.model)
    with pytest.raises(StageMissingError, match=r"not scored by this model .*; score it first$"):
        next(crm_members(other, InProcess()))


@pytest.mark.parametrize("name", [None, "trust", "p_random", "overlapping_sources", "support"])
def test_members__have_any_score_by_name(
    random_support: Scores, catalogue: tuple[Path, Path], name: str | None
) -> None:
    """A peak without the score is a member too."""
    if name in (None, "trust"):
        values = [1 - doubt for doubt in random_support.read(DOUBT)]
    else:
        values = random_support.open()[name].values.tolist()
    expected = members_by_hand(*catalogue, random_support, values)
    trs = ["x", "y", "z"]
    found = np.concatenate(list(crm_members(random_support, InProcess(), name)))
    one = sorted((crm, trs[label], f"{score:.6g}") for crm, label, score in found.tolist())
    assert one == sorted((member.crm, member.tr, f"{member.final:.6g}") for member in expected)
    assert ("nan" in {score for _, _, score in one}) == (name in (None, "trust"))


def test_members__score_must_be_known(random_support: Scores) -> None:
    with pytest.raises(InputError, match="has no score 'final'; known are doubt, "):
        next(crm_members(random_support, InProcess(), "final"))
    random_support.set_attribute(CHANCE, None)
    with pytest.raises(StageMissingError, match=r"not scored by this model .*; score it first$"):
        next(crm_members(random_support, InProcess()))
