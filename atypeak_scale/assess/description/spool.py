"""Records in one file per group, for a few groups, so that only one group at a time is in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


class Spool:
    """Files of records of one dtype in a folder, each named by the number of its group."""

    def __init__(self, folder: Path, dtype: np.dtype[np.void]) -> None:
        """`folder` must exist and hold nothing else."""
        self._folder, self._dtype = folder, dtype

    def add(self, group: npt.NDArray[np.integer[Any]], records: npt.NDArray[np.void]) -> None:
        """Append each record to the file of its group, (records,) each."""
        order = np.argsort(group, kind="stable")
        numbers, counts = np.unique(group, return_counts=True)
        ends = np.cumsum(counts)
        for number, start, end in zip(numbers.tolist(), ends - counts, ends, strict=True):
            with (self._folder / str(number)).open("ab") as file:
                records[order[start:end]].tofile(file)

    def groups(self) -> list[int]:
        """Return the groups that have a record, in order."""
        return sorted(int(file.name) for file in self._folder.iterdir())

    def read(self, group: int) -> npt.NDArray[np.void]:
        """Return all records of a group in the order in which they were added; may be empty."""
        file = self._folder / str(group)
        return np.fromfile(file, self._dtype) if file.exists() else np.empty(0, self._dtype)
