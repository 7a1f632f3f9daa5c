"""Which score tells the peaks of these data from random placements, and what it adds to counting.

Every score judges the same placements (method, sections 9.1 and 9.11).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.assess.evidence.placed import Placed, placed
from atypeak_scale.assess.evidence.resampling import (
    MANY_PEAKS,
    Compared,
    Float64Array,
    Resamples,
    aurocs,
    mean_over,
    with_interval,
)
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import EVIDENCE
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block, cut

SOURCES_AT_ONCE = 8
MEAN, MEAN_OF_SMALL, SOURCE = "mean", "mean of small", "source"
RAW, COUNT = v.RAW.name, v.OVERLAPPING.name
IN_WINDOW = "sources_in_window"
SCORES = (v.SUPPORT.name, v.NETWORK.name, v.REGRESSION.name, COUNT, IN_WINDOW)  # and perhaps RAW

Columns = dict[str, npt.NDArray[Any]]


def power(scores: Scores, article: Scores | None = None, executor: Executor | None = None) -> pd.DataFrame:
    """Return how well each score tells the real peaks of each source from random placements.

    Parameters
    ----------
    scores
        Complete scores of a model of support.
    article
        Raw scores of the same cell line by a model of the article, to compare with; normalized or not. Each
        placement is then a window to rebuild, so that all scores are compared on about 2,000 placements of
        each source instead of all.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    pandas.DataFrame
        The columns of `EVIDENCE`. First come means over the sources of at least 300 peaks, then means over
        the others, each if there are any, then the sources. There is a row for each score: support, network
        and regression, its two parts, overlapping_sources and sources_in_window, which are counts, and raw.
        Intervals are of 95%, by 200 resamples of CRMs.

    Raises
    ------
    InputError
        If the models are not of these kinds, or of different cell lines.
    StageMissingError
        If the results are not complete, or the article's are not scored.

    """
    executor = executor or InProcess()
    _check(scores, article)
    judged = placed(scores, article, executor)
    source = scores.placements.read(v.PLACED_SOURCE)[judged.index]
    tasks = []
    for of_task in cut(scores.cell_line.shape.sources, SOURCES_AT_ONCE):
        mine = (source >= of_task.start) & (source < of_task.stop)
        tasks.append(PowerTask(scores, article, of_task, judged.chosen(mine)))
    found = {task.sources.start: part for task, part in executor.map(compare, tasks, "compare")}
    parts = [found[task.sources.start] for task in tasks]
    return _table(
        scores, np.concatenate([one.aurocs for one in parts]),
        np.concatenate([one.peaks for one in parts]), np.concatenate([one.placements for one in parts]),
    )  # fmt: skip


def _check(scores: Scores, article: Scores | None) -> None:
    scores.require_support()
    scores.require_complete()
    if article is None:
        return
    if article.objective != "article":
        raise InputError(f"{article.model}: is no model of the article; name one, or only support", "model")
    if article.cell_line != scores.cell_line:
        raise InputError(f"{article.cell_line.store}: not the cell line that {scores.model} scored")
    if not article.has_raw():
        raise StageMissingError(
            f"{article.location}: not scored by this model ({article.name}); score it first",
            "score", article,
        )  # fmt: skip


@dataclass(frozen=True)
class PowerTask:
    """Some consecutive sources, and their placements."""

    scores: Scores
    article: Scores | None
    sources: Block
    placed: Placed


@dataclass(frozen=True)
class Powers:
    """AUROCs of some sources: float64 (sources, kinds, scores, 1 + resamples); what was compared.

    The kinds are: all placements; those in windows without the source; within strata of equal counts.
    """

    aurocs: Float64Array
    peaks: npt.NDArray[np.int64]
    placements: npt.NDArray[np.int64]


def compare(task: PowerTask) -> Powers:
    """Compare the real peaks of some sources with their placements, by every score."""
    real, low = _real(task), _placed(task)
    comparisons = []
    for number in range(*task.sources):
        high = {name: column[real["source"] == number] for name, column in real.items()}
        all_of_it = {name: column[low["source"] == number] for name, column in low.items()}
        apart = {name: column[~all_of_it["is_present"]] for name, column in all_of_it.items()}
        strata = high[COUNT].astype(np.int64), all_of_it[COUNT].astype(np.int64)
        comparisons += [_compared(high, all_of_it), _compared(high, apart),
                        _compared(high, all_of_it, strata)]  # fmt: skip
    found = aurocs(comparisons, Resamples(task.scores.cell_line, task.scores.chance.seed))
    length, start = task.sources.stop - task.sources.start, task.sources.start
    return Powers(
        found.reshape(length, 3, *found.shape[1:]),
        np.bincount(real["source"] - start, minlength=length),
        np.bincount(low["source"] - start, minlength=length),
    )


def _compared(
    high: Columns, low: Columns, strata: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
) -> Compared:
    names = [*SCORES, *((RAW,) if RAW in high else ())]
    return Compared(
        {name: high[name] for name in names}, {name: low[name] for name in names}, high["crm"], low["crm"],
        strata,
    )  # fmt: skip


def _real(task: PowerTask) -> Columns:
    """Return scores, source and CRM of the real peaks of some sources: (peaks,) each."""
    scores = task.scores
    parts: list[Columns] = []
    for block in scores.cell_line.blocks("peaks"):
        source = scores.cell_line.peaks(*block).source
        mine = (source >= task.sources.start) & (source < task.sources.stop)
        if not mine.any() and parts:
            continue
        columns = {one.name: scores.read(one, *block) for one in
                   (v.SUPPORT, v.NETWORK, v.REGRESSION, v.OVERLAPPING)}  # fmt: skip
        columns |= {IN_WINDOW: in_window(scores, block), "source": source}
        columns["crm"] = scores.cell_line.crms_of_peaks(*block)
        if task.article is not None:
            columns[RAW] = task.article.read(v.RAW, *block)
        parts.append({name: column[mine] for name, column in columns.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def in_window(scores: Scores, block: Block) -> npt.NDArray[np.float32]:
    """Return how many other sources are in the window of each peak of a block: (peaks,).

    The most of them if the peak is in several windows, as the count of overlapping sources has it.
    """
    rows, mine, peak = scores.cell_line.rows_of_peaks(*block)
    most = np.zeros(block.stop - block.start, np.float32)
    np.maximum.at(most, peak, scores.placements.read(v.ROW_IN_WINDOW, *rows)[mine])
    return most


def _placed(task: PowerTask) -> Columns:
    """Return scores, source and CRM of the placements of some sources: (placements,) each."""
    placements, index = task.scores.placements, task.placed.index
    network, regression = (
        task.scores.read(v.PLACED_NETWORK)[index],
        placements.read(v.PLACED_REGRESSION)[index],
    )
    columns: Columns = {
        v.SUPPORT.name: network + regression,
        v.NETWORK.name: network,
        v.REGRESSION.name: regression,
        COUNT: placements.read(v.PLACED_OVERLAPS)[index],
        IN_WINDOW: placements.read(v.PLACED_IN_WINDOW)[index],
        "source": placements.read(v.PLACED_SOURCE)[index],
        "crm": placements.read(v.PLACED_CRM)[index],
        "is_present": task.placed.is_present,
    }
    return columns if task.article is None else columns | {RAW: task.placed.raw}


def _table(
    scores: Scores, found: Float64Array, peaks: npt.NDArray[np.int64], placements: npt.NDArray[np.int64]
) -> pd.DataFrame:
    """Return the rows of means and of sources; found: (sources, kinds, scores, 1 + resamples)."""
    rows: list[tuple[Any, ...]] = []
    is_large = peaks >= MANY_PEAKS
    for scope, chosen in ((MEAN, is_large), (MEAN_OF_SMALL, ~is_large)):
        if chosen.any():
            counts = int(chosen.sum()), int(peaks[chosen].sum()), int(placements[chosen].sum())
            rows += _rows((scope, "", "", *counts), mean_over(found[chosen]))
    for number, labels in enumerate(scores.cell_line.sources):
        counts = 1, int(peaks[number]), int(placements[number])
        rows += _rows((SOURCE, *labels, *counts), found[number])
    names = [column.name for column in EVIDENCE.named(scores.cell_line.views)]
    return pd.DataFrame(rows, columns=names)


def _rows(head: tuple[Any, ...], found: Float64Array) -> list[tuple[Any, ...]]:
    """Return the row of each score; found: (kinds, scores, 1 + resamples)."""
    over, apart, adds = found
    count = over[SCORES.index(COUNT)]
    names = (*SCORES, RAW)[: len(over)]
    return [
        (*head, name, *with_interval(over[at]), *with_interval(over[at] - count), *with_interval(adds[at]),
         *with_interval(apart[at]))
        for at, name in enumerate(names)
    ]  # fmt: skip
