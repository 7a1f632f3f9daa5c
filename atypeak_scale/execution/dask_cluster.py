"""Connect to a Dask cluster, or start one on this machine, and check that it can do the work."""

import asyncio
import os
import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atypeak_scale.errors import InputError

if TYPE_CHECKING:
    from distributed import Client

CONNECTION_SECONDS = 20
FILES = 32  # open ones of this process, and again for each worker on this machine
DISTRIBUTION = "atypeak-scale"
# In every process Dask does housekeeping up to 50 times a second, which slows small machines.
HOUSEKEEPING = {
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.worker.profile.enabled": False,
}


@contextmanager
def joined(address: str) -> Iterator["Client"]:
    """Yield a client of the scheduler at an address.

    Raises
    ------
    InputError
        If the scheduler does not answer or has no workers, or if they have another version.

    """
    from distributed import Client

    require_scheduler(address)
    try:
        client = Client(address, timeout=CONNECTION_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as problem:
        raise InputError(f"no Dask scheduler answers at {address}: {problem}") from None
    with client:
        check_workers(client, address)
        yield client


def require_scheduler(address: str) -> None:
    """Ask what listens at an address, and raise InputError unless it is a Dask scheduler.

    A client would wait for twice as long, and fails in many ways where something else answers.
    """
    from distributed.core import rpc
    from distributed.security import Security

    async def identity() -> Any:
        arguments = Security().get_connection_args("client")
        async with rpc(address, timeout=CONNECTION_SECONDS, connection_args=arguments) as other:
            return await other.identity()

    async def in_time() -> Any:
        return await asyncio.wait_for(identity(), CONNECTION_SECONDS)

    try:
        # In a thread, as the caller's may have a loop of its own.
        with ThreadPoolExecutor(1) as thread:
            found = thread.submit(asyncio.run, in_time()).result()
        kind = found["type"]
    except Exception:
        raise InputError(
            f"no Dask scheduler answers at {address}; give the address that it prints when it starts, such "
            "as tcp://10.0.0.1:8786, not that of its dashboard"
        ) from None
    if kind != "Scheduler":
        raise InputError(f"{address}: is a Dask {str(kind).lower()}; give the address of the scheduler")


def check_given(client: "Client") -> None:
    """Refuse a client of the caller that is closed, or whose workers are not fit for the work."""
    if client.status != "running":
        raise InputError(f"the client is {client.status}; give one that is connected", "client")
    check_workers(client, client.scheduler.address if client.scheduler else "its address")


def check_workers(client: "Client", address: str) -> None:
    """Wait for a worker to come, and refuse workers of another version."""
    try:
        client.wait_for_workers(1, timeout=CONNECTION_SECONDS)
    except TimeoutError:
        raise InputError(
            f"the scheduler at {address} has no workers; start some with 'dask worker'"
        ) from None
    check_versions(client)


@contextmanager
def local(workers: int, memory_limit: str | None) -> Iterator["Client"]:
    """Yield a client of that many new single-thread processes on this machine; they end with the block.

    memory_limit: limit of each process, as Dask spells it ("4GB"); None shares the machine's memory out.
    """
    import dask
    from distributed import Client, LocalCluster

    _require_files(workers)
    with (
        # The usual place of Dask's own files stays behind.
        tempfile.TemporaryDirectory(
            prefix="atypeak-workers-", dir=_scratch(), ignore_cleanup_errors=True
        ) as scratch,
        dask.config.set(HOUSEKEEPING | {"temporary-directory": scratch}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory_limit or "auto",
            dashboard_address=":0",
            local_directory=scratch,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _scratch() -> str | None:
    """Return the folder that Dask's configuration names for temporary files; None means the system's."""
    import dask

    folder: str | None = dask.config.get("temporary-directory", None)
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return folder


def _require_files(workers: int) -> None:
    """Raise InputError if this process may open too few files for so many workers: they would not start."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = FILES + FILES * workers
    if allowed == resource.RLIM_INFINITY or allowed >= needed:
        return
    if most == resource.RLIM_INFINITY or most >= needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, most))
    else:
        raise InputError(
            f"this process may open {allowed} files, {workers} workers need {needed}; raise the limit "
            f"(ulimit -n {needed}), or start fewer"
        )


def check_memory(client: "Client", memory: int) -> None:
    """Refuse workers whose memory limit is below what a task needs: they would die one by one."""
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    limits = [worker["memory_limit"] for worker in workers.values()]
    least = min((limit for limit in limits if limit), default=None)
    if least is not None and least < memory:
        raise InputError(
            f"a worker has a memory limit of {least / 1e9:.1f} GB, a block needs {memory / 1e9:.1f} GB; "
            "start fewer workers, or give each more memory",
            argument="memory_limit",
        )


def check_versions(client: "Client") -> None:
    """Refuse workers without this package or with another version: tasks would hang, or results differ."""
    ours = version(DISTRIBUTION)
    try:
        theirs = set(client.run(version, DISTRIBUTION).values())
    except PackageNotFoundError:
        raise InputError(f"some workers lack {DISTRIBUTION}; install version {ours} where they run") from None
    if theirs != {ours}:
        raise InputError(
            f"workers have {DISTRIBUTION} {', '.join(sorted(theirs))}, this program has {ours}; "
            "install the same version everywhere"
        )


def limit_threads() -> None:
    """Give TensorFlow, before its import, as many threads as the Dask worker that runs this."""
    from distributed import get_worker

    try:
        threads = str(get_worker().state.nthreads)
    except ValueError:  # not on a worker: use all cores
        return
    for what in ("INTRAOP", "INTEROP"):
        os.environ.setdefault(f"TF_NUM_{what}_THREADS", threads)
