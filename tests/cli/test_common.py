"""What commands share: sizes, facts, progress, and TensorFlow without its lines."""

import importlib
import os
import sys
from unittest.mock import Mock

import pytest
from atypeak_scale.cli.common import (
    import_tensorflow_quietly,
    print_facts,
    progress_bar,
    readable_bytes,
)
from atypeak_scale.execution.cluster import Event


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


def test_progress__without_a_terminal_is_a_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as progress:
        for done in (0, 1, 2000):
            progress(Event("score", done, 2000))
        progress(Event("train", 1, 64, "loss 0.1"))
        progress(Event("nothing", 0, 0))
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["score: done, 2,000", "train 1/64: loss 0.1"]
    assert captured.out == ""


def test_progress__on_a_terminal_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar() as progress:
        progress(Event("score", 0, 20))
        progress(Event("score", 20, 20))
        progress(Event("train", 1, 64, "loss 0.1"))
    captured = capsys.readouterr()
    assert "20/20" in captured.err
    assert "train 1/64: loss 0.1" in captured.err
    assert captured.out == ""


NOISE = b"oneDNN custom operations are on\n"


@pytest.fixture
def noisy_import(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Let the import of TensorFlow write to standard error, then fail with what is put in the list."""
    failures: list[Exception] = []

    def import_module(name: str) -> None:
        assert name == "tensorflow"
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
