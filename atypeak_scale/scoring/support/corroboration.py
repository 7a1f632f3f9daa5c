"""Fit and apply the regressions on the other sources, and count these (method, sections 9.3, 9.10).

draw     placements of every source                                     (here, in this process)
sample   some peaks and placements of every source, and their gaps      (a task a block of rows or placements)
fit      the regressions of a source, cross-fitted by folds of CRMs     (a task some sources)
apply    log-odds and counts of every row and placement                 (a task a block of rows or placements)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.folds import fold_of_crm
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.support.neighbours import (
    SUMS,
    gaps,
    overlapping_sources,
    overlaps_own,
    sources_in_window,
)
from atypeak_scale.scoring.support.placements import NO_WINDOW, Drawn, Placements, draw_placements
from atypeak_scale.scoring.support.regression import KINDS, Regression, fit, log_odds
from atypeak_scale.store.cell_line import Block, CellLine, cut

MOST_SAMPLED = 4000  # peaks, and placements, that the regressions of a source are fitted to, about
SAMPLE_BYTES = 256 << 20  # of the gaps that one task fits to
FIT_TASKS = 8  # at least, if there are as many sources
DRAWN, SAMPLED, FITTED = "drawn", "sampled", "fitted"


@dataclass(frozen=True)
class Asked:
    """Intervals in windows, sorted by window: peaks of rows, or placements; (intervals,) each.

    window: index into the store's windows, or NO_WINDOW; crm: row in the CRM file; first, last: bins, both
    included.
    """

    window: npt.NDArray[np.int64]
    crm: npt.NDArray[np.int64]
    source: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]

    def occupancy(self, cell_line: CellLine) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
        """Read the windows that the intervals lie in, each once: (windows, bins, sources), index into it.

        Intervals without a window share one that is empty, which comes first.
        """
        unique, at = np.unique(self.window, return_inverse=True)
        occupancy = np.zeros((len(unique), *cell_line.shape[1:]), bool)
        has_window = unique != NO_WINDOW
        occupancy[has_window] = cell_line.some_occupancy(unique[has_window])
        return occupancy, at

    def chosen(self, which: npt.NDArray[np.bool_]) -> "Asked":
        """Return some of the intervals."""
        return Asked(*(column[which] for column in vars(self).values()))


def asked_of_rows(cell_line: CellLine, block: Block) -> Asked:
    """Return the peaks of a block of rows."""
    rows = cell_line.rows(*block)
    low = int(rows.window[0])
    crm = cell_line.windows(low, int(rows.window[-1]) + 1).crm[rows.window - low]
    return Asked(rows.window, crm, rows.source, rows.first_bin, rows.last_bin)


def asked_of_placements(placements: Placements, block: Block) -> Asked:
    """Return a block of placements."""
    columns = (v.PLACED_WINDOW, v.PLACED_CRM, v.PLACED_SOURCE, v.PLACED_FIRST_BIN, v.PLACED_LAST_BIN)
    return Asked(*(placements.read(column, *block) for column in columns))


@dataclass(frozen=True)
class BlockTask:
    """A block of rows, or of placements; number: its place among all blocks, rows first."""

    placements: Placements
    block: Block
    is_real: bool
    number: int

    def asked(self) -> Asked:
        """Read the intervals of the block."""
        if self.is_real:
            return asked_of_rows(self.placements.cell_line, self.block)
        return asked_of_placements(self.placements, self.block)


@dataclass(frozen=True)
class SampleTask:
    """A block to sample from; rate: share of the intervals of each source to take, (sources,)."""

    of: BlockTask
    rate: npt.NDArray[np.float64]

    def is_sampled(self, source: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """Return which of the block's intervals are in the sample; source: that of each."""
        seed = np.random.SeedSequence(self.of.placements.settings.seed, spawn_key=(1, self.of.number))
        sampled: npt.NDArray[np.bool_] = np.random.default_rng(seed).random(len(source)) < self.rate[source]
        return sampled


@dataclass(frozen=True)
class FitTask:
    """Some consecutive sources, whose regressions are fitted in one task."""

    placements: Placements
    sources: Block


