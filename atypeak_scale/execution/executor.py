"""Where work runs and how it reports progress: one object that every public function takes.

A stage is a function over tasks. A task is a small frozen dataclass of handles and whole numbers. The
function writes what belongs to the task and returns a small receipt, so the same function works in this
process, in local processes and on any Dask cluster. Any task can be run again.
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar, cast

from atypeak_scale.errors import InputError
from atypeak_scale.execution.progress import Event, Progress, heard_by, no_progress

Task = TypeVar("Task")
Receipt = TypeVar("Receipt")


class Executor(ABC):
    """Runs tasks somewhere and reports to `progress`; close it, or use it as a context manager."""

    is_elsewhere = False  # whether tasks leave this process
    process_bytes: int | None = None  # memory limit of each process that works, if one was given

    def __init__(self, progress: Progress = no_progress) -> None:
        self.progress = progress

    @abstractmethod
    def _finished(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[int, Receipt]]:
        """Yield (index of the task, receipt) as tasks finish."""

    def require(self, memory: int) -> None:  # noqa: B027  (nothing to do in this process)
        """Check before any work that each process has `memory` bytes for a task.

        Raises
        ------
        InputError
            If the cluster cannot be reached or cannot do the work.

        """

    def close(self) -> None:  # noqa: B027
        """Close what was opened for the work."""

    def tell(self, stage: str, done: int, total: int, detail: str = "") -> None:
        """Report progress of a stage that runs here."""
        self.progress(Event(stage, done, total, detail))

    def map(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[Task, Receipt]]:
        """Yield (task, receipt) as tasks finish: in order in this process, in any order elsewhere.

        Raises
        ------
        AtypeakError
            If tasks failed for good (the error names them), or if the scheduler or all workers are lost.

        """
        for index, receipt in self._told(function, tasks, stage):
            yield tasks[index], receipt

    def run(self, function: Callable[[Task], object], tasks: Sequence[Task], stage: str) -> None:
        """Run all tasks for what they write; raise the errors that `map` raises."""
        for _ in self._told(function, tasks, stage):
            pass

    def reduce(
        self,
        function: Callable[[Task], Receipt],
        tasks: Sequence[Task],
        stage: str,
        add: Callable[[Receipt, Receipt], Receipt] = operator.add,
    ) -> Receipt:
        """Fold the receipts in the order of the tasks, so that rounding does not depend on timing.

        Only receipts that arrive too early are held. Raises ValueError if there is no task, and otherwise
        what `map` raises.
        """
        if not tasks:
            raise ValueError(f"stage {stage!r} has no task to fold")
        early: dict[int, Receipt] = {}
        following = 0
        total: Receipt | None = None
        for index, receipt in self._told(function, tasks, stage):
            early[index] = receipt
            while following in early:
                part = early.pop(following)
                total = part if following == 0 else add(cast(Receipt, total), part)
                following += 1
        return cast(Receipt, total)

    def _told(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[int, Receipt]]:
        self.tell(stage, 0, len(tasks))
        for done, finished in enumerate(self._finished(function, tasks, stage), 1):
            yield finished
            self.tell(stage, done, len(tasks))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class InProcess(Executor):
    """Runs tasks one after another in this process; TensorFlow uses all cores.

    memory_limit: bytes that the process may take; work that needs more is refused, or cut smaller.
    """

    def __init__(self, progress: Progress = no_progress, memory_limit: int | None = None) -> None:
        super().__init__(progress)
        self.process_bytes = memory_limit

    def require(self, memory: int) -> None:
        """Raise InputError if a task needs more memory than the limit, bytes."""
        if self.process_bytes is not None and memory > self.process_bytes:
            raise InputError(
                f"the memory limit is {self.process_bytes / 1e9:.1f} GB, a block needs "
                f"{memory / 1e9:.1f} GB; raise it",
                argument="memory_limit",
            )

    def _finished(
        self, function: Callable[[Task], Receipt], tasks: Sequence[Task], stage: str
    ) -> Iterator[tuple[int, Receipt]]:
        for index, task in enumerate(tasks):
            with heard_by(self.progress):
                receipt = function(task)
            yield index, receipt
