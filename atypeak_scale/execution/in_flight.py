"""The tasks in a Dask scheduler: their number is bounded, failed ones are retried, and waits are bounded."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Generic
from uuid import uuid4

from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.executor import Receipt, Task

if TYPE_CHECKING:
    from distributed import Client, Future

IN_FLIGHT_PER_THREAD = 3
RETRIES = 2  # of a task that raised an error
LOOK_SECONDS = 2.0  # between two checks of the workers
NO_WORKERS_SECONDS = 120  # how long a run waits for a worker
STALLED_SECONDS = 3600  # how long a run waits for any task to finish


class Watch:
    """Waits for tasks, always with a bound, and knows how many may be in the scheduler."""

    def __init__(self, client: "Client", stage: str, waiting: Callable[[], None]) -> None:
        """`waiting`: called every few seconds while nothing finishes."""
        self._client, self._stage, self._waiting = client, stage, waiting
        self._looked = self._had_workers = self._moved = time.monotonic()
        self.room = IN_FLIGHT_PER_THREAD
        self._look()

    def finished(self, futures: "list[Future]") -> "set[Future]":
        """Wait for the first of the futures, and return those that are done.

        Raises
        ------
        AtypeakError
            If the scheduler is lost, no worker was left for long, or nothing finished for very long.

        """
        from distributed import wait

        while True:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._look()
            try:
                with self._client.as_current():  # `wait` asks whichever client is the default
                    done: set[Future] = wait(futures, LOOK_SECONDS, "FIRST_COMPLETED").done
            except TimeoutError:
                self._waiting()
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
            raise self._stopped(f"no block has finished for {STALLED_SECONDS} s")

    def lost(self) -> AtypeakError:
        """Return the error for a lost scheduler."""
        return self._stopped("the scheduler was lost")

    def _stopped(self, why: str) -> AtypeakError:
        return AtypeakError(
            f"{why} while {self._stage!r} was running; run the command again to continue from here"
        )


class Submitted(Generic[Task, Receipt]):
    """The tasks in the scheduler, how often each was tried, and which failed for good."""

    def __init__(
        self,
        function: Callable[[Task, str], Receipt],
        name: str,
        tasks: Sequence[Task],
        client: "Client",
        watch: Watch,
    ) -> None:
        """`function`: takes a task and the key of the run; `name`: name of the tasks on the dashboard."""
        self._function, self._name, self._tasks, self._client, self._watch = (
            function, name, tasks, client, watch,
        )  # fmt: skip
        # Dask takes equal keys to mean equal results, whoever computed them, so every run has its own keys.
        self.key = uuid4().hex
        self._tried: Counter[int] = Counter()
        self.futures: dict[Future, int] = {}
        self.failed: dict[int, str] = {}

    def submit(self, index: int) -> None:
        """Hand over a task, perhaps again."""
        self._tried[index] += 1
        key = f"{self._name}-{self.key}-{index}-{self._tried[index]}"
        future = self._client.submit(self._function, self._tasks[index], self.key, key=key, pure=False)
        self.futures[future] = index

    def outcome(self, future: "Future") -> Iterator[tuple[int, Receipt]]:
        """Yield the receipt of a finished task; if it failed, submit it again or note the failure."""
        from distributed import KilledWorker

        index = self.futures.pop(future)
        try:
            receipt: Receipt = future.result(timeout=STALLED_SECONDS)
        except AtypeakError:
            raise
        except CancelledError:
            raise self._watch.lost() from None
        except KilledWorker:
            self.failed[index] = "killed its workers, perhaps because memory ran out"
        except Exception as problem:
            if self._tried[index] <= RETRIES:
                self.submit(index)
            else:
                self.failed[index] = f"{type(problem).__name__}: {problem}"
        else:
            yield index, receipt

    def cancel(self) -> None:
        """Cancel what is still in the scheduler."""
        for future in self.futures:
            future.cancel()

    def report(self, stage: str) -> str:
        """Say in one line which tasks failed, and why."""
        reasons: dict[str, list[int]] = {}
        for index, reason in sorted(self.failed.items()):
            reasons.setdefault(reason, []).append(index)
        told = "; ".join(
            f"block{'s' * (len(of) > 1)} {', '.join(map(str, of))}: {why}" for why, of in reasons.items()
        )
        return (
            f"stage {stage!r}: {len(self.failed)} of {len(self._tasks)} blocks failed ({told}); "
            "run the command again to continue from here"
        )
