"""Progress as events with listeners: the library never prints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """`done` of `total` units of a stage are finished; `detail` is a short remark."""

    stage: str
    done: int
    total: int
    detail: str = ""


Progress = Callable[[Event], None]


def no_progress(event: Event) -> None:
    """Listen to nothing."""


_listener: ContextVar[Progress] = ContextVar("listener", default=no_progress)


def tell(event: Event) -> None:
    """Report progress from inside a task to the listener of the executor that runs it."""
    _listener.get()(event)


@contextmanager
def heard_by(listener: Progress) -> Iterator[None]:
    """Send to `listener` what this thread reports while the block runs."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
