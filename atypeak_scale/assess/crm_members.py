"""Peaks in CRMs: what is counted and compared where a CRM is the unit (SPEC 7.3, 7.4).

A peak is a member of every CRM that it lies in, once, however many of the CRM's windows it touches. Its final
score is the same in each. A peak over the border of two CRMs therefore counts in both.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.execution.cluster import Progress, run_blocks
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.scoring.export import open_normalized
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import schema

ROW_CHUNKS_PER_TASK = 8
MEMBER = np.dtype([("crm", np.int64), ("label", np.int32), ("final", np.float32)])


def crm_members(run: ScoreRun, client: Any | None, progress: Progress) -> Iterator[npt.NDArray[np.void]]:
    """Yield the members of all CRMs as MEMBER records, block by block, in any order.

    crm: row of the CRM file; label: index of the peak's label in the second view; final: its final score.

    Raises
    ------
    InputError
        Where the store is not scored and normalized by this model.

    """
    data = schema.open_cell_line(run.store, run.cell_line)
    scores = open_normalized(data, run.results, run)
    rows = schema.array(data, "peak_window")
    length = rows.chunks[0] * ROW_CHUNKS_PER_TASK
    blocks = [
        (run.store, data.path, run.results, scores.path, start, start + length)
        for start in range(0, rows.shape[0], length)
    ]
    for _, members in run_blocks(members_of_rows, blocks, client, stage="peaks", progress=progress):
        yield members


def members_of_rows(
    store: Location, data_path: str, results: Location, scores_path: str, start: int, stop: int
) -> npt.NDArray[np.void]:
    """Return the MEMBER records of the rows [start, stop) in which a peak enters a CRM."""
    data = schema.open_group(store, data_path)
    scores = schema.open_group(results, scores_path)
    window = schema.read_array(data, "peak_window", start, stop)
    low, high = int(window[0]), int(window[-1]) + 1
    crm, crm_start, window_start = (
        schema.read_array(data, name, low, high)[window - low]
        for name in ("crm", "crm_start", "window_start")
    )
    # One by one: a peak may begin far before its window, and lie anywhere in the catalogue.
    peak = schema.read_array(data, "peak_catalogue", start, stop)
    peak_start = schema.read_elements(data, "catalogue_start", peak)
    # The windows of a CRM touch one another: a peak enters it in the window of its first base pair there.
    enters = np.maximum(peak_start, crm_start) >= window_start
    members = np.empty(int(enters.sum()), MEMBER)
    label_of_source = schema.read_array(data, f"source_{schema.views_of(data)[1]}")
    members["crm"] = crm[enters]
    members["label"] = label_of_source[schema.read_array(data, "peak_source", start, stop)[enters]]
    members["final"] = schema.read_elements(scores, "final", peak[enters])
    return members


def count_crms(data: zarr.Group) -> int:
    """Return one more than the largest row of a CRM of a cell line's group; reads a chunk at a time."""
    crm = schema.array(data, "crm")
    starts = range(0, crm.shape[0], crm.chunks[0])
    return 1 + max(
        int(schema.read_array(data, "crm", start, start + crm.chunks[0]).max()) for start in starts
    )
