"""What every executor does, and the one that runs tasks in this process."""

import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.execution.executor import Executor, InProcess, Receipt, Task
from atypeak_scale.execution.progress import Event

TASKS = list(range(20))


class InOrder(Executor):
    """Finishes tasks in a given order, and counts how it is closed."""

    def __init__(self, order: Sequence[int], progress: Callable[[Event], None] = lambda event: None) -> None:
        super().__init__(progress)
        self.order, self.closed = order, 0

    def _finished(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[int, Receipt]]:
        for index in self.order:
            yield index, function(tasks[index])

    def close(self) -> None:
        self.closed += 1


def test_map__in_process_in_order_and_one_at_a_time() -> None:
    done: list[int] = []
    receipts = InProcess().map(lambda task: done.append(task) or -task, [3, 1, 2], "s")
    assert done == []
    assert next(receipts) == (3, -3)
    assert done == [3]
    assert list(receipts) == [(1, -1), (2, -2)]
    assert done == [3, 1, 2]


def test_map__yields_the_task_itself() -> None:
    tasks = [object(), object()]
    ((first, _), (second, _)) = InProcess().map(id, tasks, "s")
    assert (first, second) == (tasks[0], tasks[1])
    assert [task for task, _ in InOrder([1, 0]).map(id, tasks, "s")] == tasks[::-1]


def test_map__no_tasks() -> None:
    events: list[Event] = []
    assert list(InProcess(events.append).map(operator.neg, [], "s")) == []
    assert events == [Event("s", 0, 0)]


def test_map__progress_counts_from_none_to_all() -> None:
    events: list[Event] = []
    list(InProcess(events.append).map(operator.neg, TASKS, "negate"))
    assert events == [Event("negate", done, 20) for done in range(21)]


def test_map__progress_comes_after_the_receipt_is_used() -> None:
    log: list[str] = []
    here = InProcess(lambda event: log.append(f"event {event.done}"))
    for task, _ in here.map(operator.neg, [0, 1], "s"):
        log.append(f"task {task}")
    assert log == ["event 0", "task 0", "event 1", "task 1", "event 2"]


def test_map__error_in_a_task_is_raised_in_this_process() -> None:
    with pytest.raises(ZeroDivisionError):
        list(InProcess().map(lambda task: 1 / task, [1, 0, 1], "s"))


def test_map__an_error_of_the_listener_stops_the_stage() -> None:
    def stop(event: Event) -> None:
        if event.done:
            raise KeyboardInterrupt

    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        InProcess(stop).run(done.append, TASKS, "s")
    assert done == [0]


def test_run__all_tasks_and_the_same_progress() -> None:
    done: list[int] = []
    events: list[Event] = []
    InProcess(events.append).run(done.append, TASKS, "s")
    assert done == TASKS
    assert events == [Event("s", number, 20) for number in range(21)]


@given(st.integers(1, 12).flatmap(lambda size: st.permutations(range(size))))
def test_reduce__folds_in_order_whatever_order_tasks_finish_in(order: list[int]) -> None:
    tasks = list(range(len(order)))
    assert InOrder(order).reduce(lambda task: [task], tasks, "s") == tasks
    folded = InOrder(order).reduce(str, tasks, "s", lambda total, part: f"({total}{part})")
    assert folded == InProcess().reduce(str, tasks, "s", lambda total, part: f"({total}{part})")


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=12).flatmap(
    lambda values: st.tuples(st.just(values), st.permutations(range(len(values))))
))  # fmt: skip
def test_reduce__rounds_the_same(values_and_order: tuple[list[float], list[int]]) -> None:
    values, order = values_and_order
    assert InOrder(order).reduce(float, values, "s") == InProcess().reduce(float, values, "s")


def test_reduce__receipts_of_none_are_folded_too() -> None:
    added: list[tuple[Any, Any]] = []
    result = InOrder([1, 2, 0]).reduce(lambda task: None, [0, 1, 2], "s", lambda a, b: added.append((a, b)))
    assert result is None
    assert added == [(None, None)] * 2


def test_reduce__one_task_is_not_added_and_none_is_refused() -> None:
    assert InProcess().reduce(operator.neg, [4], "s", lambda a, b: pytest.fail("added")) == -4
    with pytest.raises(ValueError, match="stage 's' has no task to fold"):
        InProcess().reduce(operator.neg, [], "s")


def test_reduce__holds_only_what_came_too_early() -> None:
    alive: list[int] = []

    class Part:
        def __init__(self, number: int) -> None:
            self.number = number
            alive.append(number)

        def __add__(self, other: "Part") -> "Part":
            alive.remove(other.number)
            return self

    held = []
    executor = InOrder([0, 1, 2, 4, 3, 5], lambda event: held.append(len(alive)))
    executor.reduce(Part, list(range(6)), "s")
    assert held == [0, 1, 1, 1, 2, 1, 1]  # the total, and 4 until 3 is there


def test_require__nothing_to_connect_here() -> None:
    InProcess().require(10**18)
    assert not InProcess().is_elsewhere


def test_tell__an_event_of_this_process() -> None:
    events: list[Event] = []
    InProcess(events.append).tell("s", 1, 2, "detail")
    assert events == [Event("s", 1, 2, "detail")]
    InProcess().tell("s", 1, 2)


def test_close__at_the_end_of_the_block_also_after_an_error() -> None:
    with InOrder([]) as executor:
        assert executor.closed == 0
    assert executor.closed == 1
    with pytest.raises(ZeroDivisionError), InOrder([0]) as executor:
        executor.run(lambda task: 1 / task, [0], "s")
    assert executor.closed == 1
    with InProcess() as here:
        assert here.reduce(operator.neg, [1, 2], "s") == -3
