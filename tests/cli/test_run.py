"""`run`: its options reach the library, what it makes, and what it refuses."""

import json
import re
import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import click
import pytest
import yaml
from atypeak_scale.cli.advice import commands_of

from atypeak_scale.config import Config, dump_config, load_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.pipeline import StagePlan, StageReport
from atypeak_scale.prepare import LineRun
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    PLAN,
    REPORTS,
    SCORE_PLAN,
    STAGES,
    Catalogue,
    Finished,
    Refuse,
    Replace,
    Run,
    Where,
    invoke,
    printed,
    tree,
)

OF_ARTICLE = [stage for stage in STAGES if "support" not in stage]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_run__where(replace: Replace, tensorflow: dict[str, Mock], options: list[str], where: Where) -> None:
    replace("pipeline.check_run", None)
    run, support = replace("pipeline.run", REPORTS), replace("pipeline.support_of", "support")
    summary = replace("scoring.support.summary.summary", ["a.b: 39% of its peaks"])
    result = invoke("run", "hela", "--workdir", "w", *options)
    objectives = ["article", "support"]
    boxes = commands_of("w/store.zarr", {}, "hela", "w")
    assert run.call_args_list == [call(load_config("hela"), "w", None, None, objectives, where, boxes)]
    assert support.call_args_list == [call(load_config("hela"), "w")]
    assert summary.call_args_list == [call("support")]
    assert tensorflow["run"].call_args_list == []
    first, second, memory, found, last = result.stdout.splitlines()
    assert last == "Open w/report/report.html in a browser."
    assert found == "a.b: 39% of its peaks"
    assert first.split() == ["build-store", "up", "to", "date", "w/store.zarr"]
    assert second.split() == ["train", "12.3", "s", "w/model"]
    assert memory.startswith("peak memory")


@pytest.mark.parametrize(
    "options, peaks, crms",
    [(["--peaks", "p.bed"], "p.bed", None), (["--crms", "c.bed"], None, "c.bed"),
     (["--peaks", "p.bed", "--crms", "c.bed"], "p.bed", "c.bed")],
)  # fmt: skip
def test_run__inputs(
    replace: Replace, tensorflow: dict[str, Mock], options: list[str], peaks: str | None, crms: str | None
) -> None:
    replace("pipeline.check_run", None)
    run = replace("pipeline.run", REPORTS)
    plan = replace("pipeline.plan_run", [])
    of_article = ("--scores", "article")
    result = invoke("run", "k562", "--workdir", "w", *options, *of_article)
    invoke("run", "k562", "--workdir", "w", "--dry-run", *options, *of_article)
    arguments = load_config("k562"), "w", peaks, crms, ["article"], HERE
    boxes = commands_of("w/store.zarr", {}, "k562", "w")
    assert run.call_args_list == [call(*arguments, boxes)]
    assert plan.call_args_list == [call(*arguments)]
    assert len(result.stdout.splitlines()) == 4  # nothing of support
    replace("pipeline.support_of", None)
    replace("scoring.support.summary.summary", [])
    invoke("run", "k562", "--workdir", "w", *options, "--scores", "support")
    assert run.call_args == call(load_config("k562"), "w", peaks, crms, ["support"], HERE, boxes)


