"""What commands share: options and what they become, sizes, facts, and TensorFlow without its lines."""

import dataclasses
import importlib
import os
import sys
from pathlib import Path
from unittest.mock import Mock, call

import click
import pytest
from atypeak_scale.cli.common import (
    Chosen,
    executor_options,
    import_tensorflow_quietly,
    model_options,
    print_facts,
    readable_bytes,
)

from atypeak_scale.config import with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor
from tests.cli.helpers import HERE, Replace, Resolved, Where, cell_line_of, invoke, scores_of


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (145_600, "145.6 KB"), (3e6, "3.0 MB"), (7e9, "7.0 GB"),
     (5e12, "5.0 TB"), (9e15, "9000.0 TB")],
)  # fmt: skip
def test_readable_bytes__largest_unit(size: float, text: str) -> None:
    assert readable_bytes(size) == text


def test_print_facts__nested(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"peaks_of_source": {"a.x": 1200, "b": 3}, "empty": {}, "absent": None, "score_bytes": 1500}
    print_facts(facts, as_json=False)
    assert capsys.readouterr().out == (
        "peaks of source\n  a.x  1,200\n  b    3\nempty\nscore bytes      1.5 KB\n"
    )


def test_print_facts__yes_or_no(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"up_to_date": True}, as_json=False)
    assert capsys.readouterr().out.split()[-1] not in ("0", "1")


@click.command()
@model_options(required=False, several=True)
@executor_options
def shown(chosen: Chosen, executor: Executor) -> None:
    handles.append((chosen, executor))


handles: list[tuple[Chosen, Executor]] = []


def given(*arguments: str) -> tuple[Chosen, Executor]:
    """Return what the options become."""
    handles.clear()
    shown.main(list(arguments), standalone_mode=False)
    return handles[0]


def test_executor_options__close_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Executor] = []

    def close(executor: Executor) -> None:
        closed.append(executor)

    monkeypatch.setattr(Executor, "close", close)
    _, executor = given("s.zarr")
    assert executor == HERE
    assert closed == [executor]


def test_executor_options__connect_to_nothing_until_work_is_there() -> None:
    """Nobody answers at this address."""
    _, executor = given("s.zarr", "--scheduler", "tcp://127.0.0.1:1")
    assert executor == Where(DaskExecutor, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    "options", [["--memory-limit", "4GB"], ["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"]]
)
def test_executor_options__that_contradict_each_other(options: list[str]) -> None:
    with pytest.raises(InputError, match=r"give their number too$|give only one of them$"):
        given("s.zarr", *options)


def test_model_options__nothing_is_opened_until_it_is_asked_for() -> None:
    scored = ("--crumbs", "0.1", "--placements", "500", "--results", "s3://bucket/x")
    chosen, _ = given("no.zarr", "--model", ".", *scored)
    assert chosen == Chosen("no.zarr", (".",), None, 0.1, None, 500, "s3://bucket/x")
    assert given("no.zarr")[0] == Chosen("no.zarr", (), None, None, None, None, None)
    for ask in (chosen.cell_line, chosen.scores, chosen.scores_of_each):
        with pytest.raises(InputError, match=r"^no\.zarr: not a store"):
            ask()


def test_model_options__several_models_share_the_cell_line(replace: Replace, model: Path) -> None:
    opened = replace("store.cell_line.open_store", cell_line_of("k562"))
    replace("scoring.open_scores.open_scores", scores_of(model))
    chosen, _ = given("s.zarr", "--model", str(model), "--model", str(model), "--cell-line", "k562")
    assert chosen.scores_of_each() == [scores_of(model)] * 2
    assert opened.call_args_list == [call("s.zarr", "k562")]
    with pytest.raises(ValueError, match="too many values"):
        chosen.scores()


@pytest.mark.parametrize(
    "command",
    [
        ["evidence"], ["export", "--out", "new"], ["explain", "--least", "2"], ["crms", "--out", "new"],
        ["pairs", "--out", "new"], ["statistics", "--out", "new"], ["groups", "--out", "new"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_model_options__placements_choose_the_support(
    replace: Replace, resolve: Resolved, model: Path, command: list[str], tmp_path: Path
) -> None:
    """The commands stop where the handle of other placements would be read, or at a model of the article."""
    name, *options = [str(tmp_path / word) if word == "new" else word for word in command]
    named = (name, "s.zarr", "--model", model, "--placements", "500", *options)
    with pytest.raises(InputError, match="only a model of support is compared with placements"):
        invoke(*named)
    article = scores_of(model)
    support = dataclasses.replace(article, config=with_objective(article.config, "support"))
    resolve.scores.return_value = support
    more = replace("scoring.open_scores.with_placements", None)
    more.side_effect = InputError("stop here")
    with pytest.raises(InputError, match="stop here"):
        invoke(*named)
    assert more.call_args_list == [call(support, 500)]


NOISE = b"oneDNN custom operations are on\n"


@pytest.fixture
def noisy_import(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Let the import of TensorFlow write to standard error, then fail with what is put in the list."""
    failures: list[Exception] = []

    def import_module(name: str) -> None:
        assert name == "atypeak_scale.keras_backend"
        os.write(2, NOISE)
        if failures:
            raise failures[0]

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(importlib, "import_module", import_module)
    return failures


def test_tensorflow__is_imported_quietly(
    noisy_import: list[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    import_tensorflow_quietly()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_tensorflow__that_cannot_be_imported_is_not_quiet(
    noisy_import: list[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    noisy_import.append(ImportError("libcudart"))
    with pytest.raises(ImportError, match="libcudart"):
        import_tensorflow_quietly()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == NOISE.decode() + "after\n"


def test_tensorflow__is_imported_once(
    noisy_import: list[Exception], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", Mock())
    noisy_import.append(AssertionError("imported again"))
    import_tensorflow_quietly()
    assert capfd.readouterr().err == ""
