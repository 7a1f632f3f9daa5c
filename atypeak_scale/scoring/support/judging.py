"""From log-odds of rows and placements to support, p, q and doubt of every peak (method, 9.3 to 9.6).

add up   support of every peak, the mean over its rows           (a task a block of peaks)
compare  the peaks of a source with its placements               (a task some sources)
look up  p, q and doubt of every peak                            (a task a block of peaks)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.chance import Chance, chance, no_chance, p_by_rank, rank_among
from atypeak_scale.store.cell_line import Block, cut

SOURCES_AT_ONCE = 8
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PeaksTask:
    """A block of catalogue peaks."""

    scores: Scores
    block: Block


@dataclass(frozen=True)
class SourcesTask:
    """Some consecutive sources."""

    scores: Scores
    sources: Block


def judge(scores: Scores, executor: Executor) -> None:
    """Fill in support, p, q and doubt of every peak, and the figures of every source."""
    peaks = [PeaksTask(scores, block) for block in scores.cell_line.blocks("peaks")]
    sources = scores.cell_line.shape.sources
    executor.run(add_up, peaks, "support")
    groups = [SourcesTask(scores, some) for some in cut(sources, SOURCES_AT_ONCE)]
    _write_figures(scores, executor.reduce(compare, groups, "chance"))
    executor.run(look_up, peaks, "doubt")


def _write_figures(scores: Scores, chances: list[Chance]) -> None:
    for variable in v.CHANCE_VARIABLES:
        values = [getattr(one, variable.name) for one in chances]
        scores.write(variable, 0, np.array(values, object if variable.dtype is str else variable.dtype))


def add_up(task: PeaksTask) -> None:
    """Write the support of a block of peaks and its two parts: each is the mean over the peak's rows."""
    scores, (start, stop) = task.scores, task.block
    rows, mine, peak = scores.cell_line.rows_of_peaks(start, stop)
    windows = np.bincount(peak, minlength=stop - start)

    def mean(of_rows: FloatArray) -> FloatArray:
        total = np.bincount(peak, of_rows[mine].astype(np.float64), stop - start)
        averaged: FloatArray = (total / windows).astype(np.float32)
        return averaged

    network = mean(scores.read(v.ROW_NETWORK, *rows))
    regression = mean(scores.placements.read(v.ROW_REGRESSION, *rows))
    overlapping = np.zeros(stop - start, np.int32)
    of_rows = scores.placements.read(v.ROW_OVERLAPS, *rows)[mine].astype(np.int32)
    # Of several windows the most, because a source may overlap the peak in each of them.
    np.maximum.at(overlapping, peak, of_rows)
    for variable, values in (
        (v.NETWORK, network), (v.REGRESSION, regression), (v.OVERLAPPING, overlapping),
        (v.SUPPORT, network + regression),
    ):  # fmt: skip
        scores.write(variable, start, values)


def compare(task: SourcesTask) -> list[Chance]:
    """Compare the peaks of some sources with their placements; write the tables by rank, return the rest."""
    scores, (start, stop) = task.scores, task.sources
    real, crm, source = peaks_of_sources(scores, task.sources)
    placed, placed_crm, placed_source = placed_support(scores)
    chances = []
    number = scores.chance.placements
    tables = {
        v.PLACED_SUPPORT: np.empty((stop - start, number), np.float32),
        v.Q_BY_RANK: np.empty((stop - start, number + 1), np.float32),
        v.DOUBT_BY_RANK: np.empty((stop - start, number + 1), np.float32),
    }
    for one in range(start, stop):
        mine, theirs = source == one, placed_source == one
        if theirs.sum() != number:
            raise DamagedError(
                f"{scores.location}/{scores.placements.path}: a chunk of placed_source is lost; "
                "remove this group and run 'atypeak-scale score' again"
            )
        if scores.known.mask[one]:
            seed = np.random.SeedSequence(scores.chance.seed, spawn_key=(2, one))
            rng = np.random.default_rng(seed)
            found = chance(real[mine], crm[mine], placed[theirs], placed_crm[theirs], rng)
        else:
            found = no_chance(int(mine.sum()), number)
        of_tables = np.sort(placed[theirs]), found.q_by_rank, found.doubt_by_rank
        for table, values in zip(tables.values(), of_tables, strict=True):
            table[one - start] = values
        chances.append(found)
    for variable, table in tables.items():
        scores.write(variable, start, table)
    return chances


def peaks_of_sources(
    scores: Scores, sources: Block
) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return support, CRM and source of every peak of some consecutive sources: (peaks,) each."""
    parts = []
    for block in scores.cell_line.blocks("peaks"):
        source = scores.cell_line.peaks(*block).source
        mine = (source >= sources.start) & (source < sources.stop)
        if mine.any():
            crm = scores.cell_line.crms_of_peaks(*block)
            parts.append((scores.read(v.SUPPORT, *block)[mine], crm[mine], source[mine]))
    support, crms, of_source = zip(*parts, strict=True)
    return np.concatenate(support), np.concatenate(crms), np.concatenate(of_source)


def placed_support(
    scores: Scores,
) -> tuple[FloatArray, npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return support, CRM and source of every placement: (placements,) each."""
    placements = scores.placements
    support = scores.read(v.PLACED_NETWORK) + placements.read(v.PLACED_REGRESSION)
    return support, placements.read(v.PLACED_CRM), placements.read(v.PLACED_SOURCE)


def look_up(task: PeaksTask) -> None:
    """Write p, q and doubt of a block of peaks, by their ranks among the placements of their source."""
    scores, start = task.scores, task.block.start
    source, support = scores.cell_line.peaks(*task.block).source, scores.read(v.SUPPORT, *task.block)
    columns = {
        variable: np.full(len(source), np.nan, np.float32) for variable in (v.P_RANDOM, v.Q_RANDOM, v.DOUBT)
    }
    p = p_by_rank(scores.chance.placements).astype(np.float32)
    for one in np.unique(source[scores.known.mask[source]]).tolist():
        mine = source == one
        placed, q, doubt = (
            scores.read(table, one, one + 1)[0] for table in (v.PLACED_SUPPORT, v.Q_BY_RANK, v.DOUBT_BY_RANK)
        )
        rank = rank_among(support[mine], placed)
        for values, by_rank in zip(columns.values(), (p, q, doubt), strict=True):
            values[mine] = by_rank[rank]
    for variable, values in columns.items():
        scores.write(variable, start, values)
