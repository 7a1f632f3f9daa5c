"""Which peaks another dataset of the same TR has too: sources of one label of the second view, compared.

Nothing is trained: `confirmation` asks how well a score that has not seen them tells such peaks.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.assess.description.spool import Spool
from atypeak_scale.assess.evidence.replicates import Intervals
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.store.cell_line import Block, CellLine

PEAK = np.dtype([("source", np.int32), ("contig", np.int32), ("start", np.int64), ("end", np.int64)])


@dataclass(frozen=True, eq=False)
class Confirmed:
    """What the other sources of its label say of each source: int64 (sources,) each.

    others: how many others there are; peaks: of the source; confirmed: those of them that share a bp with
    a peak of another.
    """

    others: npt.NDArray[np.int64]
    peaks: npt.NDArray[np.int64]
    confirmed: npt.NDArray[np.int64]

    @property
    def share(self) -> npt.NDArray[np.float64]:
        """Share of the peaks that are confirmed, NaN without another source, (sources,)."""
        known = (self.others > 0) & (self.peaks > 0)
        share = np.full(len(known), np.nan)
        np.divide(self.confirmed, self.peaks, out=share, where=known)
        return share


@dataclass(frozen=True)
class PeaksTask:
    """A block of catalogue peaks."""

    cell_line: CellLine
    block: Block


def confirmed(cell_line: CellLine, executor: Executor | None = None) -> Confirmed:
    """Count the peaks of each source that another source of the same label of the second view has too.

    Only peaks in the CRMs in use are known, and so a peak outside confirms nothing. The peaks of one label
    are in memory at a time, 24 bytes each and a few copies; the rest is in a temporary folder.

    Parameters
    ----------
    cell_line
        The data.
    executor
        Where the work runs; None means this process.

    """
    label = cell_line.cells[:, 1]
    sources = cell_line.shape.sources
    others = np.bincount(label)[label].astype(np.int64) - 1
    found = Confirmed(others, np.zeros(sources, np.int64), np.zeros(sources, np.int64))
    tasks = [PeaksTask(cell_line, block) for block in cell_line.blocks("peaks")]
    with tempfile.TemporaryDirectory(prefix="atypeak-confirmed-") as folder:
        spool = Spool(Path(folder), PEAK)
        for _, records in (executor or InProcess()).map(_peaks, tasks, "confirmed"):
            spool.add(label[records["source"]], records)
        for number in spool.groups():
            records = spool.read(number)
            records = records[np.lexsort((records["start"], records["contig"]))]
            for source, peaks, of_others in _counts(records):
                found.peaks[source], found.confirmed[source] = peaks, of_others
    return found


def _peaks(task: PeaksTask) -> npt.NDArray[np.void]:
    peaks = task.cell_line.peaks(*task.block)
    records = np.empty(len(peaks.source), PEAK)
    records["source"], records["contig"] = peaks.source, peaks.contig
    records["start"], records["end"] = peaks.start_bp, peaks.end_bp
    return records


def _counts(records: npt.NDArray[np.void]) -> Iterator[tuple[int, int, int]]:
    """Yield each source of one label with its peaks, and how many of them another one has too."""
    for source in np.unique(records["source"]).tolist():
        mine = records["source"] == source
        own, others = records[mine], Intervals(*_columns(records[~mine]))
        yield source, len(own), int(others.touch(*_columns(own)).sum())


def _columns(records: npt.NDArray[np.void]) -> tuple[Any, Any, Any]:
    return records["contig"], records["start"], records["end"]
