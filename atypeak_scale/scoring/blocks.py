"""The tasks of scoring: one block of rows, then one block of peaks (method, section 4).

A block of rows is a chunk of the array of (peak, window) rows. Its task rebuilds the windows of these rows
and writes that one chunk. No two tasks share a chunk, and a chunk without NaN means that its block is done;
rows of sources that the model does not know stay NaN.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.registry.variables import RAW, REBUILT_SCORE
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block


@dataclass(frozen=True)
class ScoreTask:
    """A block of rows or of peaks of some scores."""

    scores: Scores
    block: Block


def score_rows(task: ScoreTask) -> int:
    """Score the rows of a block and write their chunk; return the number of windows rebuilt."""
    cell_line = task.scores.cell_line
    rows = cell_line.rows(*task.block)
    window = rows.window
    low, high = int(window[0]), int(window[-1]) + 1
    known = task.scores.known
    engine = task.scores.engine(of_known=True)
    result = np.full(len(window), np.nan, np.float32)
    for offset, ratios in engine.ratios(known.occupancy(cell_line.occupancy(low, high))):
        start, stop = np.searchsorted(window, [low + offset, low + offset + len(ratios)])
        at = start + np.flatnonzero(known.mask[rows.source[start:stop]])
        result[at] = row_maxima(
            ratios,
            window[at] - low - offset,
            known.number[rows.source[at]],
            rows.first_bin[at],
            rows.last_bin[at],
        )
    task.scores.write(REBUILT_SCORE, task.block.start, result)
    return high - low


def row_maxima(
    ratios: npt.NDArray[np.float32],
    window: npt.NDArray[np.int64],
    source: npt.NDArray[np.integer],
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
) -> npt.NDArray[np.float32]:
    """Return the largest ratio of each row over its bins, first and last included.

    ratios: float32 (windows, bins, sources); the others: (rows,), with `window` counted within `ratios`.
    """
    _, bins, sources = ratios.shape
    flat = np.append(ratios.transpose(0, 2, 1).ravel(), np.float32(0))
    line = (window * sources + source) * bins
    # reduceat takes the maximum over [start, next start), so every second segment lies between two rows.
    bounds = np.stack([line + first, line + last + 1], axis=1).ravel()
    return np.maximum.reduceat(flat, bounds)[::2] if len(bounds) else np.empty(0, np.float32)


def average_rows(task: ScoreTask) -> int:
    """Write `raw` of a block of catalogue peaks: the mean over each peak's rows."""
    start, stop = task.block
    rows, mine, peak = task.scores.cell_line.rows_of_peaks(start, stop)
    score = task.scores.read(REBUILT_SCORE, *rows).astype(np.float64)
    total = np.bincount(peak, score[mine], stop - start)
    count = np.bincount(peak, minlength=stop - start)
    task.scores.write(RAW, start, (total / count).astype(np.float32))
    return stop - start
