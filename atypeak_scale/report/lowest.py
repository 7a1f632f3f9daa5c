"""The lowest peaks of all sources, some of each: a catalogue's most suspicious source would fill any list."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.report_columns import LOWEST_PEAKS
from atypeak_scale.scoring.peak_table import PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block


@dataclass(frozen=True)
class LowestTask:
    """A block of peaks, and how many of each source to find in it."""

    article: Scores | None
    support: Scores | None
    block: Block
    count: int


def lowest_peaks(
    article: Scores | None, support: Scores | None, count: int, executor: Executor | None = None
) -> pd.DataFrame:
    """Return the peaks with the most doubt, or the lowest final score without support, the lowest first.

    They are the lowest peak of each source, then the second lowest of each, and so on, until there are
    `count`. Of equal doubt, the peak with less support comes first. Peaks without a score, or without any
    doubt, are left out.

    Parameters
    ----------
    article, support
        Complete scores of one cell line; one of them may be None.
    count
        How many peaks.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    pandas.DataFrame
        The columns of `LOWEST_PEAKS`; what needs scores that are not there is missing.

    """
    scores = support or article
    assert scores is not None
    executor, sources = executor or InProcess(), scores.cell_line.shape.sources
    each = min(count, 1 + 2 * count // sources)
    tasks = [LowestTask(article, support, block, each) for block in scores.cell_line.blocks("peaks")]
    found: pd.DataFrame | None = None
    for _, part in executor.map(_lowest, tasks, "lowest peaks"):
        found = _in_turn(part if found is None else pd.concat([found, part]), each)
    assert found is not None
    chosen = found.head(count).sort_values("peak", kind="stable")
    order = chosen.sort_values(["bad", "then", "peak"], ascending=[False, False, True], kind="stable")
    return _facts(article, support, chosen, order["peak"].to_numpy())


def _lowest(task: LowestTask) -> pd.DataFrame:
    """Return the lowest peaks of each source in a block, one row each: peak, source, badness."""
    scores, start = task.support or task.article, task.block.start
    assert scores is not None
    of_support = scores.objective == "support"
    bad = scores.read(v.DOUBT if of_support else v.FINAL, *task.block).astype(np.float64)
    # Many peaks share one doubt: the ones with less support are worse.
    then = scores.read(v.SUPPORT if of_support else v.FINAL, *task.block).astype(np.float64)
    source = scores.cell_line.peaks(*task.block).source
    frame = pd.DataFrame(
        {
            "peak": start + np.arange(len(bad)),
            "source": source,
            "bad": bad if of_support else -bad,
            "then": -then,
        }
    )
    return _in_turn(frame[bad > 0 if of_support else ~np.isnan(bad)], task.count)


def _in_turn(frame: pd.DataFrame, each: int) -> pd.DataFrame:
    """Return the worst of each source first, then the second worst of each, up to `each`."""
    ordered = frame.sort_values(
        ["bad", "then", "peak"], ascending=[False, False, True], kind="stable", ignore_index=True
    )
    turn = ordered.groupby("source").cumcount()
    kept = ordered[turn < each].assign(turn=turn)
    return kept.sort_values("turn", kind="stable", ignore_index=True).drop(columns="turn")


def _facts(
    article: Scores | None, support: Scores | None, chosen: pd.DataFrame, order: "np.typing.NDArray[np.int64]"
) -> pd.DataFrame:
    """Return the rows of the table for peaks that are sorted, in the order given."""
    several = [one for one in (article, support) if one is not None]
    cell_line, peaks = several[0].cell_line, chosen["peak"].to_numpy(np.int64)
    table = PeakTable(cell_line, *(one.group() for one in several))
    names = [column.name for column in LOWEST_PEAKS.named(cell_line.views)]
    parts = []
    for block in table.blocks():
        here = peaks[(peaks >= block.start) & (peaks < block.stop)]
        if here.size:
            columns = table.read(block)
            parts.append(
                pd.DataFrame(
                    {
                        name: columns[name][here - block.start] if name in columns else np.nan
                        for name in names
                    },
                    index=here,
                )
            )
    found = pd.concat(parts) if parts else pd.DataFrame(columns=names)
    return found.loc[order].reset_index(drop=True)