def complete_placements(placements: Placements, executor: Executor) -> None:
    """Draw the placements, fit the regressions and apply them, as far as this was not done before.

    Raises
    ------
    InputError
        If the store does not know its windows without a peak, or the location cannot be written.

    """
    blocks = blocks_of(placements)
    is_damaged = placements.exists() and placements.has_lost()
    is_fitted = placements.exists() and placements.is_marked(FITTED)
    if is_fitted and not is_damaged and not _missing(placements, blocks):
        return
    with placements.writing():
        if is_damaged:
            placements.unmark(DRAWN, SAMPLED, FITTED)  # all of it is made again, from the same seed
        if not (placements.exists() and placements.is_marked(SAMPLED)):
            samples = _sample_tasks(placements, blocks)
            if not (placements.exists() and placements.is_marked(DRAWN)):
                _draw(placements, samples)
            executor.run(sample_block, samples, "neighbours")
            placements.mark(SAMPLED)
        if not placements.is_marked(FITTED):
            executor.run(fit_sources, _fit_tasks(placements), "regressions")
            placements.mark(FITTED)
        missing = blocks if is_damaged else _missing(placements, blocks)
        executor.run(apply_block, missing, "corroboration")
        placements.finish()


def blocks_of(placements: Placements) -> list[BlockTask]:
    """Return the blocks of rows, then those of placements."""
    real = [(block, True) for block in placements.cell_line.blocks("rows")]
    placed = [(block, False) for block in placements.blocks()]
    return [BlockTask(placements, *one, number) for number, one in enumerate([*real, *placed])]


def chosen_blocks(
    blocks: list[BlockTask], choose: Callable[[bool, list[Block]], list[Block]]
) -> list[BlockTask]:
    """Return those of some blocks that `choose` returns, of rows (True) and of placements (False)."""
    chosen = {
        kind: set(choose(kind, [one.block for one in blocks if one.is_real == kind]))
        for kind in (True, False)
    }
    return [one for one in blocks if one.block in chosen[one.is_real]]


def _missing(placements: Placements, blocks: list[BlockTask]) -> list[BlockTask]:
    marks = {True: v.ROW_REGRESSION, False: v.PLACED_REGRESSION}
    return chosen_blocks(blocks, lambda is_real, some: placements.missing(marks[is_real], some))


def _sample_tasks(placements: Placements, blocks: list[BlockTask]) -> list[SampleTask]:
    """Return the tasks that sample; peaks and placements of a source are about equally many."""
    cell_line = placements.cell_line
    rows = np.zeros(cell_line.shape.sources, np.int64)
    for block in cell_line.blocks("rows"):
        rows += np.bincount(cell_line.rows(*block).source, minlength=len(rows))
    wanted = np.minimum(rows, MOST_SAMPLED)
    rates = {True: wanted / rows, False: np.minimum(1, wanted / placements.settings.placements)}
    return [SampleTask(task, rates[task.is_real]) for task in blocks]


def _draw(placements: Placements, samples: list[SampleTask]) -> None:
    """Draw the placements, and create the group with room for the sample."""
    cell_line, settings = placements.cell_line, placements.settings
    drawn = draw_placements(cell_line, settings)
    if not placements.exists():
        sources = cell_line.shape.sources
        sizes = {
            **placements.sizes,
            "sample_block": len(samples),
            "slot": max(1, *(_sampled(task, drawn) for task in samples)),
            "fold": settings.folds,
            "feature": KINDS * sources + SUMS,
        }
        placements.create(sizes)
    columns = (v.PLACED_WINDOW, v.PLACED_CRM, v.PLACED_SOURCE, v.PLACED_FIRST_BIN, v.PLACED_LAST_BIN)
    for variable, values in zip(columns, vars(drawn).values(), strict=True):
        placements.write(variable, 0, values)
    placements.mark(DRAWN)


def _sampled(task: SampleTask, drawn: Drawn) -> int:
    """Return how many intervals of a block are in the sample."""
    block, cell_line = task.of.block, task.of.placements.cell_line
    source = cell_line.rows(*block).source if task.of.is_real else drawn.source[slice(*block)]
    return int(task.is_sampled(source).sum())


def sample_block(task: SampleTask) -> int:
    """Write the sampled intervals of a block, with their gaps to every source; return their number."""
    placements, number = task.of.placements, task.of.number
    asked = task.of.asked()
    asked = asked.chosen(task.is_sampled(asked.source))
    if not task.of.is_real:
        asked = _off_own_peaks(placements.cell_line, asked)
    found = _gaps(placements.cell_line, asked)
    fold = _folds(placements, asked)
    slots = placements.shape(v.SAMPLE_SOURCE)[1]
    padded = {
        v.SAMPLE_SOURCE: np.full((1, slots), -1, np.int32),
        v.SAMPLE_FOLD: np.zeros((1, slots), np.int32),
        v.SAMPLE_REAL: np.zeros((1, slots), bool),
        v.SAMPLE_GAPS: np.zeros((1, slots, found.shape[1]), np.int32),
    }
    values = (asked.source, fold, np.full(len(fold), task.of.is_real), found)
    for (variable, array), of_sample in zip(padded.items(), values, strict=True):
        array[0, : len(fold)] = of_sample
        placements.write(variable, number, array)
    return len(fold)


