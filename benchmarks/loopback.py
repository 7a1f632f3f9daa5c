"""A real Dask cluster on this machine: scheduler and workers as processes of their own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from atypeak_scale.execution.dask_cluster import HOUSEKEEPING

START_SECONDS = 60


class Loopback:
    """A scheduler and single-thread workers, each with a nanny that starts it again when it dies."""

    def __init__(self, folder: Path, workers: int, host: str) -> None:
        self._file = folder / "scheduler.json"
        self._log = (folder / "cluster.log").open("ab")
        self._environment = os.environ | {
            # A lost scheduler or worker is noticed within the time of a test.
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s",
            "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s",
            **{
                f"DASK_{key.replace('.', '__').replace('-', '_').upper()}": str(value)
                for key, value in HOUSEKEEPING.items()
            },
        }
        self.scheduler = self._start(
            "dask_scheduler", "--host", host, "--port", "0", "--dashboard-address", ":0"
        )
        self.workers = [self.start_worker() for _ in range(workers)]

    def _start(self, program: str, *options: str, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        command = [*prefix, sys.executable, "-m", f"distributed.cli.{program}", *options]
        return subprocess.Popen(
            [*command, "--scheduler-file", str(self._file)],
            stdout=self._log, stderr=self._log, env=self._environment,
        )  # fmt: skip

    def start_worker(self, prefix: tuple[str, ...] = (), *options: str) -> subprocess.Popen[bytes]:
        """Start a worker with its nanny, behind a command such as `ip netns exec NAME`."""
        deadline = time.monotonic() + START_SECONDS
        while not self._file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        return self._start(
            "dask_worker", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._file.parent),
            *options, prefix=prefix,
        )  # fmt: skip

    @property
    def address(self) -> str:
        """Where the scheduler listens."""
        address: str = json.loads(self._file.read_text())["address"]
        return address

    def wait_for(self, workers: int) -> None:
        """Return when so many workers are there."""
        from distributed import Client

        with Client(self.address, timeout=START_SECONDS) as client:
            client.wait_for_workers(workers, timeout=START_SECONDS)

    def worker_process(self, number: int) -> psutil.Process | None:
        """Return the process that computes, below its nanny; None while it is being started again."""
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.workers[number].pid).children(recursive=True):
                if "spawn_main" in " ".join(child.cmdline()):
                    return child
        return None

    def stop(self) -> None:
        """End every process, whatever state it is in."""
        for process in [self.scheduler, *self.workers]:
            with suppress(psutil.NoSuchProcess):
                family = psutil.Process(process.pid)
                for member in [*family.children(recursive=True), family]:
                    with suppress(psutil.NoSuchProcess):
                        member.send_signal(signal.SIGKILL)
            process.wait()
        self._log.close()


@contextmanager
def loopback_cluster(workers: int, host: str = "127.0.0.1") -> Iterator[Loopback]:
    """Yield a running cluster with so many workers; everything of it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="loopback-", ignore_cleanup_errors=True) as name:
        cluster = Loopback(Path(name), workers, host)
        try:
            cluster.wait_for(workers)
            yield cluster
        finally:
            cluster.stop()
