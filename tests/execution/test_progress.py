"""What a task tells is heard by whoever listens to its executor, and by nobody afterwards."""

import pickle
from typing import Any

import pytest

from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event, heard_by, listener, no_progress, tell


def telling(task: int) -> int:
    tell(Event("inner", task, 3, "x"))
    return -task


def test_tell__nobody_listens() -> None:
    tell(Event("s", 1, 2))
    no_progress(Event("s", 1, 2))


def test_tell__is_heard_in_this_process_and_nothing_leaks() -> None:
    events: list[Event] = []
    assert list(InProcess(events.append).map(telling, [1, 3], "outer")) == [(1, -1), (3, -3)]
    assert events == [
        Event("outer", 0, 2), Event("inner", 1, 3, "x"), Event("outer", 1, 2), Event("inner", 3, 3, "x"),
        Event("outer", 2, 2),
    ]  # fmt: skip
    tell(Event("later", 1, 1))
    assert len(events) == 5


def test_tell__between_two_tasks_is_not_of_the_stage() -> None:
    """The generator of a stage is suspended there: its listener must not be the caller's."""
    events: list[Event] = []
    for _ in InProcess(events.append).map(telling, [1], "outer"):
        tell(Event("mine", 1, 1))
    assert "mine" not in {event.stage for event in events}


def test_tell__after_a_task_that_failed() -> None:
    events: list[Event] = []
    with pytest.raises(ZeroDivisionError):
        InProcess(events.append).run(lambda task: 1 / task, [0], "s")
    tell(Event("later", 1, 1))
    assert events == [Event("s", 0, 1)]


def test_heard_by__the_innermost_listener() -> None:
    outer: list[Event] = []
    inner: list[Event] = []
    with heard_by(outer.append):
        with heard_by(inner.append):
            tell(Event("a", 1, 1))
        tell(Event("b", 1, 1))
    assert (outer, inner) == ([Event("b", 1, 1)], [Event("a", 1, 1)])


def test_event__travels() -> None:
    event = Event("s", 1, 2, "detail")
    assert pickle.loads(pickle.dumps(event)) == event


def test_tell__is_heard_from_a_worker_and_nothing_leaks(client: Any) -> None:
    def told(task: int) -> int:
        from atypeak_scale.execution.progress import Event, tell

        for done in range(1, 4):
            tell(Event(f"inner {task}", done, 3, "x"))
        return -task

    events: list[Event] = []
    distant = DaskExecutor(client=client, progress=events.append)
    assert sorted(distant.map(told, [1, 2], "outer")) == [(1, -1), (2, -2)]
    outer = [event for event in events if event.stage == "outer"]
    assert outer == [Event("outer", done, 2) for done in range(3)]
    for task in (1, 2):
        inner = [event for event in events if event.stage == f"inner {task}"]
        # The first and the last come at once, what is between at most every FORWARD_SECONDS.
        assert inner == [Event(f"inner {task}", done, 3, "x") for done in (1, 3)]
        assert events.index(inner[-1]) < events.index(outer[-1])
    count = len(events)
    client.submit(told, 5, pure=False).result()
    distant.progress = no_progress
    distant.run(told, [1], "outer")
    assert len(events) == count


def test_listener__an_executor_inside_a_task_tells_the_one_outside() -> None:
    """With `tell` itself as its progress it would tell itself for ever."""
    events: list[Event] = []

    def inner(task: int) -> int:
        tell(Event("deep", task, 9))
        return task

    def outer(task: int) -> int:
        return InProcess(listener()).reduce(inner, [task, task + 1], "inner")

    assert InProcess(events.append).reduce(outer, [3], "outer") == 7
    assert Event("deep", 3, 9) in events
    assert Event("inner", 2, 2) in events
    assert events[-1] == Event("outer", 1, 1)
