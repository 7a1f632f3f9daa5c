"""Progress as events with listeners: the library never prints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Event:
    """`done` of `total` units of a stage are finished; `detail` is a short remark.

    is_last: whether the stage ended here, before all units were needed. A total of 0: only the remark.
    """

    stage: str
    done: int
    total: int
    detail: str = ""
    is_last: bool = False


Progress = Callable[[Event], None]


def no_progress(event: Event) -> None:
    """Listen to nothing."""


_listener: ContextVar[Progress] = ContextVar("listener", default=no_progress)


def tell(event: Event) -> None:
    """Report progress from inside a task to the listener of the executor that runs it."""
    _listener.get()(event)


def listener() -> Progress:
    """Return whoever hears what is told now, for an executor that a task makes for its own work."""
    return _listener.get()


@contextmanager
def told_apart(name: str) -> Iterator[None]:
    """Add a name to the stages that are told while the block runs, for tasks that run beside each other."""
    outside = listener()
    with heard_by(lambda event: outside(replace(event, stage=f"{event.stage}, {name}"))):
        yield


@contextmanager
def heard_by(progress: Progress) -> Iterator[None]:
    """Send to `progress` what is told while the block runs, in this thread."""
    token = _listener.set(progress)
    try:
        yield
    finally:
        _listener.reset(token)