def test_run__dry_run_plans_only(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    replace("pipeline.check_run", None)
    run = replace("pipeline.run", None)
    plans = [
        StagePlan("build-store", Path("w/s"), False, PLAN),
        StagePlan("train", Path("w/m"), False),
        StagePlan("score", Path("w/s"), True, SCORE_PLAN),
    ]
    replace("pipeline.plan_run", plans)
    result = invoke("run", "hela", "--workdir", "w", "--dry-run", "--json")
    assert json.loads(result.stdout) == [
        {"name": "build-store", "output": "w/s", "up_to_date": False, "plan": vars(PLAN)},
        {"name": "train", "output": "w/m", "up_to_date": False, "plan": None},
        {"name": "score", "output": "w/s", "up_to_date": True, "plan": vars(SCORE_PLAN)},
    ]
    assert run.call_args_list == tensorflow["run"].call_args_list == []


# For real


def test_run__equals_step_by_step(steps: Finished, whole: Finished) -> None:
    text, left = whole.printed["run"], tree(whole.folder)
    assert [line.split()[0] for line in text.splitlines()] == [*OF_ARTICLE, "peak", "Open"]
    assert "up to date" not in text
    assert {name.split("/")[0] for name in left} == {"store.zarr", "model", "scores", "report"}
    for name in ("final.bed", "raw.bed", "weights.tsv", "labels.tsv", "made-from.json", "peaks.parquet"):
        assert left[f"scores/{name}"][1] == (steps.scores / name).read_bytes(), name
    stepwise = {name: data for name, (_, data) in tree(steps.store).items()}
    at_once = {name.removeprefix("store.zarr/"): data for name, (_, data) in left.items()}
    assert {name: at_once[name] for name in stepwise} == stepwise


def test_run__dry_run_writes_nothing(steps: Finished, tmp_path: Path) -> None:
    arguments = ("run", steps.config, "--workdir", tmp_path / "new", "--peaks", steps.peaks, "--crms",
                 steps.crms, "--dry-run")  # fmt: skip
    before = tree(tmp_path)
    plans = json.loads(printed(*arguments, "--json"))
    text = printed(*arguments)
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()
    assert [plan["name"] for plan in plans] == STAGES
    assert not any(plan["up_to_date"] for plan in plans)
    assert plans[0]["plan"] == json.loads(steps.printed["build plan"])
    assert plans[0]["output"] == str(tmp_path / "new" / "store.zarr")
    assert [line.split()[1] for line in text.splitlines() if line.startswith("name ")] == STAGES


def test_run__inputs_of_the_config(steps: Finished, tmp_path: Path) -> None:
    settings = yaml.safe_load(steps.config.read_text())
    settings["inputs"] = {"peaks": "data/peaks.bed", "crms": str(steps.crms)}
    (tmp_path / "data").mkdir()
    shutil.copy(steps.peaks, tmp_path / "data")
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(settings))
    plans = json.loads(
        printed("run", tmp_path / "my.yaml", "--workdir", tmp_path / "w", "--dry-run", "--json")
    )
    assert plans[0]["plan"] == json.loads(steps.printed["build plan"])


def test_run__again_says_what_is_up_to_date(whole: Finished, steps: Finished, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "scores")
    text = printed("run", steps.config, "--workdir", tmp_path / "copy", "--peaks", steps.peaks, "--crms",
                   steps.crms, "--scores", "article")  # fmt: skip
    told = [(line.split()[0], " up to date " in line) for line in text.splitlines()]
    assert told == [*((stage, stage != "export") for stage in OF_ARTICLE), ("peak", False), ("Open", False)]


def test_run__a_workdir_of_another_cell_line_names_the_option(
    atypeak: Run, whole: Finished, steps: Finished, tmp_path: Path
) -> None:
    settings = yaml.safe_load(steps.config.read_text()) | {"cell_line": "another"}
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(settings))
    done = atypeak("run", tmp_path / "other.yaml", "--workdir", whole.folder, "--peaks", steps.peaks,
                   "--crms", steps.crms)  # fmt: skip
    assert done.message() == (
        f"{whole.folder / 'model'}: is of cell line 'cell', not 'another'; "
        "use a separate folder for each cell line with --workdir"
    )


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "hela"], "Missing option '--workdir'"),
    ],
)  # fmt: skip
def test_run__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "k56", "--workdir", "w"], r"^k56: no such config file or .* the nearest known are k562$"),
        (["run", "{config}", "--workdir", "w"],
         r"^no peaks file; set inputs\.peaks in the config, or name it with --peaks$"),
        (["run", "{config}", "--workdir", "w", "--peaks", "{peaks}"],
         r"^no crms file; .* name it with --crms$"),
        (["run", "{config}", "--workdir", "w", "--peaks", "no.bed", "--crms", "{crms}"],
         r"^no\.bed: no such file; name the right one with --peaks$"),
        (["run", "{config}", "--workdir", "w", "--peaks", "{peaks}", "--crms", "{folder}"],
         r"folder: is no regular file, and it is read twice; name the right one with --crms$"),
    ],
)  # fmt: skip
def test_run__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_run__bad_peaks_leave_nothing_but_an_empty_workdir(
    atypeak: Run, catalogue: Catalogue, config: Config, tmp_path: Path, extra: list[str]
) -> None:
    (tmp_path / "my.yaml").write_text(dump_config(config))
    with catalogue[0].open("a") as out:
        out.write("chr1\t5\n")
    inputs = ("--peaks", catalogue[0], "--crms", catalogue[1])
    done = atypeak("run", tmp_path / "my.yaml", "--workdir", tmp_path / "w", *inputs, *extra)
    assert re.search(r"peaks\.bed, line \d+: 2 tab-separated columns", done.message())
    assert list((tmp_path / "w").rglob("*")) == []


