"""All stages in a row: only what is missing or changed is made, and nothing of others is lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import COARSE, random_catalogue

from atypeak_scale import build_store, open_scores, open_store, pipeline, run
from atypeak_scale.assess import qscore
from atypeak_scale.config import Config, Objective, TrainedOn, dump_config, parse_config, with_objective
from atypeak_scale.errors import InputError, InterruptedStageError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.description import describe_model
from atypeak_scale.model.halves import with_trained_on
from atypeak_scale.pipeline import plan_run, support_of
from tests.cli.helpers import STAGES, tree

Again = Callable[..., list[tuple[str, bool]]]

pytestmark = pytest.mark.usefixtures("short_report")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return peaks and CRMs; tests must leave them as they are."""
    return random_catalogue(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def whole(inputs: tuple[Path, Path], short_report: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run all stages, once; tests must leave the folder as it is."""
    folder = tmp_path_factory.mktemp("done") / "whole"
    reports = run(COARSE, folder, *inputs)
    assert [(report.name, report.skipped) for report in reports] == [(stage, False) for stage in STAGES]
    return folder


def changed(changes: dict[str, Any]) -> Config:
    values = yaml.safe_load(dump_config(COARSE))
    for section, of_section in changes.items():
        if isinstance(of_section, dict):
            values[section].update(of_section)
        else:
            values[section] = of_section
    return parse_config(values, "test")


@pytest.fixture
def again(whole: Path, inputs: tuple[Path, Path], tmp_path: Path) -> Again:
    """Return a function that runs, or plans, once more in a copy of the folder, with changed settings.

    It returns each stage with whether it was skipped; the copy is `tmp_path / "copy"`.
    """
    shutil.copytree(whole, tmp_path / "copy")

    def run_again(
        changes: dict[str, Any] | None = None, plan: bool = False, peaks: Path | None = None
    ) -> list[tuple[str, bool]]:
        arguments = (changed(changes or {}), tmp_path / "copy", peaks or inputs[0], inputs[1])
        if plan:
            return [(stage.name, stage.up_to_date) for stage in plan_run(*arguments)]
        return [(report.name, report.skipped) for report in run(*arguments)]

    return run_again


def test_run__again_writes_nothing(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    assert again() == [(stage, True) for stage in STAGES]
    assert tree(tmp_path / "copy") == before


@pytest.mark.parametrize(
    "changes, made",
    [
        ({}, []),
        ({"normalization": {"sample": 5}}, ["normalize", "export", "report"]),
        ({"normalization": {"seed": 2}}, ["normalize", "export", "report"]),
        ({"scoring": {"crumbs": 0.1}}, ["score", "normalize", "export", "report"]),
        ({"training": {"seed": 2}}, STAGES[1:]),
        ({"model": {"filters": 5}}, ["train", "score", "normalize", "export", "report"]),
        ({"support": {"epochs": 3}}, ["train-support", "support", "export", "report"]),
        ({"chance": {"placements": 200}}, ["support", "export", "report"]),
        ({"chance": {"seed": 2}}, ["train-support", "support", "export", "report"]),
        ({"selection": {"top_trs": 2}}, STAGES),
        ({"store": {"rows_per_block": 32}}, STAGES),
    ],
)
def test_plan__has_the_stages_behind_a_change(
    again: Again, tmp_path: Path, changes: dict[str, Any], made: list[str]
) -> None:
    before = tree(tmp_path / "copy")
    plan = again(changes, plan=True)
    assert plan == [(stage, stage not in made) for stage in STAGES]
    assert tree(tmp_path / "copy") == before


def test_run__other_inputs_are_seen(again: Again, inputs: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.bed"
    shutil.copy(inputs[0], other)
    assert again(plan=True, peaks=other) == [(stage, True) for stage in STAGES]
    with other.open("a") as out:
        out.write("# one more line\n")
    assert again(plan=True, peaks=other) == [(stage, False) for stage in STAGES]


def test_run__changed_sample_runs_only_what_follows(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    change = {"normalization": {"sample": 9}}
    assert again(change) == [(stage, stage not in ("normalize", "export", "report")) for stage in STAGES]
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
    kept = ("build-store", "train", "train-support")
    assert again(change) == [(stage, stage in kept) for stage in STAGES]
    assert again() == [(stage, stage not in ("export", "report")) for stage in STAGES]
    assert tree(tmp_path / "copy")["scores/final.bed"][1] == before["scores/final.bed"][1]


@pytest.mark.parametrize("trained_on, has_memory", [("auto", True), ("auto", False), ("all", True)])
def test_complete__goes_over_to_halves_where_peaks_were_memorised(
    monkeypatch: pytest.MonkeyPatch, config: Config, tmp_path: Path, trained_on: TrainedOn, has_memory: bool
) -> None:
    asked = with_trained_on(config, trained_on)
    stages = pipeline._Run(asked, tmp_path, "peaks", "crms", ("support",), InProcess())
    done: list[Any] = []
    monkeypatch.setattr(pipeline, "open_store", lambda *where: "cell line")
    monkeypatch.setattr(pipeline, "support_of", lambda *of: "scores")
    monkeypatch.setattr(pipeline, "has_memorised", lambda scores: has_memory)
    monkeypatch.setattr(pipeline, "complete", lambda scores, executor: done.append(scores))
    monkeypatch.setattr(pipeline, "train_into", lambda *what: done.append(what[:3]))
    stages.complete("support")
    halves = with_trained_on(with_objective(config, "support"), "halves")
    again = [(tmp_path / "support-model", halves, "cell line"), "scores"]
    assert done == ["scores", *(again if (trained_on, has_memory) == ("auto", True) else [])]


def test_run__interrupted_stage_is_done_again(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "scores")
    assert again() == [(stage, stage != "export") for stage in STAGES]
    score = next((tmp_path / "copy/store.zarr").rglob("rebuilt_score/c/1"))
    score.unlink()
    assert again() == [(stage, stage != "score") for stage in STAGES]
    after = tree(tmp_path / "copy")
    # Consolidated metadata lists groups in the order of their folder, which a copy of it changes.
    root = [json.loads(files.pop("store.zarr/zarr.json")[1]) for files in (before, after)]
    assert root[0] == root[1]
    assert {n: data for n, (_, data) in after.items()} == {n: data for n, (_, data) in before.items()}


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


def test_run__leaves_files_of_others_alone(again: Again, tmp_path: Path) -> None:
    """A folder that happens to be called scores is not an output of ours."""
    shutil.rmtree(tmp_path / "copy/scores")
    (tmp_path / "copy/scores").mkdir()
    (tmp_path / "copy/scores/mine.txt").write_text("precious")
    with pytest.raises(InputError, match=r"scores"):
        again()
    assert (tmp_path / "copy/scores/mine.txt").read_text() == "precious"


def test_run__leaves_other_cell_lines_of_a_store_alone(
    whole: Path, inputs: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "p.bed").write_text("chr1\t5\t9\ta.b.other\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    other = parse_config({"cell_line": "other", "store": {"min_crm_peaks": 0}}, "test")
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", tmp_path / "store.zarr", other)
    before = tree(tmp_path / "store.zarr" / "other")
    run(COARSE, tmp_path, *inputs)
    assert tree(tmp_path / "store.zarr" / "other") == before


def test_run__a_workdir_of_another_cell_line_is_refused(again: Again, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    before = tree(folder)
    for lost in ("model", "scores"):
        with pytest.raises(
            InputError, match=r"is of cell line 'cell', not 'another'; use a separate folder for each"
        ) as refusal:
            again({"cell_line": "another"})
        assert refusal.value.argument == "workdir"
        assert tree(folder) == before
        shutil.rmtree(folder / lost)
        before = tree(folder)


@pytest.mark.parametrize("objective", ["article", "support"])
def test_run__makes_the_scores_that_are_asked_for(
    inputs: tuple[Path, Path], tmp_path: Path, objective: Objective
) -> None:
    of_article = ("train", "score", "normalize")
    wanted = [stage for stage in STAGES if (stage in of_article) == (objective == "article") or
              stage in ("build-store", "export", "report")]  # fmt: skip
    assert [report.name for report in run(COARSE, tmp_path / "w", *inputs, [objective])] == wanted
    names = {file.name for file in (tmp_path / "w/scores").iterdir()}
    assert ("support.bed" in names) == (objective == "support")
    assert ("final.bed" in names) == (objective == "article")
    # The other scores later: what is there is kept, and the export has both.
    both = run(COARSE, tmp_path / "w", *inputs)
    assert [report.name for report in both if report.skipped] == wanted[:-2]
    assert {"support.bed", "final.bed"} <= {file.name for file in (tmp_path / "w/scores").iterdir()}


def test_support_of__is_the_support_of_a_run(whole: Path) -> None:
    scores = support_of(COARSE, whole)
    assert scores.objective == "support" and scores.is_complete
    assert scores.chance.placements == 100


def test_run__a_build_that_fails_costs_nothing(again: Again, tmp_path: Path) -> None:
    before = tree(tmp_path / "copy")
    with pytest.raises(InputError, match="no CRM has 1000000000 peaks or more"):
        again({"store": {"min_crm_peaks": 10**9}})
    assert tree(tmp_path / "copy") == before


@pytest.mark.parametrize("missing", ["peaks", "crms"])
def test_run__missing_inputs_name_the_parameter(
    inputs: tuple[Path, Path], tmp_path: Path, missing: str
) -> None:
    given: dict[str, Any] = dict(zip(("peaks", "crms"), inputs, strict=True))
    for file, told in (
        (None, f"no {missing} file; set inputs.{missing} in"),
        (tmp_path / "no", "no such file"),
    ):
        with pytest.raises(InputError, match=told) as refusal:
            run(COARSE, tmp_path / "w", **(given | {missing: file}))
        assert refusal.value.argument == missing
    assert list(tmp_path.iterdir()) == []


def test_run__tells_the_executor_of_every_stage(inputs: tuple[Path, Path], tmp_path: Path) -> None:
    heard: list[Event] = []
    run(COARSE, tmp_path / "w", *inputs, executor=InProcess(heard.append))
    assert {"read peaks", "train", "score", "average", "sample", "final", "support", "doubt", "export"} <= {
        event.stage for event in heard
    }


def test_run__a_report_is_made_again_if_something_was_computed_since(again: Again, tmp_path: Path) -> None:
    before = (tmp_path / "copy/report/report.html").read_bytes()
    cell_line = open_store(tmp_path / "copy/store.zarr")
    qscore(open_scores(cell_line, tmp_path / "copy/model"))
    assert again() == [(stage, stage != "report") for stage in STAGES]
    assert (tmp_path / "copy/report/report.html").read_bytes() != before
    assert again() == [(stage, True) for stage in STAGES]
