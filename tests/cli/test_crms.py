"""`crms`: its options reach the library, and what it refuses."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest

from atypeak_scale.assess.regions.crms import BELOW, CrmTable
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    Refuse,
    Replace,
    Resolved,
    Where,
    invoke,
    printed,
    scores_of,
)


@pytest.fixture
def table(replace: Replace, resolve: Resolved) -> Mock:
    return replace("assess.regions.crms.crms", CrmTable(Path("out"), 5))


@pytest.mark.parametrize(
    "options, below, regions",
    [
        ([], None, None),
        (["--below", "500"], 500.0, None),
        (["--below", "-1.5", "--regions", "r.bed"], -1.5, "r.bed"),
    ],
)
def test_crms__arguments(
    table: Mock, model: Path, options: list[str], below: float | None, regions: str | None
) -> None:
    result = invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert table.call_args_list == [call([scores_of(model)], "out", below, regions, False, executor=HERE)]
    invoke("crms", "s.zarr", "--model", model, "--out", "out", "--track-line")
    assert table.call_args == call([scores_of(model)], "out", None, None, True, executor=HERE)
    assert [line.split("  ")[0] for line in result.stdout.splitlines()] == [
        "out/crms.parquet",
        "out/crms.bed",
        "out/columns.tsv",
    ]


def test_crms__of_two_models(table: Mock, resolve: Resolved, model: Path, tmp_path: Path) -> None:
    (tmp_path / "support").mkdir()
    invoke("crms", "s.zarr", "--model", model, "--model", tmp_path / "support", "--out", "out")
    assert [found[1] for found in resolve.asked()] == [str(model), str(tmp_path / "support")]
    assert len(table.call_args.args[0]) == 2


def test_crms__default_threshold_is_that_of_the_library() -> None:
    assert f"[default: {BELOW:g}]" in printed("crms", "--help")


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_crms__run(
    resolve: Resolved, table: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_crms__where(table: Mock, model: Path, options: list[str], where: Where) -> None:
    invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert table.call_args_list == [call([scores_of(model)], "out", None, None, False, executor=where)]


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["crms", "no.zarr", "--out", "o", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["crms", "{store}", "--out", "o", "--model", "{folder}"], r"folder: not a trained model; make one"),
    ],
)  # fmt: skip
def test_crms__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
