"""A bounded number of tasks in the scheduler; failures are tried again, then named; no wait without end."""

import operator
import os
import time
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest
from execution.counting import Counting, Losing

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution import dask_executor, in_flight
from atypeak_scale.execution.dask_executor import MOST_FAILED, DaskExecutor
from atypeak_scale.execution.in_flight import IN_FLIGHT_PER_THREAD, RETRIES, Submitted, Watch

WORKERS = 2
TASKS = list(range(20))
NEGATIVES = [(task, -task) for task in TASKS]


def test_map__equal_tasks_run_again(client: Any, tmp_path: Path) -> None:
    """Dask takes equal calls for one result; a task writes, so it must run whenever it is asked for."""
    distant = DaskExecutor(client=client)
    for turn in range(2):
        folders = [str(tmp_path / f"{turn}-{index}") for index in range(3)]
        assert len(list(distant.map(os.mkdir, folders, "s"))) == 3
        for folder in folders:
            os.rmdir(folder)  # noqa: PTH106
        assert len(list(distant.map(os.mkdir, folders, "s"))) == 3
        assert all(Path(folder).is_dir() for folder in folders)


@pytest.mark.parametrize("threads", [None, {"one": 1, "four": 4}, {}])
def test_map__a_bounded_number_is_in_flight(client: Any, threads: dict[str, int] | None) -> None:
    counting = Counting(client, threads)
    for _ in DaskExecutor(client=counting).map(operator.neg, list(range(40)), "s"):
        counting.received += 1
    limit = IN_FLIGHT_PER_THREAD * max(1, sum(counting.nthreads().values()))
    assert counting.submitted == counting.received == 40
    assert max(counting.outstanding) == limit < 40
    # Not in waves: every receipt makes room for one task.
    assert counting.outstanding[limit - 1 :] == [limit] * (40 - limit + 1)


def test_map__fewer_tasks_than_threads(client: Any) -> None:
    counting = Counting(client, {"big": 100})
    assert len(list(DaskExecutor(client=counting).map(operator.neg, TASKS[:3], "s"))) == 3
    assert counting.submitted == 3


def test_map__failing_tasks_are_named_after_the_others_are_done(client: Any) -> None:
    def inverse(task: int) -> float:
        return 1 / task

    distant = DaskExecutor(client=client)
    done = []
    with pytest.raises(AtypeakError) as failure:
        for receipt in distant.map(inverse, [1, 0, 2, 0, 4], "s"):
            done.append(receipt)
    assert sorted(done) == [(1, 1.0), (2, 0.5), (4, 0.25)]
    assert str(failure.value) == (
        "stage 's': 2 of 5 blocks failed (blocks 1, 3: ZeroDivisionError: division by zero); "
        "run the command again to continue from here"
    )
    # What comes after is not disturbed by it.
    assert sorted(distant.map(operator.neg, TASKS, "s")) == NEGATIVES


def test_map__a_task_that_fails_now_and_then_is_tried_again(client: Any, tmp_path: Path) -> None:
    folder, retries = str(tmp_path), RETRIES

    def block(index: int) -> int:
        tries = Path(folder) / str(index)
        with tries.open("a") as log:
            log.write("x")
        if len(tries.read_text()) <= retries:
            raise OSError("a disk that is tired")
        return index

    receipts = DaskExecutor(client=client).map(block, list(range(4)), "s")
    assert sorted(receipts) == [(index, index) for index in range(4)]
    assert [len((tmp_path / str(index)).read_text()) for index in range(4)] == [RETRIES + 1] * 4


def test_map__gives_up_after_many_failures(client: Any) -> None:
    def inverse(task: int) -> float:
        return 1 / task

    counting = Counting(client)
    with pytest.raises(AtypeakError, match=r"of 400 blocks failed \(blocks 0, 1, .*division by zero"):
        DaskExecutor(client=counting).run(inverse, [0] * 400, "s")
    assert MOST_FAILED < counting.submitted < 100


