"""`run` once more in the same folder: only what changed is done again."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.model.description import describe_model
from tests.cli.helpers import (
    STAGES,
    Again,
    Finished,
    tree,
)


def test_run__again_writes_nothing(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    assert again() == [(stage, True) for stage in STAGES]
    assert tree(tmp_path / "copy") == before


@pytest.mark.parametrize(
    "changes, kept",
    [
        ({}, 5),
        ({"normalization": {"sample": 5}}, 3),
        ({"normalization": {"seed": 2}}, 3),
        ({"scoring": {"crumbs": 0.1}}, 2),
        ({"training": {"seed": 2}}, 1),
        ({"model": {"filters": 5}}, 1),
        ({"selection": {"top_trs": 2}}, 0),
        ({"store": {"rows_per_block": 32}}, 0),
    ],
)
def test_run__dry_run_plans_the_stages_behind_a_change(
    again: Again, tmp_path: Path, changes: dict[str, Any], kept: int
) -> None:
    before = tree(tmp_path / "copy")
    plan = again(changes, "--dry-run", "--json")
    assert plan == [(stage, number < kept) for number, stage in enumerate(STAGES)]
    assert tree(tmp_path / "copy") == before


def test_run__other_inputs_are_seen(again: Again, steps: Finished, tmp_path: Path) -> None:
    other = tmp_path / "other.bed"
    shutil.copy(steps.peaks, other)
    assert again({}, "--dry-run", "--json", peaks=other) == [(stage, True) for stage in STAGES]
    with other.open("a") as out:
        out.write("# one more line\n")
    assert again({}, "--dry-run", "--json", peaks=other) == [(stage, False) for stage in STAGES]


def test_run__changed_sample_runs_only_what_follows(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    change = {"normalization": {"sample": 9}}
    assert again(change) == [(stage, number < 3) for number, stage in enumerate(STAGES)]
    after = tree(tmp_path / "copy")
    assert json.loads(after["scores/made-from.json"][1])["scores"]["sampled_windows"] == 9
    unchanged = [name for name in before if name.startswith("model/") or "/rebuilt_score/" in name
                 or "/raw/" in name or "/occupancy/" in name]  # fmt: skip
    assert len(unchanged) > 10
    assert all(after[name] == before[name] for name in unchanged)
    assert after["scores/final.bed"] != before["scores/final.bed"]
    assert again(change) == [(stage, True) for stage in STAGES]
    # And back: the same settings give the same files.
    again()
    assert tree(tmp_path / "copy")["scores/final.bed"][1] == before["scores/final.bed"][1]


def test_run__other_precision_scores_again(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    change = {"scoring": {"precision": "bfloat16"}}
    assert again(change) == [(stage, number < 2) for number, stage in enumerate(STAGES)]
    assert again() == [("build-store", True), ("train", True), ("score", True), ("normalize", True),
                       ("export", False)]  # fmt: skip
    assert tree(tmp_path / "copy")["scores/final.bed"][1] == before["scores/final.bed"][1]


def test_run__interrupted_stage_is_done_again(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "scores")
    assert again() == [(stage, stage != "export") for stage in STAGES]
    score = next((tmp_path / "copy/store.zarr").rglob("rebuilt_score/c/1"))
    score.unlink()
    assert again() == [(stage, stage in ("build-store", "train", "normalize", "export")) for stage in STAGES]
    assert {n: data for n, (_, data) in tree(tmp_path / "copy").items()} == {
        n: data for n, (_, data) in before.items()
    }


def test_run__an_interrupted_training_does_not_replace_a_finished_model(
    again: Again, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atypeak_scale.model.training import train

    changed = {"training": {"seed": 2}}
    before = tree(tmp_path / "copy")
    end_of_epoch = train.EarlyStopping.add

    def interrupted(self: Any, *of_epoch: Any) -> None:
        end_of_epoch(self, *of_epoch)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.EarlyStopping, "add", interrupted)
        for _ in range(2):
            with pytest.raises(InterruptedStageError, match=r"epoch 1, .* are in .*/model-interrupted: use"):
                again(changed)
    after = tree(tmp_path / "copy")
    assert {name: file for name, file in after.items() if not name.startswith("model-interrupted/")} == before
    part = tmp_path / "copy/model-interrupted"
    assert describe_model(part)["training"]["stopped"] == "interrupted"
    assert again(changed) == [(stage, stage == "build-store") for stage in STAGES]
    assert describe_model(tmp_path / "copy/model")["training"]["stopped"] != "interrupted"


def test_run__a_file_that_was_deleted_is_exported_again(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy/scores")
    (tmp_path / "copy/scores/final.bed").unlink()
    assert again() == [(stage, stage != "export") for stage in STAGES]
    for edited in ("{", "[]", '{"store": ["cell"]}', '{"store": null}'):
        (tmp_path / "copy/scores/made-from.json").write_text(edited)
        assert again() == [(stage, stage != "export") for stage in STAGES]
    assert {n: d for n, (_, d) in tree(tmp_path / "copy/scores").items()} == {
        n: d for n, (_, d) in before.items()
    }
    (tmp_path / "copy/scores/mine.txt").write_text("precious")
    (tmp_path / "copy/scores/final.bed").unlink()
    with pytest.raises(InputError, match=r"did not make \(mine.txt\)"):
        again()
    assert (tmp_path / "copy/scores/mine.txt").read_text() == "precious"
