"""What the model rebuilds at peaks of each kind, and in cells without a peak.

Article, Additional file 1; method, section 8. Stacks and the watermark are rebuilt, and so are phantoms of
the stack's group, but not those of other groups. Noise is rebuilt less, because the peaks that usually go
with it are absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.assess.evidence.artificial import (
    RELIABILITY,
    Span,
    contig_ranges,
    labelled,
    peak_truth,
    reliability_of,
)
from atypeak_scale.catalogue.names import Source
from atypeak_scale.catalogue.truth import KINDS, Truth, read_truth
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.scoring.blocks import row_maxima
from atypeak_scale.scoring.scores import Scores

CELL_KINDS = (*KINDS, "phantom")
PHANTOM = len(KINDS)
# Whether the second label of a source is in the group that the CRM's stack was drawn from.
GROUPS = ("same", "other", "none")
SAME, OTHER, NEITHER = range(3)
VALUE_STEP = 0.01
KEY = ["kind", "place", "group", "related", "rebuilt"]
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ContigTask:
    """A contig of some scores: its windows, its catalogue peaks, and the truth of all contigs."""

    scores: Scores
    truth: Truth
    contig: str
    windows: Span
    peaks: Span


def rebuilt_by_kind(scores: Scores, truth: str | Path, executor: Executor | None = None) -> pd.DataFrame:
    """Count rebuilt values of peaks and phantoms of an artificial store (article, Additional file 1).

    The value of a peak is the largest h(X) over its bins in a window. A phantom is a cell (dataset, TR)
    without a peak in the window; its value is the largest h(X) over all bins.

    Parameters
    ----------
    scores
        They name the cell line, the model and the crumbs of its windows. The store need not be scored.
    truth
        The table that `simulate` wrote.
    executor
        Where the work runs; None means this process. Each contig is a task; the generator makes one for every
        20,000 CRMs.

    Returns
    -------
    DataFrame
        Index: kind (watermark, noise, stack, phantom); place (reliable: in a dataset that stacks are drawn
        from, unreliable, watermark: in the watermark's source); group (same: the TR is of the group that the
        CRM's stack was drawn from, other, none: the watermark's source, or no peak of the stack is left);
        related: number of other peaks in the window of the same dataset or TR; rebuilt: lower end of an
        interval of `VALUE_STEP`. Columns: peaks, total (sum of their values), squares (sum of the values
        squared).

    Raises
    ------
    InputError
        If `truth` is not a truth table, or lacks a peak of the store; if the model is an ensemble.

    """
    scores.refuse_several()
    known = read_truth(truth)
    windows = contig_ranges(scores.cell_line, "windows")
    tasks = [
        ContigTask(scores, known, contig, windows[contig], peaks)
        for contig, peaks in contig_ranges(scores.cell_line, "peaks").items()
    ]
    executor = executor or InProcess()
    found = {task.contig: counts for task, counts in executor.map(_count_contig, tasks, "rebuild")}
    return _added([found[task.contig] for task in tasks])


def summarize_rebuilt(found: pd.DataFrame, by: tuple[str, ...] = ("kind", "place", "group")) -> pd.DataFrame:
    """Return number, mean, sd (n - 1) and quartiles of the values in `found`, for each case of `by`.

    `found` is what `rebuilt_by_kind` returned. Quartiles are the middles of the `VALUE_STEP` intervals that
    hold them.
    """
    sums = found.groupby(list(by), observed=True).sum()
    mean = sums["total"] / sums["peaks"]
    spread = (sums["squares"] - sums["peaks"] * mean**2).clip(lower=0) / (sums["peaks"] - 1)
    columns = {"peaks": sums["peaks"], "mean": mean, "sd": np.sqrt(spread)}
    values = found["peaks"].groupby([*by, "rebuilt"], observed=True).sum().reset_index("rebuilt")
    for name, share in (("lower_quartile", 0.25), ("median", 0.5), ("upper_quartile", 0.75)):
        below = values.groupby(list(by), observed=True)["peaks"].cumsum()
        reached = values[below >= share * sums["peaks"].reindex(values.index)]
        columns[name] = reached.groupby(list(by), observed=True)["rebuilt"].first() + VALUE_STEP / 2
    return pd.DataFrame(columns)


def _added(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts).groupby(KEY, observed=True).sum()


def _count_contig(task: ContigTask) -> pd.DataFrame:
    """Return the counts of `rebuilt_by_kind` for one contig."""
    cell_line, engine = task.scores.cell_line, task.scores.engine()
    cells = _Cells(task.truth, engine.labels, [i * engine.shape[1] + j for i, j in engine.cells])
    rows = _Rows(task)
    step = engine.windows_at_once(cells.shape[0] * cells.shape[1])
    first, stop = task.windows
    parts = []
    for start in range(first, stop, step):
        occupancy = cell_line.occupancy(start, min(start + step, stop))
        for offset, rebuilt in engine.rebuilt_windows(occupancy, of_sources=False):
            low = start + offset
            parts.append(_count(cells, rows, low, rebuilt.reshape(*rebuilt.shape[:2], -1)))
    return _added(parts)


class _Cells:
    """The m x n cells of a model: which of them are sources of the store, their reliability and groups."""

    def __init__(
        self, truth: Truth, labels: tuple[tuple[str, ...], tuple[str, ...]], of_source: list[int]
    ) -> None:
        self.shape = len(labels[0]), len(labels[1])
        self.of_source = np.array(of_source)
        cells: list[Source] = [(first, second) for first in labels[0] for second in labels[1]]
        self.place = reliability_of(truth, cells)
        is_member = [[second in members for _, second in cells] for members in truth.groups.values()]
        relation = np.where(np.array(is_member).reshape(-1, len(cells)), SAME, OTHER)
        relation[:, self.place == RELIABILITY.index("watermark")] = NEITHER
        # The last row is for windows without a group, whose group number is -1.
        self.relation = np.vstack([relation, np.full(len(cells), NEITHER)])


class _Rows:
    """The (peak, window) rows of a contig, the kind of their peaks, and the group of each window's CRM."""

    def __init__(self, task: ContigTask) -> None:
        cell_line = task.scores.cell_line
        peaks = cell_line.peaks(*task.peaks)
        rows = cell_line.rows(int(peaks.first_row.min()), int(peaks.last_row.max()) + 1)
        self.window, self.source = rows.window, rows.source
        self.first_bin, self.last_bin = rows.first_bin, rows.last_bin
        kind, group = peak_truth(task.truth, cell_line, task.contig, task.peaks)
        peak = rows.peak - peaks.start
        self.kind = kind[peak]
        number = {of_truth: at for at, of_truth in enumerate(task.truth.groups)}
        windows = cell_line.windows(*task.windows)
        _, crm = np.unique(windows.crm, return_inverse=True)
        in_stack = group[peak] >= 0
        of_crm = np.full(len(crm), -1)
        of_crm[crm[self.window[in_stack] - windows.start]] = [
            number[of_peak] for of_peak in group[peak[in_stack]].tolist()
        ]
        self.group_of_window, self.first_window = of_crm[crm], windows.start


