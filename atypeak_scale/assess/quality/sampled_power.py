"""How well support by a model tells real peaks from random placements, on a sample (method, section 9.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from atypeak_scale.assess.evidence.resampling import MANY_PEAKS
from atypeak_scale.execution.progress import Event, tell
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import BlockTask, blocks_of
from atypeak_scale.scoring.support.network import network_log_odds
from atypeak_scale.scoring.support.placements import Placements

SAMPLED = 1000  # peaks, and placements, of each source, about
# Streams of random numbers beside those that the placements have used.
_OF_PEAKS, _OF_PLACEMENTS = 4, 5

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Intervals:
    """Sampled peaks, sorted, or placements; with their sources and their support: (intervals,) each."""

    source: IntArray
    support: FloatArray


def sampled_power(scores: Scores, placements: Placements) -> float:
    """Return the mean power of support over sources with at least 300 peaks, or over all if none has so many.

    Power of a source is the AUROC of about 1,000 of its peaks, all if it has fewer, against about 1,000 of
    its placements. The sample depends on the seed of the placements alone, so all models have the same.

    Parameters
    ----------
    scores
        Handle of the scores of a model of support; nothing needs to be scored, and nothing is written.
    placements
        Complete.

    """
    cell_line = placements.cell_line
    count = np.zeros(cell_line.shape.sources, np.int64)
    for block in cell_line.blocks("peaks"):
        count += np.bincount(cell_line.peaks(*block).source, minlength=len(count))
    judged = count >= MANY_PEAKS
    judged |= not judged.any()
    blocks = blocks_of(placements)
    tell(Event("power", 0, len(blocks)))
    real = _real(
        scores, blocks, _sampled_peaks(placements, np.where(judged, np.minimum(1, SAMPLED / count), 0))
    )
    placed = _placed(scores, blocks, np.where(judged, min(1, SAMPLED / placements.settings.placements), 0))
    powers = [
        auroc(real.support[real.source == one], placed.support[placed.source == one])
        for one in np.flatnonzero(judged)
    ]
    return float(np.mean(powers))


def _sampled_peaks(placements: Placements, rate: FloatArray) -> IntArray:
    """Return the sampled peaks, sorted; rate: share of the peaks of each source to take, (sources,)."""
    cell_line, parts = placements.cell_line, []
    for number, block in enumerate(cell_line.blocks("peaks")):
        source = cell_line.peaks(*block).source
        drawn = _rng(placements, _OF_PEAKS, number).random(len(source)) < rate[source]
        parts.append(block.start + np.flatnonzero(drawn))
    return np.concatenate(parts)


def _rng(placements: Placements, stream: int, number: int) -> np.random.Generator:
    seed = np.random.SeedSequence(placements.settings.seed, spawn_key=(stream, number))
    return np.random.default_rng(seed)


def _real(scores: Scores, blocks: list[BlockTask], peaks: IntArray) -> Intervals:
    """Return the support of sampled peaks, the mean over their rows."""
    total, rows, source = np.zeros(len(peaks)), np.zeros(len(peaks)), np.zeros(len(peaks), np.int64)
    for task in _told(blocks, is_real=True):
        of_row = scores.cell_line.rows(*task.block).peak
        at = np.searchsorted(peaks, of_row)
        wanted = np.isin(of_row, peaks)
        at = at[wanted]
        of_source, support = _support(scores, task, wanted)
        total += np.bincount(at, support, len(peaks))
        rows += np.bincount(at, minlength=len(peaks))
        source[at] = of_source
    return Intervals(source, total / rows)


def _placed(scores: Scores, blocks: list[BlockTask], rate: FloatArray) -> Intervals:
    """Return the support of sampled placements."""
    parts = []
    for task in _told(blocks, is_real=False):
        source = task.placements.read(v.PLACED_SOURCE, *task.block)
        drawn = _rng(task.placements, _OF_PLACEMENTS, task.number).random(len(source))
        parts.append(_support(scores, task, drawn < rate[source]))
    source, support = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Intervals(source, support)


def _told(blocks: list[BlockTask], is_real: bool) -> Iterator[BlockTask]:
    """Yield the blocks of one kind, and tell when each is done."""
    for done, task in enumerate(blocks, 1):
        if task.is_real == is_real:
            yield task
            tell(Event("power", done, len(blocks)))


def _support(scores: Scores, task: BlockTask, wanted: npt.NDArray[np.bool_]) -> tuple[IntArray, FloatArray]:
    """Return the sources and the support, N + G, of the wanted intervals of a block."""
    regression = v.ROW_REGRESSION if task.is_real else v.PLACED_REGRESSION
    asked = task.asked().chosen(wanted)
    occupancy, window = asked.occupancy(scores.cell_line)
    network = network_log_odds(
        scores.leave_one_out(), occupancy, window, asked.source, asked.first, asked.last
    )
    odds = task.placements.read(regression, *task.block)[wanted]
    return asked.source.astype(np.int64), network.astype(np.float64) + odds
