"""`report`: its options reach the library, and what it refuses."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import pytest
from atypeak_scale.cli.advice import commands_of

from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Where,
    invoke,
    scores_of,
)


@pytest.fixture
def write(replace: Replace, resolve: Resolved, model: Path) -> Mock:
    replace("cli.report.import_tensorflow_quietly", None)
    return replace("report.report.write_report", Path("out/report.html"))


@pytest.fixture
def save(replace: Replace) -> Mock:
    found = [(Path("figures/fig-3.svg"), "the budget")], [("releases", "run compare-releases")]
    return replace("plot.figures.save_figures", found)


def boxes(model: Path) -> dict[str, str]:
    return commands_of("s.zarr", {"article": model}, "cell")


def test_report__arguments(write: Mock, model: Path) -> None:
    result = invoke("report", "s.zarr", "--model", model, "--out", "out")
    assert write.call_args_list == [call([scores_of(model)], "out", None, "hg38", boxes(model), HERE)]
    assert result.stdout == "out/report.html  open it in a browser\n"
    invoke("report", "s.zarr", "--model", model, "--out", "out", "--genome", "mm39")
    assert write.call_args.args[3] == "mm39"


def test_report__figures_with_or_without_the_page(write: Mock, save: Mock, model: Path) -> None:
    result = invoke("report", "s.zarr", "--model", model, "--figures", "figures")
    assert save.call_args_list == [call(scores_of(model), None, "figures", HERE)]
    assert not write.called
    assert result.stdout.splitlines() == [
        "figures/fig-3.svg  the budget",
        "not there: releases; run compare-releases",
    ]
    invoke("report", "s.zarr", "--model", model, "--figures", "figures", "--out", "out")
    assert write.called and save.call_count == 2


def test_report__figures_of_what_lies_in_the_folder_of_a_run(
    write: Mock, save: Mock, resolve: Resolved, model: Path, replace: Replace
) -> None:
    folder = model.parent
    for name in ("store.zarr", "catalogue"):
        (folder / name).mkdir()
    (folder / "catalogue" / "truth.tsv").touch()
    replace("report.current.folders_beside", {"search": {}})
    invoke("report", folder, "--figures", "figures")
    of_run = {"search": folder / "search", "truth": folder / "catalogue" / "truth.tsv"}
    assert save.call_args_list == [call(scores_of(model), None, "figures", HERE, **of_run)]


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_report__run(
    resolve: Resolved, write: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    invoke("report", "s.zarr", "--model", model, "--out", "out", *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_report__where(write: Mock, model: Path, options: list[str], where: Where) -> None:
    invoke("report", "s.zarr", "--model", model, "--out", "out", *options)
    assert write.call_args.args[-1] == where


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["report", "no.zarr", "--out", "o", "--model", "{folder}"],
            r"^no\.zarr: not a store; make one with",
        ),
        (
            ["report", "{store}", "--out", "o", "--model", "{folder}"],
            r"folder: not a trained model; make one",
        ),
        (["report", "{store}", "--out", "{folder}", "--model", "{folder}"], "folder: exists; remove it"),
    ],
)
def test_report__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_report__without_a_folder_to_write(refuse_usage: Refuse) -> None:
    refuse_usage(["report", "s.zarr", "--model", "."], "Missing option '--out' or '--figures'")


def test_report__of_the_folder_of_a_run(whole: Finished, tmp_path: Path) -> None:
    invoke("report", whole.folder, "--out", tmp_path / "out")
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "atypeak-scale groups whole" in text and str(whole.folder) not in text
    made = (whole.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert made == text  # what `run` made
    assert f"Open {whole.folder / 'report' / 'report.html'}" in whole.printed["run"]