def _off_own_peaks(cell_line: CellLine, asked: Asked) -> Asked:
    """Leave out placements on peaks of their own source: those are no examples of random places."""
    occupancy, at = asked.occupancy(cell_line)
    return asked.chosen(~overlaps_own(occupancy, at, asked.source, asked.first, asked.last))


def _gaps(cell_line: CellLine, asked: Asked) -> npt.NDArray[np.int32]:
    occupancy, at = asked.occupancy(cell_line)
    found: npt.NDArray[np.int32] = gaps(occupancy, at, asked.source, asked.first, asked.last)
    return found


def _folds(placements: Placements, asked: Asked) -> npt.NDArray[np.int64]:
    return fold_of_crm(asked.crm, placements.settings.folds, placements.settings.seed)


def _fit_tasks(placements: Placements) -> list[FitTask]:
    sources = placements.cell_line.shape.sources
    by_memory = SAMPLE_BYTES // (2 * MOST_SAMPLED * sources * np.int32().itemsize)
    length = max(1, min(by_memory, -(-sources // FIT_TASKS)))
    return [FitTask(placements, some) for some in cut(sources, length)]


def fit_sources(task: FitTask) -> None:
    """Fit the regressions of some sources and write them."""
    placements = task.placements
    folds, (_, bin_) = placements.settings.folds, placements.cell_line.frame
    source, fold, real, found = _sample_of(task)
    regressions = []
    for number in range(*task.sources):
        is_real, is_placed = (source == number) & real, (source == number) & ~real
        regressions.append(fit(found[is_real], fold[is_real], found[is_placed], fold[is_placed], folds, bin_))
    start = task.sources.start
    placements.write(v.COEFFICIENT, start, np.stack([one.coefficients for one in regressions]))
    placements.write(v.INTERCEPT, start, np.stack([one.intercept for one in regressions]))


def _sample_of(task: FitTask) -> tuple[npt.NDArray[Any], ...]:
    """Return source, fold, whether it is real, and gaps of the sample of some sources."""
    placements, parts = task.placements, []
    blocks, slots = placements.shape(v.SAMPLE_SOURCE)
    of_block = slots * placements.cell_line.shape.sources * np.int32().itemsize
    for some in cut(blocks, max(1, SAMPLE_BYTES // of_block)):
        source = placements.read(v.SAMPLE_SOURCE, *some)
        wanted = (source >= task.sources.start) & (source < task.sources.stop)
        others = (placements.read(one, *some) for one in (v.SAMPLE_FOLD, v.SAMPLE_REAL, v.SAMPLE_GAPS))
        parts.append((source[wanted], *(column[wanted] for column in others)))
    return tuple(np.concatenate(column) for column in zip(*parts, strict=True))


def regression_of(placements: Placements, source: int) -> Regression:
    """Return the regressions of one source."""
    pair = (placements.read(variable, source, source + 1)[0] for variable in (v.COEFFICIENT, v.INTERCEPT))
    return Regression(*pair)


def regressions_of(placements: Placements) -> list[Regression]:
    """Return the regressions of every source."""
    pairs = zip(placements.read(v.COEFFICIENT), placements.read(v.INTERCEPT), strict=True)
    return [Regression(coefficients, intercept) for coefficients, intercept in pairs]


def apply_block(task: BlockTask) -> None:
    """Write the log-odds and the counts of a block of rows or placements."""
    placements, asked = task.placements, task.asked()
    (_, bin_), regressions = placements.cell_line.frame, regressions_of(placements)
    found, fold = _gaps(placements.cell_line, asked), _folds(placements, asked)
    odds = np.empty(len(fold), np.float32)
    for number in np.unique(asked.source).tolist():
        of_source = asked.source == number
        odds[of_source] = log_odds(regressions[number], found[of_source], fold[of_source], bin_)
    counts = overlapping_sources(found).astype(np.float32), sources_in_window(found).astype(np.float32)
    variables = (
        (v.ROW_OVERLAPS, v.ROW_IN_WINDOW, v.ROW_REGRESSION) if task.is_real
        else (v.PLACED_OVERLAPS, v.PLACED_IN_WINDOW, v.PLACED_REGRESSION)
    )  # fmt: skip
    # The log-odds come last: they mark the block as done.
    for variable, values in zip(variables, (*counts, odds), strict=True):
        placements.write(variable, task.block.start, values)
