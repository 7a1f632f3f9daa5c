"""Where work runs (in this process, on a local cluster, on any Dask scheduler) and how it tells of progress.

A stage is a function over blocks. The function takes paths and whole numbers, writes its own block and
returns a small receipt, so that the same function serves all three places (DESIGN 4).
"""

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
CONNECTION_SECONDS = 20
DISTRIBUTION = "atypeak-scale"


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
    """Where to run: so many single-thread local processes, a scheduler, or neither: in this process."""

    workers: int | None = None
    scheduler: str | None = None


IN_PROCESS = Cluster()


@contextmanager
def connect(cluster: Cluster) -> Iterator[Any | None]:
    """Yield a Dask client, or None for this process; a local cluster is closed at the end.

    Raises
    ------
    InputError
        Where both fields are set, or the scheduler does not answer.

    """
    if cluster.workers and cluster.scheduler:
        raise InputError("--workers starts a cluster and --scheduler joins one; give only one of them")
    if not cluster.workers and not cluster.scheduler:
        yield None
        return
    from distributed import Client, LocalCluster

    if cluster.scheduler:
        try:
            client = Client(cluster.scheduler, timeout=CONNECTION_SECONDS)
        except (OSError, ValueError, TypeError) as problem:
            raise InputError(f"no Dask scheduler answers at {cluster.scheduler}: {problem}") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=CONNECTION_SECONDS)
            except TimeoutError:
                raise InputError(
                    f"the scheduler at {cluster.scheduler} has no workers; start some with 'dask worker'"
                ) from None
            _check_versions(client)
            yield client
        return
    with (
        LocalCluster(n_workers=cluster.workers, threads_per_worker=1, dashboard_address=":0") as local,
        Client(local) as client,
    ):
        yield client


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

    At most a few blocks a thread are in the scheduler at a time.

    Raises
    ------
    AtypeakError
        Naming the block, where a worker dies over it repeatedly.

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
    from concurrent.futures import CancelledError

    from distributed import KilledWorker, as_completed

    # Dask takes equal keys for equal results, whoever computed them: every run has keys of its own.
    key = f"{stage}-{uuid4().hex}"

    def submit(index: int) -> Any:
        return client.submit(function, *blocks[index], key=f"{key}-{index}", pure=False)

    threads = max(1, sum(client.nthreads().values()))
    waiting = iter(range(len(blocks)))
    futures = {submit(index): index for index in islice(waiting, IN_FLIGHT_PER_THREAD * threads)}
    completed = as_completed(list(futures))
    try:
        for future in completed:
            index = futures.pop(future)
            try:
                receipt = future.result()
            except KilledWorker:
                raise AtypeakError(
                    f"block {index} of {len(blocks)} of stage {stage!r} killed its workers, perhaps for want "
                    "of memory; run the command again to go on from here, with more memory for each worker"
                ) from None
            except CancelledError:
                raise AtypeakError(
                    f"the scheduler was lost while {stage!r} was running; "
                    "run the command again to go on from here"
                ) from None
            yield index, receipt
            for following in islice(waiting, 1):
                added = submit(following)
                futures[added] = following
                completed.add(added)
    finally:
        for future in futures:
            future.cancel()
