"""Progress on standard error while a command runs."""

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import click

from atypeak_scale.execution.executor import Executor
from atypeak_scale.execution.progress import Event, Progress

# Long steps report at least every 5 s, so the output is never silent for more than 10 s.
SECONDS_BETWEEN_LINES = 5.0


@contextmanager
def progress_on(executor: Executor) -> Iterator[None]:
    """Show what the executor reports while the block runs: bars on a terminal, lines elsewhere.

    The bars are gone before anything after the block is printed.
    """
    listening: AbstractContextManager[Progress] = _bars() if sys.stderr.isatty() else nullcontext(_Lines())
    before = executor.progress
    with listening as listener:
        executor.progress = listener
        try:
            yield
        finally:
            executor.progress = before


@dataclass(frozen=True)
class _Begin:
    """When a stage first reported, and how much of it was done then."""

    time: float
    done: int


class _Lines:
    """Progress as lines: remarks, the end of each stage, and now and then the rate and the time left."""

    def __init__(self) -> None:
        self._began: dict[str, _Begin] = {}
        self._told = time.monotonic()

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        began = self._began.setdefault(event.stage, _Begin(now, event.done))
        if event.detail:
            line = _remark(event)
        elif event.total and event.done == event.total:
            line = f"{event.stage}: done, {event.total:,}"
        elif event.done and event.total and now - self._told > SECONDS_BETWEEN_LINES:
            line = f"{event.stage} {event.done:,}/{event.total:,}: {_pace(event, began, now)}"
        else:
            return
        click.echo(line, err=True)
        self._told = now


def _remark(event: Event) -> str:
    """Return the line of an event that has something to say."""
    count = "" if event.is_last or not event.total else f" {event.done}/{event.total}"
    return f"{event.stage}{count}: {event.detail}"


def _pace(event: Event, began: _Begin, now: float) -> str:
    """Return rate and time left, if anything was done since the stage first reported."""
    if now <= began.time or event.done <= began.done:
        return "running"
    rate = (event.done - began.done) / (now - began.time)
    return f"{rate:.3g} a second, {(event.total - event.done) / rate:.0f} s left"


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        TaskID,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True, text_format_no_percentage=""), TimeRemainingColumn(),
    )  # fmt: skip
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def listen(event: Event) -> None:
            if not event.total:
                if event.detail:
                    bars.console.print(_remark(event), highlight=False, markup=False)
                return
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=event.total)
            # A bar that is left behind is full, so that nothing looks unfinished.
            total = event.done if event.is_last else event.total
            bars.update(tasks[event.stage], completed=event.done, total=total)
            if event.detail:
                bars.console.print(_remark(event), highlight=False, markup=False)

        yield listen