def _count(cells: _Cells, rows: _Rows, low: int, rebuilt: FloatArray) -> pd.DataFrame:
    """Count the values of a pass: h(X), float32 (windows, bins, m * n), of the windows from `low`."""
    m, n = cells.shape
    here = slice(*np.searchsorted(rows.window, [low, low + len(rebuilt)]))
    window, cell = rows.window[here] - low, cells.of_source[rows.source[here]]
    group = rows.group_of_window[low - rows.first_window :][: len(rebuilt)]
    peaks = np.bincount(window * (m * n) + cell, minlength=len(rebuilt) * m * n).reshape(-1, m, n)
    # A peak of both the same dataset and the same TR counts once, not twice.
    related = peaks.sum(axis=2, keepdims=True) + peaks.sum(axis=1, keepdims=True) - peaks
    related = related.reshape(len(rebuilt), m * n)
    value = row_maxima(rebuilt, window, cell, rows.first_bin[here], rows.last_bin[here])
    empty_window, empty_cell = np.nonzero(peaks.reshape(len(rebuilt), m * n) == 0)
    phantom = rebuilt.max(axis=1)[empty_window, empty_cell]
    window = np.concatenate([window, empty_window])
    cell = np.concatenate([cell, empty_cell])
    kind = np.concatenate([rows.kind[here], np.full(len(phantom), PHANTOM)])
    values = np.concatenate([value, phantom]).astype(np.float64)
    table = pd.DataFrame(
        {
            "kind": labelled(kind, CELL_KINDS),
            "place": labelled(cells.place[cell], RELIABILITY),
            "group": labelled(cells.relation[group[window], cell], GROUPS),
            "related": related[window, cell] - (kind != PHANTOM),
            "rebuilt": np.floor(values / VALUE_STEP) * VALUE_STEP,
            "peaks": 1,
            "total": values,
            "squares": values**2,
        }
    )
    return _added([table.set_index(KEY)])
