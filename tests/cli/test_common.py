"""What commands share: options and what they become, sizes, facts, and TensorFlow without its lines."""

import importlib
import os
import sys
from unittest.mock import Mock

import click
import pytest
from atypeak_scale.cli.common import (
    executor_options,
    import_tensorflow_quietly,
    print_facts,
    readable_bytes,
)

from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor
from tests.cli.helpers import HERE, Where


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (145_600, "145.6 KB"), (3e6, "3.0 MB"), (7e9, "7.0 GB"),
     (5e12, "5.0 TB"), (9e15, "9000.0 TB")],
)  # fmt: skip
def test_readable_bytes__largest_unit(size: float, text: str) -> None:
    assert readable_bytes(size) == text


def test_print_facts__nested(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"peaks_of_source": {"a.x": 1200, "b": 3}, "empty": {}, "absent": None, "score_bytes": 1500}
    print_facts(facts)
    assert capsys.readouterr().out == (
        "peaks of source\n  a.x  1,200\n  b    3\nempty\nscore bytes      1.5 KB\n"
    )


def test_print_facts__yes_or_no(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"up_to_date": True})
    assert capsys.readouterr().out.split()[-1] not in ("0", "1")


@click.command()
@executor_options
def shown(executor: Executor) -> None:
    executors.append(executor)


executors: list[Executor] = []


def given(*arguments: str) -> Executor:
    """Return what the options become."""
    executors.clear()
    shown.main(list(arguments), standalone_mode=False)
    return executors[0]


def test_executor_options__close_the_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Executor] = []

    def close(executor: Executor) -> None:
        closed.append(executor)

    monkeypatch.setattr(Executor, "close", close)
    executor = given()
    assert executor == HERE
    assert closed == [executor]


def test_executor_options__connect_to_nothing_until_work_is_there() -> None:
    """Nobody answers at this address."""
    executor = given("--scheduler", "tcp://127.0.0.1:1")
    assert executor == Where(DaskExecutor, scheduler="tcp://127.0.0.1:1")


@pytest.mark.parametrize(
    "options",
    [
        ["--memory-limit", "4GB", "--scheduler", "tcp://127.0.0.1:1"],
        ["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"],
    ],
)
def test_executor_options__that_contradict_each_other(options: list[str]) -> None:
    with pytest.raises(InputError, match=r"give their number too$|give only one of them$"):
        given(*options)


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
