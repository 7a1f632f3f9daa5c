"""The same results on local processes, at a scheduler's address and with the caller's client."""

import operator
import os
import time
from itertools import pairwise
from typing import Any

import dask
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.execution import dask_executor, in_flight
from atypeak_scale.execution.dask_executor import DaskExecutor, executor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event

WORKERS = 2
TASKS = list(range(20))
NEGATIVES = [(task, -task) for task in TASKS]


def test_map__gives_the_same_receipts_as_this_process(client: Any) -> None:
    here = list(InProcess().map(operator.neg, TASKS, "s"))
    there = list(DaskExecutor(client=client).map(operator.neg, TASKS, "s"))
    assert here == NEGATIVES
    assert sorted(there) == here


def test_reduce__folds_in_order(client: Any) -> None:
    def late(task: int) -> list[int]:
        import time

        time.sleep(0.1 if task == 0 else 0.0)
        return [task]

    assert DaskExecutor(client=client).reduce(late, TASKS, "s") == TASKS


def test_map__runs_in_the_workers(client: Any) -> None:
    def process(task: int) -> tuple[int, str | None]:
        return os.getpid(), os.environ.get("TF_NUM_INTRAOP_THREADS")

    distant = DaskExecutor(client=client)
    assert distant.is_elsewhere
    found = {receipt for _, receipt in distant.map(process, list(range(8)), "s")}
    assert {pid for pid, _ in found} <= set(client.run(os.getpid).values())
    assert {threads for _, threads in found} == {"1"}


def test_map__no_tasks(client: Any) -> None:
    events: list[Event] = []
    distant = DaskExecutor(client=client, progress=events.append)
    assert list(distant.map(operator.neg, [], "s")) == []
    assert [event for event in events if event.stage == "s"] == [Event("s", 0, 0)]


def test_map__progress_counts_from_none_to_all(client: Any) -> None:
    events: list[Event] = []
    list(DaskExecutor(client=client, progress=events.append).map(operator.neg, TASKS, "negate"))
    assert [event for event in events if event.stage == "negate"] == [
        Event("negate", done, 20) for done in range(21)
    ]


def test_scheduler__is_joined_when_first_used_and_left_running(client: Any) -> None:
    address = client.scheduler.address
    events: list[Event] = []
    with DaskExecutor(scheduler=address, progress=events.append) as joined:
        assert events == []
        joined.require(0)
        (event,) = events
        assert (event.stage, event.done, event.total) == ("cluster", WORKERS, WORKERS)
        assert event.detail == f"threads; dashboard at {client.dashboard_link}"
        assert sorted(joined.map(operator.neg, TASKS, "s")) == NEGATIVES
        own = joined.client()
        assert own is joined.client() is not client
    assert own.status == "closed"
    assert len(client.nthreads()) == WORKERS


def test_client__of_the_caller_stays_open(client: Any) -> None:
    with DaskExecutor(client=client) as own:
        assert own.client() is client
        assert sorted(own.map(operator.neg, TASKS, "s")) == NEGATIVES
    assert client.status == "running"
    assert sorted(own.map(operator.neg, TASKS, "s")) == NEGATIVES


def test_workers__are_started_when_first_used_and_ended() -> None:
    with DaskExecutor(workers=1, memory_limit="1GB") as own:
        assert own._client is None
        own.require(10**9)
        with pytest.raises(
            InputError, match=r"a memory limit of 1\.0 GB, a block needs 2\.0 GB; start fewer"
        ):
            own.require(2 * 10**9)
        ((_, worker),) = own.map(lambda task: os.getpid(), [0], "s")
        assert worker != os.getpid()
    deadline = time.monotonic() + 20
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not _is_alive(worker)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_stage__that_is_silent_says_that_it_is_still_running(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "SILENT_SECONDS", 0.5)
    monkeypatch.setattr(in_flight, "LOOK_SECONDS", 0.1)
    told: list[tuple[float, Event]] = []
    distant = DaskExecutor(client=client, progress=lambda event: told.append((time.monotonic(), event)))
    distant.require(0)
    told.clear()
    distant.run(time.sleep, [0.0, 2.0], "s")
    events = [event for _, event in told]
    assert events[0] == Event("s", 0, 2)
    assert events[-1] == Event("s", 2, 2)
    assert Event("s", 1, 2) in events
    still = [event for event in events if event.detail]
    assert len(still) >= 2
    assert set(still) <= {Event("s", done, 2, "still running") for done in (0, 1)}
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(told)]
    assert max(gaps) < 1.5


def test_stage__whose_tasks_tell_is_not_silent(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "SILENT_SECONDS", 1.5)
    monkeypatch.setattr(in_flight, "LOOK_SECONDS", 0.1)

    def told(task: int) -> None:
        import time

        from atypeak_scale.execution.progress import Event, tell

        for done in range(8):
            tell(Event(f"inner {done}", 1, 1))
            time.sleep(0.25)

    events: list[Event] = []
    DaskExecutor(client=client, progress=events.append).run(told, [1], "s")
    assert [event.stage for event in events if event.stage.startswith("inner")] == [
        f"inner {done}" for done in range(8)
    ]
    assert not [event for event in events if event.detail == "still running"]


# Which executor


def test_dask_executor__only_one_of_workers_scheduler_and_client(client: Any) -> None:
    message = r"workers start .* a scheduler or a client joins one; give only one of them"
    with pytest.raises(InputError, match=message):
        DaskExecutor(workers=2, scheduler="tcp://127.0.0.1:8786")
    with pytest.raises(InputError, match=message):
        DaskExecutor(workers=2, client=client)
    with pytest.raises(InputError, match=message):
        DaskExecutor()


def test_dask_executor__memory_limit_is_of_local_processes() -> None:
    for make in (DaskExecutor, executor):
        with pytest.raises(InputError, match=r"for each local process; give their number too$") as failure:
            make(memory_limit="4GB", scheduler="tcp://127.0.0.1:1")
        assert failure.value.argument == "workers"
    here = executor(memory_limit="2GB")
    assert (type(here), here.process_bytes) == (InProcess, 2 * 10**9)
    here.require(2 * 10**9)
    with pytest.raises(InputError, match=r"the memory limit is 2\.0 GB, a block needs 2\.5 GB; raise it"):
        here.require(25 * 10**8)
    assert executor(workers=1, memory_limit="2GB").process_bytes == 2 * 10**9
    assert executor().process_bytes is None
    with pytest.raises(InputError, match=r"'much': expected a size such as 4GB") as failure:
        executor(workers=1, memory_limit="much")
    for size in ("", "-1", "0", "nan", "٣GB"):
        with pytest.raises(InputError, match="expected a size such as 4GB"):
            executor(workers=1, memory_limit=size)
    assert failure.value.argument == "memory_limit"


def test_executor__nothing_said_is_this_process() -> None:
    events: list[Event] = []
    found = executor(progress=events.append)
    assert type(found) is InProcess
    found.tell("s", 1, 1)
    assert events == [Event("s", 1, 1)]


def test_executor__what_is_said_comes_before_the_configuration(client: Any) -> None:
    def said(**options: Any) -> tuple[Any, ...]:
        found = executor(**options)
        assert isinstance(found, DaskExecutor)
        return found.workers, found.scheduler, found.memory_limit

    with dask.config.set({"scheduler-address": "tcp://configured:1"}):
        assert said() == (None, "tcp://configured:1", None)
        assert said(workers=2, memory_limit="1GB") == (2, None, "1GB")
        assert said(scheduler="tcp://said:1") == (None, "tcp://said:1", None)
        assert said(client=client) == (None, None, None)
