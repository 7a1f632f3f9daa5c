"""Intervals on disk, by contig and stretch of it, so that they can be sorted one stretch at a time."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

STRETCH = 1 << 25  # bp sorted at once: about a hundred stretches in a human genome


class Stretches:
    """Files of unsorted records with a `start` (bp), by contig and number of the stretch.

    Files are numbered, because names must not choose a path.
    """

    def __init__(self, folder: Path, dtype: np.dtype[Any]) -> None:
        self._folder, self._dtype = folder, dtype
        self._files: defaultdict[str, dict[int, Path]] = defaultdict(dict)
        self._count = 0

    @property
    def contigs(self) -> list[str]:
        """The contigs that have records, in the order they appeared."""
        return list(self._files)

    def append(self, contig: str, records: npt.NDArray[np.void]) -> None:
        """Append records of a contig to the files of their stretches."""
        files, stretch = self._files[contig], records["start"] // STRETCH
        for number in np.unique(stretch).tolist():
            if number not in files:
                files[number] = self._folder / f"unsorted-{self._count}"
                self._count += 1
            with files[number].open("ab") as out:
                records[stretch == number].tofile(out)

    def taken(self, contig: str) -> Iterator[npt.NDArray[np.void]]:
        """Yield the records of each stretch of a contig, from its start to its end; delete their files."""
        files = self._files[contig]
        for number in sorted(files):
            records = np.fromfile(files[number], self._dtype)
            files[number].unlink()
            yield records
