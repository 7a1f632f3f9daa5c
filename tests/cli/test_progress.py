"""Progress of a command: bars on a terminal, else lines, and nothing after the block."""

import itertools
import sys
from types import SimpleNamespace

import pytest
from atypeak_scale.cli import progress
from atypeak_scale.cli.progress import SECONDS_BETWEEN_LINES, progress_on

from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the test say what time it is, to the bars alone: a Dask client in this process has a clock too."""
    now = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_progress__without_a_terminal_is_a_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    executor = InProcess()
    with progress_on(executor):
        for done in (0, 1, 2000):
            executor.tell("score", done, 2000)
        executor.tell("train", 1, 64, "loss 0.1")
        executor.tell("nothing", 0, 0)
        executor.tell("stage 2 of 5", 0, 0, "train the network")
        executor.progress(Event("train", 9, 64, "stopped after 9 epochs", is_last=True))
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "score: done, 2,000", "train 1/64: loss 0.1", "stage 2 of 5: train the network",
        "train: stopped after 9 epochs",
    ]  # fmt: skip
    assert captured.out == ""


def test_progress__on_a_terminal_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    executor = InProcess()
    with progress_on(executor):
        executor.tell("score", 0, 20)
        executor.tell("score", 20, 20)
        executor.tell("train", 1, 64, "loss 0.1")
        executor.tell("stage 2 of 5", 0, 0, "train the network")
        executor.progress(Event("train", 9, 64, "stopped [after] 9 epochs", is_last=True))
    captured = capsys.readouterr()
    assert "20/20" in captured.err
    assert "9/9" in captured.err
    assert "stage 2 of 5: train the network" in captured.err
    assert "train: stopped [after] 9 epochs" in captured.err
    assert "train 1/64: loss 0.1" in captured.err
    assert captured.out == ""


def test_progress__lines_have_rate_and_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    executor = InProcess()
    with progress_on(executor):
        executor.tell("score", 1000, 4000)  # the stage goes on from where it was stopped
        for done in (1100, 1200, 1300):
            clock[0] += SECONDS_BETWEEN_LINES - 1
            executor.tell("score", done, 4000)
    assert capsys.readouterr().err.splitlines() == ["score 1,200/4,000: 25 a second, 112 s left"]


def test_progress__a_first_event_that_is_late_is_a_line(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    executor = InProcess()
    with progress_on(executor):
        clock[0] += 60
        executor.tell("score", 3, 10)
        clock[0] += 60
        executor.tell("score", 3, 10)
    assert capsys.readouterr().err.splitlines() == ["score 3/10: running"] * 2


def test_progress__events_of_long_steps_leave_at_most_10_s_silent(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """Such as those of training, which come every 5 s."""
    executor, told = InProcess(), [clock[0]]
    with progress_on(executor):
        for done in range(1, 400):
            clock[0] += 5 if done % 3 else 4.9
            executor.tell("train, epoch 1", done, 500)
            if capsys.readouterr().err:
                told.append(clock[0])
    assert max(later - earlier for earlier, later in itertools.pairwise(told)) <= 10 + 1e-6


@pytest.mark.parametrize("is_terminal", [False, True])
def test_progress__ends_with_the_block(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], is_terminal: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    heard: list[Event] = []
    executor = InProcess(heard.append)
    with pytest.raises(RuntimeError), progress_on(executor):
        raise RuntimeError
    capsys.readouterr()
    executor.tell("score", 1, 1)
    assert heard == [Event("score", 1, 1)]
    assert capsys.readouterr().err == ""
