"""Where blocks run. Workers import no test module, so blocks use functions of the standard library."""

import operator
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution import cluster
from atypeak_scale.execution.cluster import (
    IN_FLIGHT_PER_THREAD,
    IN_PROCESS,
    RETRIES,
    Cluster,
    Event,
    chosen_cluster,
    connect,
    limit_threads,
    no_progress,
    run_blocks,
)

WORKERS = 2
BLOCKS = [(index, 7) for index in range(20)]
PRODUCTS = [(index, 7 * index) for index in range(20)]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with connect(Cluster(workers=WORKERS)) as client:
        yield client


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_connect__neither_is_this_process() -> None:
    with connect(IN_PROCESS) as client:
        assert client is None
    assert Cluster() == IN_PROCESS


def test_connect__workers_are_single_threads(client: Any) -> None:
    assert list(client.nthreads().values()) == [1] * WORKERS
    processes = set(client.run(os.getpid).values())
    assert len(processes) == WORKERS
    assert os.getpid() not in processes


def test_connect__joins_a_scheduler_and_leaves_it_running(client: Any) -> None:
    address = client.scheduler.address
    with connect(Cluster(scheduler=address)) as joined:
        assert sorted(run_blocks(operator.mul, BLOCKS, joined, stage="s")) == PRODUCTS
    assert len(client.nthreads()) == WORKERS


def test_connect__workers_and_scheduler_exclude_each_other() -> None:
    with (
        pytest.raises(InputError, match=r"--workers starts .* --scheduler joins one; give only one of them"),
        connect(Cluster(workers=2, scheduler="tcp://127.0.0.1:8786")),
    ):
        pytest.fail("connected")


REFUSED = """
import sys
from atypeak_scale.execution import cluster
from atypeak_scale.errors import InputError
assert 0 < cluster.CONNECTION_SECONDS <= 30
cluster.CONNECTION_SECONDS = 2
try:
    with cluster.connect(cluster.Cluster(scheduler=sys.argv[1])):
        print("connected")
except InputError as error:
    print(error)
"""


