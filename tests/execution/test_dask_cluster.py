"""Clusters that are joined or started, and those that are refused."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.execution import dask_cluster
from atypeak_scale.execution.dask_cluster import (
    check_given,
    check_memory,
    check_versions,
    joined,
    limit_threads,
    local,
)

WORKERS = 2


@pytest.fixture
def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_local__workers_are_single_threads(client: Any) -> None:
    assert list(client.nthreads().values()) == [1] * WORKERS
    processes = set(client.run(os.getpid).values())
    assert len(processes) == WORKERS
    assert os.getpid() not in processes


REFUSED = """
import sys
from atypeak_scale.execution import dask_cluster
from atypeak_scale.errors import InputError
assert 0 < dask_cluster.CONNECTION_SECONDS <= 30
dask_cluster.CONNECTION_SECONDS = 2
try:
    with dask_cluster.joined(sys.argv[1]):
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


def test_joined__nobody_answers(free_port: int) -> None:
    address = f"tcp://127.0.0.1:{free_port}"
    assert refused(address).startswith(f"no Dask scheduler answers at {address}; give the address")


@pytest.mark.parametrize("address", ["nonsense", "foo://x:1", "127.0.0.1", "scheduler.json"])
def test_joined__no_address(address: str) -> None:
    assert refused(address).startswith(f"no Dask scheduler answers at {address}; give the address")


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 64, (1 << 50).to_bytes(8, "little") * 8, b"x" * 9],
)
@pytest.mark.parametrize("closes", [True, False])
def test_joined__something_else_answers(answer: bytes, closes: bool) -> None:
    """A web server, one that sends a size of petabytes, one that says nothing."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.sendall(answer)
                if closes:
                    connection.close()
                else:
                    held.append(connection)

        threading.Thread(target=serve, daemon=True).start()
        address = "tcp://{}:{}".format(*server.getsockname())
        started = time.monotonic()
        with pytest.raises(InputError, match=f"^no Dask scheduler answers at {address}; give the address"):
            dask_cluster.require_scheduler(address)
    assert time.monotonic() - started < dask_cluster.CONNECTION_SECONDS + 5


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECTION_SECONDS", 3)


def test_joined__a_worker_is_no_scheduler(client: Any) -> None:
    worker = next(iter(client.scheduler_info()["workers"]))
    with pytest.raises(InputError, match=f"{worker}: is a Dask worker; give the address of the scheduler"):
        dask_cluster.require_scheduler(worker)
    dask_cluster.require_scheduler(client.scheduler.address)


def test_joined__tls_without_certificates(free_port: int) -> None:
    address = f"tls://127.0.0.1:{free_port}"
    assert refused(address).startswith(f"no Dask scheduler answers at {address}; give the address")


def test_joined__scheduler_without_workers() -> None:
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        assert "has no workers; start some with 'dask worker'" in refused(empty.scheduler.address)


def test_joined__workers_of_another_version(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()
    monkeypatch.setattr(dask_cluster, "version", lambda name: "1.0" if os.getpid() == here else "0.9")
    different = r"^workers have atypeak-scale 0\.9, this program has 1\.0; install the same"
    with pytest.raises(InputError, match=different), joined(client.scheduler.address):
        pytest.fail("connected")
    with pytest.raises(InputError, match=different):
        check_versions(client)


def test_check_memory__the_least_worker_counts(client: Any) -> None:
    check_memory(client, 0)
    with pytest.raises(
        InputError, match=r"a memory limit of .* GB, a block needs 1000000\.0 GB; start fewer"
    ):
        check_memory(client, 10**15)


@pytest.mark.parametrize("asked", [None, "scratch"])
def test_local__leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str | None) -> None:
    """Nor where the configuration of Dask asks for them."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    place = tmp_path if asked is None else tmp_path / asked
    setting = {"temporary-directory": None if asked is None else str(place)}
    with dask.config.set(setting), local(1, None) as one:
        assert one.submit(max, 1, 2).result() == 2
        assert [path.name for path in place.iterdir() if path.name.startswith("atypeak-workers-")]
    assert [path.name for path in tmp_path.rglob("*")] == ([] if asked is None else [asked])


def test_local__too_few_open_files_are_told_first() -> None:
    """In a process of its own, which may not raise its limit again."""
    script = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))\n"
        "from atypeak_scale.errors import InputError\n"
        "from atypeak_scale.execution.dask_cluster import local\n"
        "try:\n    with local(3, None): pass\n"
        "except InputError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    told = (
        "this process may open 100 files, 3 workers need 128; raise the limit (ulimit -n 128), or start fewer"
    )
    assert done.stdout == f"{told}\n"
    assert done.stderr == ""


def test_local__workers_with_too_little_memory_are_refused() -> None:
    with (
        pytest.raises(
            InputError, match=r"a memory limit of 0\.5 GB, a block needs 2\.0 GB; start fewer"
        ) as failure,
        local(1, "500MB") as small,
    ):
        check_memory(small, 5 * 10**8)
        check_memory(small, 2 * 10**9)
    assert failure.value.argument == "memory_limit"


def test_limit_threads__are_those_of_the_worker(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def block() -> tuple[str | None, str | None]:
        from atypeak_scale.execution.dask_cluster import limit_threads

        limit_threads()
        return os.environ.get("TF_NUM_INTRAOP_THREADS"), os.environ.get("TF_NUM_INTEROP_THREADS")

    assert client.submit(block, pure=False).result() == ("1", "1")
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    limit_threads()
    assert "TF_NUM_INTRAOP_THREADS" not in os.environ


def test_check_given__waits_for_a_first_worker_and_refuses_what_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As of a cluster that adapts, or whose jobs have not begun."""
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            monkeypatch.setattr(dask_cluster, "CONNECTION_SECONDS", 0.5)
            with pytest.raises(InputError, match=r"the scheduler at \S+ has no workers; start some"):
                check_given(client)
            monkeypatch.setattr(dask_cluster, "CONNECTION_SECONDS", 60)
            cluster.scale(1)
            check_given(client)
        with pytest.raises(InputError, match="the client is closed; give one that is connected"):
            check_given(client)
