"""Where work runs (in this process, on a local cluster, on any Dask scheduler) and how it tells of progress.

A stage is a function over blocks. The function takes paths and whole numbers, writes its own block and
returns a small receipt, so that the same function serves all three places (DESIGN 4).
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from typing import Any, TypeVar
from uuid import uuid4

from atypeak_scale.errors import AtypeakError, InputError

Receipt = TypeVar("Receipt")

IN_FLIGHT_PER_THREAD = 3
RETRIES = 2  # of a block that raised an error
MOST_FAILED = 8  # blocks that failed for good before a run is given up
CONNECTION_SECONDS = 20
LOOK_SECONDS = 2.0  # between two looks at the workers
NO_WORKERS_SECONDS = 120  # that a run waits for a worker to come
STALLED_SECONDS = 3600  # that a run waits for any block to finish
DISTRIBUTION = "atypeak-scale"


# Dask looks after itself up to 50 times a second in every process, which small machines feel.
HOUSEKEEPING = {
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}


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


@dataclass(frozen=True)
class Cluster:
    """Where to run: so many single-thread local processes, a scheduler, or neither: in this process.

    memory_limit: of each local process, as Dask spells it ("4GB"); None shares the machine's among them.
    """

    workers: int | None = None
    scheduler: str | None = None
    memory_limit: str | None = None

    def __post_init__(self) -> None:
        if self.workers and self.scheduler:
            raise InputError("--workers starts a cluster and --scheduler joins one; give only one of them")
        if self.memory_limit and not self.workers:
            raise InputError("--memory-limit is of each local process; give --workers too")

    @property
    def is_elsewhere(self) -> bool:
        """Whether work leaves this process."""
        return bool(self.workers or self.scheduler)


IN_PROCESS = Cluster()


def chosen_cluster(
    workers: int | None = None, scheduler: str | None = None, memory_limit: str | None = None
) -> Cluster:
    """Return where to run; where nothing is said, as Dask is configured (DASK_SCHEDULER_ADDRESS)."""
    import dask

    if not workers and not scheduler:
        scheduler = dask.config.get("scheduler-address", None) or dask.config.get("scheduler_address", None)
    if memory_limit:
        try:
            dask.utils.parse_bytes(memory_limit)
        except ValueError:
            raise InputError(f"--memory-limit {memory_limit!r}: expected a size such as 4GB") from None
    return Cluster(workers, scheduler, memory_limit)


@contextmanager
def connect(cluster: Cluster, progress: Progress = no_progress, memory: int = 0) -> Iterator[Any | None]:
    """Yield a Dask client, or None for this process; a local cluster is closed at the end.

    memory: bytes that a worker needs for its work.

    Raises
    ------
    InputError
        Where the scheduler does not answer, its workers have another version, or less memory.

    """
    if not cluster.is_elsewhere:
        yield None
        return
    with _joined(cluster.scheduler) if cluster.scheduler else _local(cluster) as client:
        _check_memory(client, memory)
        threads = sum(client.nthreads().values())
        progress(Event("cluster", threads, threads, f"threads; dashboard at {client.dashboard_link}"))
        yield client


@contextmanager
def _joined(address: str) -> Iterator[Any]:
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECTION_SECONDS)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(f"no Dask scheduler answers at {address}: {problem}") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=CONNECTION_SECONDS)
        except TimeoutError:
            raise InputError(
                f"the scheduler at {address} has no workers; start some with 'dask worker'"
            ) from None
        _check_versions(client)
        yield client


@contextmanager
def _local(cluster: Cluster) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    with (
        dask.config.set(HOUSEKEEPING),
        LocalCluster(
            n_workers=cluster.workers,
            threads_per_worker=1,
            memory_limit=cluster.memory_limit or "auto",
            dashboard_address=":0",
        ) as local,
        Client(local) as client,
    ):
        yield client


def limit_threads() -> None:
    """Give TensorFlow, before it is imported, as many threads as the Dask worker that runs this has."""
    from distributed import get_worker

    try:
        threads = str(get_worker().state.nthreads)
    except ValueError:  # no worker: all cores
        return
    for what in ("INTRAOP", "INTEROP"):
        os.environ.setdefault(f"TF_NUM_{what}_THREADS", threads)


def _check_memory(client: Any, memory: int) -> None:
    """Refuse workers whose memory limit is below what a block needs: they would die of it, one by one."""
    limits = [worker["memory_limit"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]
    least = min((limit for limit in limits if limit), default=None)
    if least is not None and least < memory:
        raise InputError(
            f"a worker has a memory limit of {least / 1e9:.1f} GB, a block needs {memory / 1e9:.1f} GB; "
            "start fewer workers, or give them more with --memory-limit"
        )


def _check_versions(client: Any) -> None:
    """Refuse workers without this package or with another version: tasks would never end, or differ."""
    ours = version(DISTRIBUTION)
    try:
        theirs = set(client.run(version, DISTRIBUTION).values())
    except PackageNotFoundError:
        raise InputError(f"some workers lack {DISTRIBUTION}; install version {ours} where they run") from None
    if theirs != {ours}:
        raise InputError(
            f"workers have {DISTRIBUTION} {', '.join(sorted(theirs))}, this program is {ours}; "
            "install the same version everywhere"
        )


def run_blocks(
    function: Callable[..., Receipt],
    blocks: Sequence[tuple[Any, ...]],
    client: Any | None,
    *,
    stage: str,
    progress: Progress = no_progress,
) -> Iterator[tuple[int, Receipt]]:
    """Yield (index of the block, receipt) as blocks finish: in order in this process, else in any order.

    At most a few blocks a thread are in the scheduler at a time. On a cluster a block that fails is tried
    again, and the other blocks go on.

    Raises
    ------
    AtypeakError
        Naming the blocks that failed for good; or where the scheduler or all workers are lost, or nothing
        happens any more.

    """
    finished = _here(function, blocks) if client is None else _there(function, blocks, client, stage)
    progress(Event(stage, 0, len(blocks)))
    for done, (index, receipt) in enumerate(finished, 1):
        yield index, receipt
        progress(Event(stage, done, len(blocks)))


def _here(
    function: Callable[..., Receipt], blocks: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[int, Receipt]]:
    for index, block in enumerate(blocks):
        yield index, function(*block)


def _there(
    function: Callable[..., Receipt], blocks: Sequence[tuple[Any, ...]], client: Any, stage: str
) -> Iterator[tuple[int, Receipt]]:
    watch = _Watch(client, stage)
    submitted = _Submitted(function, blocks, client, watch)
    waiting = iter(range(len(blocks)))

    def fill() -> None:
        for index in islice(waiting, max(0, watch.room - len(submitted.futures))):
            submitted.submit(index)

    try:
        fill()
        while submitted.futures and len(submitted.failed) < MOST_FAILED:
            for future in watch.finished(list(submitted.futures)):
                yield from submitted.outcome(future)
                fill()
    finally:
        for future in submitted.futures:
            future.cancel()
    if submitted.failed:
        raise AtypeakError(_report(submitted.failed, len(blocks), stage))


class _Submitted:
    """The blocks that are in the scheduler, how often each was tried, and those that failed for good."""

    def __init__(
        self, function: Callable[..., Any], blocks: Sequence[tuple[Any, ...]], client: Any, watch: "_Watch"
    ) -> None:
        self._function, self._blocks, self._client, self._watch = function, blocks, client, watch
        # Dask takes equal keys for equal results, whoever computed them: every run has keys of its own.
        self._key = uuid4().hex
        self._tried: Counter[int] = Counter()
        self.futures: dict[Any, int] = {}
        self.failed: dict[int, str] = {}

    def submit(self, index: int) -> None:
        """Hand over a block, perhaps once more."""
        self._tried[index] += 1
        key = f"{self._function.__name__}-{self._key}-{index}-{self._tried[index]}"
        future = self._client.submit(self._function, *self._blocks[index], key=key, pure=False)
        self.futures[future] = index

    def outcome(self, future: Any) -> Iterator[tuple[int, Any]]:
        """Yield the receipt of a block that is done; submit it again, or note it, where it failed."""
        from concurrent.futures import CancelledError

        from distributed import KilledWorker

        index = self.futures.pop(future)
        try:
            receipt = future.result(timeout=STALLED_SECONDS)
        except AtypeakError:
            raise
        except CancelledError:
            raise self._watch.lost() from None
        except KilledWorker:
            self.failed[index] = "killed its workers, perhaps for want of memory"
        except Exception as problem:
            if self._tried[index] <= RETRIES:
                self.submit(index)
            else:
                self.failed[index] = f"{type(problem).__name__}: {problem}"
        else:
            yield index, receipt


def _report(failed: dict[int, str], blocks: int, stage: str) -> str:
    reasons: dict[str, list[int]] = {}
    for index, reason in sorted(failed.items()):
        reasons.setdefault(reason, []).append(index)
    told = "; ".join(
        f"block{'s' * (len(of) > 1)} {', '.join(map(str, of))}: {why}" for why, of in reasons.items()
    )
    return (
        f"stage {stage!r}: {len(failed)} of {blocks} blocks failed ({told}); "
        "run the command again to go on from here"
    )


class _Watch:
    """Waits for blocks, never without a bound, and knows how many may be in the scheduler."""

    def __init__(self, client: Any, stage: str) -> None:
        self._client, self._stage = client, stage
        self._looked = self._had_workers = self._moved = time.monotonic()
        self.room = IN_FLIGHT_PER_THREAD
        self._look()

    def finished(self, futures: list[Any]) -> set[Any]:
        """Return those of the futures that are done, after the first is.

        Raises
        ------
        AtypeakError
            Where the scheduler is lost, no worker is left for long, or nothing was done for very long.

        """
        from concurrent.futures import CancelledError

        from distributed import wait

        while True:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._look()
            try:
                done: set[Any] = wait(futures, timeout=LOOK_SECONDS, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                continue
            except CancelledError:
                raise self.lost() from None
            self._moved = time.monotonic()
            return done

    def _look(self) -> None:
        try:
            threads = sum(self._client.nthreads().values())
        except (OSError, TimeoutError):
            raise self.lost() from None
        now = self._looked = time.monotonic()
        if threads:
            self._had_workers = now
            self.room = IN_FLIGHT_PER_THREAD * threads
        elif now - self._had_workers > NO_WORKERS_SECONDS:
            raise self._stopped(f"the cluster has had no worker for {NO_WORKERS_SECONDS} s")
        if now - self._moved > STALLED_SECONDS:
            raise self._stopped(f"no block was finished for {STALLED_SECONDS} s")

    def lost(self) -> AtypeakError:
        """Return the error of a scheduler that is gone."""
        return self._stopped("the scheduler was lost")

    def _stopped(self, why: str) -> AtypeakError:
        return AtypeakError(
            f"{why} while {self._stage!r} was running; run the command again to go on from here"
        )