def refused(address: str) -> str:
    """Return why a scheduler is not joined; in its own process, since a failed client leaves threads."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, address], capture_output=True, text=True, check=True, timeout=60
    )
    assert len(done.stdout.splitlines()) == 1
    return done.stdout


def test_connect__nobody_answers(free_port: int) -> None:
    address = f"tcp://127.0.0.1:{free_port}"
    assert refused(address).startswith(f"no Dask scheduler answers at {address}: ")


@pytest.mark.parametrize("address", ["nonsense", "foo://x:1", "127.0.0.1", "scheduler.json"])
def test_connect__no_address(address: str) -> None:
    assert refused(address).startswith(f"no Dask scheduler answers at {address}: ")


def test_connect__tls_without_certificates(free_port: int) -> None:
    address = f"tls://127.0.0.1:{free_port}"
    assert refused(address).startswith(f"no Dask scheduler answers at {address}: ")


def test_connect__scheduler_without_workers() -> None:
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        assert "has no workers; start some with 'dask worker'" in refused(empty.scheduler.address)


def test_connect__workers_of_another_version(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    monkeypatch.setattr(cluster, "version", lambda name: "1.0" if os.getpid() == here else "0.9")
    with (
        pytest.raises(
            InputError, match=r"^workers have atypeak-scale 0\.9, this program is 1\.0; install the same"
        ),
        connect(Cluster(scheduler=client.scheduler.address)),
    ):
        pytest.fail("connected")


def test_run_blocks__in_process_in_order_and_one_at_a_time() -> None:
    done: list[int] = []
    receipts = run_blocks(lambda index: done.append(index) or -index, [(3,), (1,), (2,)], None, stage="s")
    assert done == []
    assert next(receipts) == (0, -3)
    assert done == [3]
    assert list(receipts) == [(1, -1), (2, -2)]
    assert done == [3, 1, 2]


def test_run_blocks__cluster_gives_the_same_receipts(client: Any) -> None:
    here = list(run_blocks(operator.mul, BLOCKS, None, stage="s"))
    there = list(run_blocks(operator.mul, BLOCKS, client, stage="s"))
    assert here == PRODUCTS
    assert sorted(there) == here


def test_run_blocks__cluster_runs_in_the_workers(client: Any) -> None:
    processes = {pid for _, pid in run_blocks(os.getpid, [()] * 8, client, stage="s")}
    assert processes <= set(client.run(os.getpid).values())


@pytest.mark.parametrize("on_cluster", [False, True])
def test_run_blocks__no_blocks(on_cluster: bool, request: pytest.FixtureRequest) -> None:
    events: list[Event] = []
    client = request.getfixturevalue("client") if on_cluster else None
    assert list(run_blocks(operator.mul, [], client, stage="s", progress=events.append)) == []
    assert events == [Event("s", 0, 0)]


def test_run_blocks__equal_blocks_run_again(client: Any, tmp_path: Path) -> None:
    """Dask takes equal calls for one result; a block writes, so it must run whenever it is asked for."""
    for turn in range(2):
        folders = [(str(tmp_path / f"{turn}-{index}"),) for index in range(3)]
        assert len(list(run_blocks(os.mkdir, folders, client, stage="s"))) == 3
        for (folder,) in folders:
            os.rmdir(folder)  # noqa: PTH106
        assert len(list(run_blocks(os.mkdir, folders, client, stage="s"))) == 3
        assert all(Path(folder).is_dir() for (folder,) in folders)


class Counting:
    """A client that counts: `outstanding` at every submission, with those that `received` makes less."""

    def __init__(self, client: Any, threads: dict[str, int] | None = None) -> None:
        self._client, self._threads = client, threads
        self.submitted = self.received = 0
        self.outstanding: list[int] = []
        self.futures: list[Any] = []

    def nthreads(self) -> dict[str, int]:
        return self._client.nthreads() if self._threads is None else self._threads

    def submit(self, *arguments: Any, **options: Any) -> Any:
        self.submitted += 1
        self.outstanding.append(self.submitted - self.received)
        self.futures.append(self._client.submit(*arguments, **options))
        return self.futures[-1]


@pytest.mark.parametrize("threads", [None, {"one": 1, "four": 4}, {}])
def test_run_blocks__a_bounded_number_is_in_flight(client: Any, threads: dict[str, int] | None) -> None:
    counting = Counting(client, threads)
    blocks = [(index, 1) for index in range(40)]
    for _ in run_blocks(operator.mul, blocks, counting, stage="s"):
        counting.received += 1
    limit = IN_FLIGHT_PER_THREAD * max(1, sum(counting.nthreads().values()))
    assert counting.submitted == counting.received == 40
    assert max(counting.outstanding) == limit < 40
    # Not in waves: every receipt makes room for one block.
    assert counting.outstanding[limit - 1 :] == [limit] * (40 - limit + 1)


def test_run_blocks__fewer_blocks_than_threads(client: Any) -> None:
    counting = Counting(client, {"big": 100})
    assert len(list(run_blocks(operator.mul, BLOCKS[:3], counting, stage="s"))) == 3
    assert counting.submitted == 3


@pytest.mark.parametrize("on_cluster", [False, True])
def test_run_blocks__progress_counts_from_none_to_all(
    on_cluster: bool, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue("client") if on_cluster else None
    events: list[Event] = []
    list(run_blocks(operator.mul, BLOCKS, client, stage="multiply", progress=events.append))
    assert events == [Event("multiply", done, 20) for done in range(21)]
    no_progress(events[0])


def test_run_blocks__progress_comes_after_the_receipt_is_used() -> None:
    log: list[str] = []
    for index, _ in run_blocks(operator.mul, BLOCKS[:2], None, stage="s",
                               progress=lambda event: log.append(f"event {event.done}")):  # fmt: skip
        log.append(f"block {index}")
    assert log == ["event 0", "block 0", "event 1", "block 1", "event 2"]


def test_run_blocks__error_in_a_block_is_raised_in_this_process() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_blocks(operator.truediv, [(1, 1), (1, 0), (1, 1)], None, stage="s"))


def test_run_blocks__failing_blocks_are_named_after_the_others_are_done(client: Any) -> None:
    receipts = run_blocks(operator.truediv, [(1, 1), (1, 0), (1, 2), (2, 0), (1, 4)], client, stage="s")
    done = []
    with pytest.raises(AtypeakError) as failure:
        for receipt in receipts:
            done.append(receipt)
    assert sorted(done) == [(0, 1.0), (2, 0.5), (4, 0.25)]
    assert str(failure.value) == (
        "stage 's': 2 of 5 blocks failed (blocks 1, 3: ZeroDivisionError: division by zero); "
        "run the command again to go on from here"
    )
    # What comes after is not disturbed by it.
    assert sorted(run_blocks(operator.mul, BLOCKS, client, stage="s")) == PRODUCTS


def test_run_blocks__a_block_that_fails_now_and_then_is_tried_again(client: Any, tmp_path: Path) -> None:
    def block(index: int, folder: str) -> int:
        tries = Path(folder) / str(index)
        with tries.open("a") as log:
            log.write("x")
        if len(tries.read_text()) <= RETRIES:
            raise OSError("a disk that is tired")
        return index

    receipts = run_blocks(block, [(index, str(tmp_path)) for index in range(4)], client, stage="s")
    assert sorted(receipts) == [(index, index) for index in range(4)]


def test_run_blocks__gives_up_after_many_failures(client: Any) -> None:
    counting = Counting(client)
    with pytest.raises(AtypeakError, match=r"of 400 blocks failed \(blocks 0, 1, .*division by zero"):
        list(run_blocks(operator.truediv, [(1, 0)] * 400, counting, stage="s"))
    assert counting.submitted < 100


def test_run_blocks__no_worker_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "NO_WORKERS_SECONDS", 1)
    monkeypatch.setattr(cluster, "LOOK_SECONDS", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty,
        distributed.Client(empty) as own,
        pytest.raises(AtypeakError, match="no worker for 1 s while 's' was running; run the command again"),
    ):
        list(run_blocks(operator.mul, BLOCKS, own, stage="s"))


def test_run_blocks__nothing_done_for_long_ends(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "STALLED_SECONDS", 1)
    monkeypatch.setattr(cluster, "LOOK_SECONDS", 0.2)
    with pytest.raises(AtypeakError, match="no block was finished for 1 s while 's' was running"):
        list(run_blocks(time.sleep, [(4,)], client, stage="s"))


def test_connect__workers_with_too_little_memory_are_refused() -> None:
    with (
        pytest.raises(InputError, match=r"a memory limit of 0\.5 GB, a block needs 2\.0 GB; start fewer"),
        connect(Cluster(workers=1, memory_limit="500MB"), memory=2 * 10**9),
    ):
        pytest.fail("connected")


def test_connect__tells_of_threads_and_dashboard(client: Any) -> None:
    events: list[Event] = []
    with connect(Cluster(scheduler=client.scheduler.address), events.append):
        pass
    (event,) = events
    assert (event.stage, event.done, event.total) == ("cluster", WORKERS, WORKERS)
    assert event.detail == f"threads; dashboard at {client.dashboard_link}"


def test_cluster__memory_limit_is_of_local_processes() -> None:
    with pytest.raises(InputError, match="give --workers too"):
        Cluster(memory_limit="4GB")
    with pytest.raises(InputError, match=r"'much': expected a size such as 4GB"):
        chosen_cluster(workers=1, memory_limit="much")


def test_chosen_cluster__what_is_said_comes_before_the_configuration() -> None:
    assert chosen_cluster() == IN_PROCESS
    with dask.config.set({"scheduler-address": "tcp://configured:1"}):
        assert chosen_cluster() == Cluster(scheduler="tcp://configured:1")
        assert chosen_cluster(workers=2, memory_limit="1GB") == Cluster(workers=2, memory_limit="1GB")
        assert chosen_cluster(scheduler="tcp://said:1") == Cluster(scheduler="tcp://said:1")


def test_limit_threads__are_those_of_the_worker(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def block() -> tuple[str | None, str | None]:
        from atypeak_scale.execution.cluster import limit_threads

        limit_threads()
        return os.environ.get("TF_NUM_INTRAOP_THREADS"), os.environ.get("TF_NUM_INTEROP_THREADS")

    assert [found for _, found in run_blocks(block, [()], client, stage="s")] == [("1", "1")]
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    limit_threads()
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_run_blocks__input_error_of_a_worker_keeps_its_type_and_message(client: Any) -> None:
    def block(text: str) -> None:  # a function in a function travels by value
        from atypeak_scale.errors import InputError

        raise InputError(text)

    with pytest.raises(InputError, match=r"^line 3: bad$"):
        list(run_blocks(block, [("line 3: bad",)], client, stage="s"))


def test_run_blocks__stopped_early_cancels_the_rest(client: Any) -> None:
    counting = Counting(client)
    receipts = run_blocks(time.sleep, [(0.0,), *[(0.3,)] * 30], counting, stage="s")
    next(receipts)
    receipts.close()
    assert counting.submitted == IN_FLIGHT_PER_THREAD * WORKERS
    assert [future.status for future in counting.futures[1:]] == ["cancelled"] * (counting.submitted - 1)


def test_run_blocks__lost_scheduler_is_one_line(client: Any) -> None:
    """Where the scheduler goes away, Dask cancels what was submitted."""

    class Losing(Counting):
        def submit(self, *arguments: Any, **options: Any) -> Any:
            future = super().submit(*arguments, **options)
            future.cancel()
            return future

    with pytest.raises(AtypeakError) as failure:
        list(run_blocks(time.sleep, [(0.1,)] * 3, Losing(client), stage="s"))
    assert len(str(failure.value).splitlines()) == 1


def test_run_blocks__killed_worker_names_the_block() -> None:
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), connect(Cluster(workers=1)) as own:
        with pytest.raises(AtypeakError) as failure:
            list(run_blocks(os._exit, [(9,)], own, stage="score"))
        # The cluster has a new worker by now; a block that does not kill is done.
        assert list(run_blocks(operator.mul, [(2, 3)], own, stage="score")) == [(0, 6)]
    assert not isinstance(failure.value, InputError)
    assert failure.value.exit_code == 1
    message = str(failure.value)
    assert message.startswith("stage 'score': 1 of 1 blocks failed (block 0: killed its workers, ")
    assert "run the command again" in message
    assert len(message.splitlines()) == 1