def test_map__no_worker_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "NO_WORKERS_SECONDS", 1)
    monkeypatch.setattr(in_flight, "LOOK_SECONDS", 0.2)
    monkeypatch.setattr(dask_executor, "check_given", lambda client: None)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        distributed.Client(empty, set_as_default=False) as own,
        pytest.raises(AtypeakError, match="no worker for 1 s while 's' was running; run the command again"),
    ):
        DaskExecutor(client=own).run(operator.neg, TASKS, "s")


def test_map__nothing_done_for_long_ends(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_flight, "STALLED_SECONDS", 1)
    monkeypatch.setattr(in_flight, "LOOK_SECONDS", 0.2)
    with pytest.raises(AtypeakError, match="no block has finished for 1 s while 's' was running"):
        DaskExecutor(client=client).run(time.sleep, [4], "s")


def test_map__input_error_of_a_worker_keeps_its_type_and_message(client: Any) -> None:
    def block(text: str) -> None:  # a function in a function travels by value
        from atypeak_scale.errors import InputError

        raise InputError(text, "cell_line")

    counting = Counting(client)
    with pytest.raises(InputError, match=r"^line 3: bad$") as failure:
        DaskExecutor(client=counting).run(block, ["line 3: bad"], "s")
    assert failure.value.argument == "cell_line"
    assert counting.submitted == 1  # it would be as wrong the next time


def test_map__stopped_early_cancels_the_rest(client: Any) -> None:
    counting = Counting(client)
    receipts = DaskExecutor(client=counting).map(time.sleep, [0.0, *[2.0] * 30], "s")
    next(receipts)
    receipts.close()  # type: ignore[attr-defined]
    assert counting.submitted == IN_FLIGHT_PER_THREAD * WORKERS
    # One that a loaded machine finished in the meantime cannot be withdrawn; none is left to run.
    assert {future.status for future in counting.futures[1:]} <= {"cancelled", "finished"}
    assert counting.futures[-1].status == "cancelled"


def test_map__lost_scheduler_is_one_line(client: Any) -> None:
    """Also if the client cannot even take back what it asked of the scheduler."""
    with pytest.raises(AtypeakError) as failure:
        DaskExecutor(client=Losing(client)).run(time.sleep, [0.1] * 3, "s")
    assert str(failure.value) == (
        "the scheduler was lost while 's' was running; run the command again to continue from here"
    )


def test_watch__a_scheduler_that_does_not_answer_is_lost(client: Any) -> None:
    class Silent(Counting):
        def nthreads(self) -> dict[str, int]:
            raise OSError("closed")

    with pytest.raises(AtypeakError, match=r"^the scheduler was lost while 's' was running"):
        Watch(Silent(client), "s", lambda: None)


def test_map__killed_worker_names_the_task() -> None:
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        DaskExecutor(workers=1) as own,
    ):
        with pytest.raises(AtypeakError) as failure:
            own.run(os._exit, [9], "score")
        # The cluster has a new worker by now; a task that does not kill is done.
        assert list(own.map(operator.neg, [6], "score")) == [(6, -6)]
    assert not isinstance(failure.value, InputError)
    assert failure.value.exit_code == 1
    message = str(failure.value)
    assert message.startswith("stage 'score': 1 of 1 blocks failed (block 0: killed its workers, ")
    assert "run the command again" in message
    assert len(message.splitlines()) == 1


def test_report__tasks_are_told_by_reason(client: Any) -> None:
    watch = Watch(client, "s", lambda: None)
    submitted = Submitted(operator.neg, "neg", TASKS, client, watch)
    submitted.failed = {3: "b", 0: "a", 7: "b"}
    assert submitted.report("s") == (
        "stage 's': 3 of 20 blocks failed (block 0: a; blocks 3, 7: b); "
        "run the command again to continue from here"
    )