@pytest.mark.parametrize(
    "words", [[], ["hela", "--config", "hela"], ["hela", "--all"], ["--all", "--cell-line", "x"]]
)
def test_run__one_configuration(words: list[str]) -> None:
    with pytest.raises(click.UsageError, match="name a configuration, as CONFIG or with --config"):
        invoke("run", *words, "--workdir", "w")


def test_run__cell_line_instead_of_the_configuration_s(replace: Replace) -> None:
    check, run = replace("pipeline.check_run", None), replace("pipeline.run", [])
    replace("pipeline.support_of", None)
    replace("scoring.support.summary.summary", [])
    invoke("run", "hela", "--cell-line", "other", "--workdir", "w")
    expected = load_config("hela").model_copy(update={"cell_line": "other"})
    assert check.call_args.args[0] == run.call_args.args[0] == expected


def test_run__configuration_as_an_option(replace: Replace) -> None:
    check = replace("pipeline.check_run", None)
    check.side_effect = InputError("stop here")
    for words in (["hela"], ["--config", "hela"]):
        with pytest.raises(InputError, match="stop here"):
            invoke("run", *words, "--workdir", "w")
    first, second = check.call_args_list
    assert first == second


def test_run__imports_tensorflow_before_the_first_stage_that_works(
    replace: Replace, tensorflow: dict[str, Mock]
) -> None:
    seen: list[int] = []

    def run(config: Config, *arguments: Any) -> list[StageReport]:
        executor: Executor = arguments[4]
        executor.tell("read", 1, 2)
        seen.append(tensorflow["run"].call_count)
        executor.tell("stage 2 of 5", 0, 0, "train")
        seen.append(tensorflow["run"].call_count)
        return REPORTS

    replace("pipeline.check_run", None)
    replace("pipeline.run", None).side_effect = run
    invoke("run", "hela", "--workdir", "w", "--scores", "article")
    assert seen == [0, 1]


def test_run__without_a_configuration(replace: Replace, tmp_path: Path) -> None:
    """--cell-line, --all and --min-peaks reach the library; what was chosen is told first."""
    (tmp_path / "p.bed").write_text("chr1\t1\t9\td.x.h\nchr1\t1\t9\td.y.h\nchr1\t1\t9\td.x.k\n")
    one = replace("prepare.run_line", REPORTS)
    named = ("--peaks", tmp_path / "p.bed", "--workdir", tmp_path / "w", "--scores", "article")
    told = printed("run", *named, "--cell-line", "h").splitlines()
    assert told[0] == "peaks: 2 cell lines, names as dataset.TR.cell_line"
    assert told[2].startswith("h: 2 peaks of 2 sources; the article's network has 16 filters")
    assert one.call_args.args[1:4] == (str(tmp_path / "w"), "h", ["article"])
    failed = LineRun("k", "w/lines/0002-k", [], "too few")
    every = replace("prepare.run_all", [LineRun("h", "w/lines/0001-h", REPORTS, None), failed])
    with pytest.raises(AtypeakError, match="1 of 2 cell lines failed"):
        invoke("run", *named, "--all", "--min-peaks", "2")
    assert every.call_args.args[1:4] == (str(tmp_path / "w"), 2, ["article"])
    for wrong in (("--all", "--cell-line", "h"), ("hela", "--all"), (), ("--all", "--dry-run")):
        with pytest.raises(click.UsageError):
            invoke("run", *named, *wrong)
