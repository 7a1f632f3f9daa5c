"""Peaks in CRMs: what is counted and compared when the unit is a CRM (article, Fig. 6).

A peak is a member of every CRM that it overlaps. It counts once there, however many of the CRM's windows it
touches, with the same score in each CRM. So a peak across the border of two CRMs counts in both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.execution.executor import Executor
from atypeak_scale.scoring.named_scores import named_score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block

ROW_CHUNKS_PER_TASK = 8
MEMBER = np.dtype([("crm", np.int64), ("label", np.int32), ("score", np.float32)])


@dataclass(frozen=True)
class MembersTask:
    """A block of rows of some scores, and the name of one of them; None takes their default."""

    scores: Scores
    block: Block
    score: str | None = None


def crm_members(
    scores: Scores, executor: Executor, score: str | None = None
) -> Iterator[npt.NDArray[np.void]]:
    """Yield the members of all CRMs as MEMBER records, block by block, in any order.

    crm: row of the CRM file; label: index of the peak's label in the second view; score: its score of that
    name, None for the default; NaN if it has none.

    Raises
    ------
    InputError
        If there is no such score.
    StageMissingError
        If the results are not complete.

    """
    name = named_score(scores, score).name
    scores.require_complete()
    blocks = scores.cell_line.blocks("rows", ROW_CHUNKS_PER_TASK)
    tasks = [MembersTask(scores, block, name) for block in blocks]
    for _, members in executor.map(members_of_rows, tasks, "peaks"):
        yield members


def members_of_rows(task: MembersTask) -> npt.NDArray[np.void]:
    """Return the MEMBER records for those rows of a block in which a peak enters a CRM."""
    cell_line = task.scores.cell_line
    rows = cell_line.rows(*task.block)
    low, high = int(rows.window[0]), int(rows.window[-1]) + 1
    windows, window = cell_line.windows(low, high), rows.window - low
    # Read one by one: a peak may begin far before its window, and may be anywhere in the catalogue.
    peak_start = cell_line.peak_starts(rows.peak)
    # The windows of a CRM are adjacent, so a peak enters it in the window that holds its first base pair
    # there.
    enters = np.maximum(peak_start, windows.crm_start[window]) >= windows.start_bp[window]
    members = np.empty(int(enters.sum()), MEMBER)
    members["crm"] = windows.crm[window[enters]]
    members["label"] = cell_line.cells[rows.source[enters], 1]
    score = named_score(task.scores, task.score)
    members["score"] = score.read_elements(task.scores, rows.peak[enters])
    return members
