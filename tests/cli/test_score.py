"""`score`: its options reach the library, what it says, and which stores and models it refuses."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest
from conftest import ROWS_PER_BLOCK

from atypeak_scale.config import Config, parse_config, with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    SCORE_PLAN,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Truth,
    Where,
    invoke,
    scores_of,
)


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_score__run(
    replace: Replace,
    resolve: Resolved,
    tensorflow: dict[str, Mock],
    model: Path,
    options: list[str],
    found: tuple[Any, ...],
) -> None:
    score = replace("scoring.score.complete", None)
    result = invoke("score", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert score.call_args_list == [call(scores_of(model), executor=HERE)]
    assert result.stdout == "scored 5,678 peaks in 1,234 windows; next: atypeak-scale normalize\n"
    assert len(tensorflow["score"].call_args_list) == 1


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_score__where(
    replace: Replace,
    resolve: Resolved,
    tensorflow: dict[str, Mock],
    model: Path,
    options: list[str],
    where: Where,
) -> None:
    score = replace("scoring.score.complete", None)
    invoke("score", "s.zarr", "--model", model, *options)
    assert score.call_args_list == [call(scores_of(model), executor=where)]
    assert len(tensorflow["score"].call_args_list) == (where == HERE)  # elsewhere it is not needed


def test_score__placements(
    replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock], model: Path
) -> None:
    support = dataclasses.replace(scores_of(model), config=with_objective(scores_of(model).config, "support"))
    resolve.scores.return_value = support
    more = replace("scoring.open_scores.with_placements", scores_of(model))
    score = replace("scoring.score.complete", None)
    invoke("score", "s.zarr", "--model", model, "--placements", "5000")
    assert more.call_args_list == [call(support, 5000)]
    assert [scored.args[0] for scored in score.call_args_list] == [scores_of(model)]


def test_score__placements_need_a_model_of_support(resolve: Resolved, model: Path) -> None:
    with pytest.raises(InputError, match="only a model of support is compared with placements"):
        invoke("score", "s.zarr", "--model", model, "--placements", "5000")


def test_score__part(replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock], model: Path) -> None:
    score, whole = replace("scoring.score.score_part", 5), replace("scoring.score.complete", None)
    result = invoke("score", "s.zarr", "--model", model, "--part", "3/10", "--workers", "2")
    assert score.call_args_list == [call(scores_of(model), 3, 10, executor=Where(DaskExecutor, workers=2))]
    assert result.stdout.startswith("scored 5 blocks; when all parts are done: ")
    for wrong in ("١/٢", "²/2", "3", "a/b", "3/", "-1/3", "1/2/3"):
        with pytest.raises(InputError, match="expected two whole numbers, such as 3/10"):
            invoke("score", "s.zarr", "--model", model, f"--part={wrong}")
    assert whole.call_args_list == []


def test_score__dry_run_plans_only(
    replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock], model: Path
) -> None:
    plan, score = replace("scoring.score.plan_score", SCORE_PLAN), replace("scoring.score.complete", None)
    result = invoke("score", "s.zarr", "--model", model, "--dry-run", "--json")
    assert json.loads(result.stdout) == vars(SCORE_PLAN)
    text = invoke("score", "s.zarr", "--model", model, "--dry-run")
    assert "score bytes             400 B" in text.stdout.splitlines()
    assert plan.call_args_list == [call(scores_of(model))] * 2
    assert score.call_args_list == tensorflow["score"].call_args_list == []


# For real


def test_score__plan_writes_nothing_and_counts(steps: Finished) -> None:
    (facts,) = json.loads(steps.printed["info json"])
    plan, after = (json.loads(steps.printed[name]) for name in ("score plan", "score plan after"))
    assert (plan["rows"], plan["windows"]) == (facts["rows"], facts["windows"])
    assert plan["blocks"] == -(-facts["rows"] // ROWS_PER_BLOCK)
    assert plan["blocks_done"] == 0
    assert after == {**plan, "blocks_done": plan["blocks"]}
    assert f"blocks                  {plan['blocks']}" in steps.printed["score plan text"].splitlines()


def test_score__counts_peaks_not_rows(steps: Finished, truth: Truth) -> None:
    assert f"{len(truth.lines):,} peaks" in steps.printed["score"]


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["score", "s.zarr"], "Missing option '--model'"),
        (["score", "s.zarr", "--model", "no"], "'no' does not exist"),
        (["score", "s.zarr", "--model", ".", "--crumbs", "-1"], "-1.0 is not in the range"),
        (["score", "s.zarr", "--model", ".", "--precision", "float16"], "'float16' is not one of"),
    ],
)  # fmt: skip
def test_score__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["score", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["score", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with 'atypeak"),
        (["score", "{store}", "--model", "{folder}", "--cell-line", "cel"], r"no cell line 'cel'; the near"),
    ],
)  # fmt: skip
def test_score__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_model__of_another_frame(
    atypeak: Run, built: Path, config: Config, save_untrained: Callable[..., Path],
    unchanged: Callable[[], bool],
) -> None:  # fmt: skip
    for other in ({"frame": 800}, {"frame": 6400, "bin": 20}):  # the second has as many bins
        settings = parse_config({**config.model_dump(), "store": other}, "test")
        message = atypeak(
            "score", built, "--model", save_untrained(str(other["frame"]), settings=settings)
        ).message()
        assert f"the model was trained on {other['frame']} bp in bins of {other.get('bin', 10)} bp" in message
    small = parse_config({**config.model_dump(), "store": {"frame": 800}}, "test")
    model = save_untrained(settings=small)
    unchanged()
    message = atypeak("score", built, "--model", model).message()
    assert message.endswith(
        "has frames of 3200 bp in bins of 10 bp; the model was trained on 800 bp in bins of 10 bp"
    )
    assert unchanged()


@pytest.mark.parametrize(
    "description",
    [
        "",
        "{",
        *(text for text in ("[1]", "{}", '{"fingerprint": 1, "views": {}}')),
    ],
)
def test_model__with_a_damaged_description(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], description: str
) -> None:
    model = save_untrained()
    (model / "model.json").write_text(description)
    assert re.search(r"model.*; make one with 'atypeak-scale train'$",
                     atypeak("score", built, "--model", model).message())  # fmt: skip


def test_model__without_its_network_leaves_no_scores(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool]
) -> None:
    model = save_untrained()
    (model / "model.keras").unlink()
    unchanged()
    assert (
        "model.keras: cannot be loaded: no such file" in atypeak("score", built, "--model", model).message()
    )
    assert unchanged()
