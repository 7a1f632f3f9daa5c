"""Tasks on local processes or on any Dask cluster."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.dask_cluster import check_given, check_memory, joined, limit_threads, local
from atypeak_scale.execution.executor import Executor, InProcess, Receipt, Task
from atypeak_scale.execution.in_flight import Submitted, Watch
from atypeak_scale.execution.progress import Event, Progress, heard_by, no_progress

if TYPE_CHECKING:
    from distributed import Client

MOST_FAILED = 8  # tasks that may fail for good before a run stops
SILENT_SECONDS = 10.0  # a stage is silent this long before it says that it is still running
FORWARD_SECONDS = 1.0  # between two events that a task sends back


class DaskExecutor(Executor):
    """Runs tasks on a Dask cluster; connects when it is first used.

    workers: start that many single-thread processes on this machine; memory_limit: limit of each, as Dask
    spells it ("4GB"); scheduler: join the cluster at this address; client: use this connected client, which
    stays open.

    Raises
    ------
    InputError
        If more than one of workers, scheduler and client is given, or none is.

    """

    is_elsewhere = True

    def __init__(
        self,
        workers: int | None = None,
        scheduler: str | None = None,
        memory_limit: str | None = None,
        client: "Client | None" = None,
        progress: Progress = no_progress,
    ) -> None:
        super().__init__(progress)
        if memory_limit and not workers:
            raise InputError("the memory limit is for each local process; give their number too", "workers")
        if sum(map(bool, (workers, scheduler, client is not None))) != 1:
            raise InputError(
                "workers start a cluster, and a scheduler or a client joins one; give only one of them"
            )
        self.workers, self.scheduler, self.memory_limit = workers, scheduler, memory_limit
        self.process_bytes = _bytes(memory_limit) if memory_limit else None
        self._given = client
        self._client: Client | None = None
        self._opened = ExitStack()

    def client(self) -> "Client":
        """Return the client; connect it first if it is not connected yet.

        Raises
        ------
        InputError
            If the cluster cannot be reached or cannot do the work.

        """
        if self._client is None:
            if self._given is not None:
                check_given(self._given)
                self._client = self._given
            elif self.scheduler:
                self._client = self._opened.enter_context(joined(self.scheduler))
            else:
                assert self.workers is not None
                self._client = self._opened.enter_context(local(self.workers, self.memory_limit))
            threads = sum(self._client.nthreads().values())
            self.tell("cluster", threads, threads, f"threads; dashboard at {self._client.dashboard_link}")
        return self._client

    def require(self, memory: int) -> None:
        """Connect, and refuse workers that have less memory, in bytes, than a task needs."""
        check_memory(self.client(), memory)

    def close(self) -> None:
        """Leave the cluster and end the processes that were started; a client that was given stays open."""
        self._client = None
        self._opened.close()

    def _finished(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[int, Receipt]]:
        client, heartbeat = self.client(), _Heartbeat(self, stage, len(tasks))
        watch = Watch(client, stage, heartbeat)
        name = getattr(function, "__name__", stage)
        submitted = Submitted(partial(_on_worker, function), name, tasks, client, watch)
        waiting = iter(range(len(tasks)))

        def fill() -> None:
            for index in islice(waiting, max(0, watch.room - len(submitted.futures))):
                submitted.submit(index)

        client.subscribe_topic(submitted.key, heartbeat.hear)
        try:
            fill()
            while submitted.futures and len(submitted.failed) < MOST_FAILED:
                for future in watch.finished(list(submitted.futures)):
                    for finished in submitted.outcome(future):
                        heartbeat.count()
                        yield finished
                    fill()
        finally:
            heartbeat.end()
            # A client that lost its scheduler fails here too, which must not hide why the run ended.
            with suppress(Exception):
                submitted.cancel()
                client.unsubscribe_topic(submitted.key)
        if submitted.failed:
            raise AtypeakError(submitted.report(stage))


class _Heartbeat:
    """Forwards what tasks report, and says that a stage is still running if it was silent for long."""

    def __init__(self, executor: Executor, stage: str, total: int) -> None:
        self._executor, self._stage, self._total = executor, stage, total
        self._done, self._ended = 0, False
        self._told = time.monotonic()

    def count(self) -> None:
        """Note that a task finished; the executor reports it."""
        self._done += 1
        self._told = time.monotonic()

    def end(self) -> None:
        """Stop listening; otherwise Dask keeps the handler of the topic as long as the client lives."""
        self._ended = True

    def hear(self, event: tuple[float, tuple[str, int, int, str]]) -> None:
        """Pass on a task's event, which the scheduler delivers as (time, event)."""
        self._told = time.monotonic()
        if not self._ended:
            self._executor.progress(Event(*event[1]))

    def __call__(self) -> None:
        if time.monotonic() - self._told > SILENT_SECONDS:
            self._told = time.monotonic()
            self._executor.tell(self._stage, self._done, self._total, "still running")


def _on_worker(function: Callable[[Task], Receipt], task: Task, topic: str) -> Receipt:
    """Run a task on a worker with the worker's threads, and send its progress back."""
    from distributed import get_worker

    limit_threads()
    worker, sent = get_worker(), dict[str, float]()

    def send(event: Event) -> None:
        now = time.monotonic()
        if event.done == event.total or now - sent.get(event.stage, 0.0) > FORWARD_SECONDS:
            sent[event.stage] = now
            worker.log_event(topic, (event.stage, event.done, event.total, event.detail))

    with heard_by(send):
        return function(task)


def executor(
    workers: int | None = None,
    scheduler: str | None = None,
    memory_limit: str | None = None,
    client: "Client | None" = None,
    progress: Progress = no_progress,
) -> Executor:
    """Say where work runs; pass the result to any function as `executor`, in a `with` block.

    workers: start that many single-thread processes on this machine; memory_limit: limit of each, or of this
    process without workers, such as "4GB". scheduler: join the Dask cluster at this address. client: use a
    `distributed.Client` that you connected. If none is given, Dask's configuration decides
    (DASK_SCHEDULER_ADDRESS), and by default work runs in this process.
    progress: called with each `Event`; what tasks on a cluster tell of arrives in another thread.

    Raises
    ------
    InputError
        If they contradict each other, or the memory limit is not a size. A wrong address fails at first use.

    Examples
    --------
    >>> with executor(workers=2) as two:
    ...     score(cell_line, "model", executor=two)

    """
    import dask

    if not (workers or scheduler or client):
        scheduler = dask.config.get("scheduler-address", None) or dask.config.get("scheduler_address", None)
    limit = None if memory_limit is None else _bytes(memory_limit)
    if not (workers or scheduler or client):
        return InProcess(progress, limit)
    return DaskExecutor(workers, scheduler, memory_limit, client, progress)


def _bytes(memory_limit: str) -> int:
    """Return a size in bytes; for Dask nothing at all is one, and so is `-1`, but not here (InputError)."""
    import dask

    size = 0
    if memory_limit[:1].isascii() and memory_limit[:1].isdigit():
        with suppress(ValueError, OverflowError):
            size = dask.utils.parse_bytes(memory_limit)
    if size < 1:
        raise InputError(
            f"memory limit {memory_limit!r}: expected a size such as 4GB", argument="memory_limit"
        )
    return size
