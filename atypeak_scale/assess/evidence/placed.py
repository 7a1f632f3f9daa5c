"""Random placements as the comparison of scores needs them (method, section 9.1).

Is the source of a placement already in its window? And what does the article's score say of the placement?
That score needs the placement in its input: the window stays as it is, with the source's own peaks, and the
bins of the placement are added to them. So a real peak and a placement are scored alike: among all else that
is in the window. If the placement overlaps a real peak of its source, it scores about as that peak does.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from atypeak_scale.execution.executor import Executor
from atypeak_scale.scoring.blocks import row_maxima
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import Asked, asked_of_placements
from atypeak_scale.store.cell_line import Block

# Placements of each source that the article's score is computed for, about; each is a window to rebuild.
ARTICLE_PLACEMENTS = 2000
WINDOW_BYTES = 64 << 20  # limit for the windows that are changed at once


@dataclass(frozen=True)
class Placed:
    """Some placements: their place among all, whether their source is in their window, the article's score.

    (placements,) each; raw is NaN without a model of the article.
    """

    index: npt.NDArray[np.int64]
    is_present: npt.NDArray[np.bool_]
    raw: npt.NDArray[np.float32]

    def chosen(self, which: npt.NDArray[np.bool_]) -> Self:
        """Return some of the placements."""
        return type(self)(self.index[which], self.is_present[which], self.raw[which])


@dataclass(frozen=True)
class PlacedTask:
    """A block of placements, of which a share is used; article: scores of a single model."""

    scores: Scores
    article: Scores | None
    block: Block
    number: int
    share: float


def placed(scores: Scores, article: Scores | None, executor: Executor) -> Placed:
    """Return all placements, or with a model of the article a random share of those of every source.

    scores: of support; article: raw scores of the article, of one model or of several seeds.
    """
    placements = scores.placements
    share = 1.0 if article is None else min(1.0, ARTICLE_PLACEMENTS / placements.settings.placements)
    members = (None,) if article is None else article.members or (article,)
    raw: list[npt.NDArray[np.float32]] = []
    for one in members:
        tasks = [
            PlacedTask(scores, one, block, number, share) for number, block in enumerate(placements.blocks())
        ]
        found = {task.number: part for task, part in executor.map(judge_placed, tasks, "placements")}
        parts = [found[number] for number in range(len(tasks))]
        raw.append(np.concatenate([part.raw for part in parts]))
    index = np.concatenate([part.index for part in parts])
    is_present = np.concatenate([part.is_present for part in parts])
    return Placed(index, is_present, np.stack(raw).mean(axis=0, dtype=np.float64).astype(np.float32))


def judge_placed(task: PlacedTask) -> Placed:
    """Judge the placements of a block that are used."""
    settings, cell_line = task.scores.placements.settings, task.scores.cell_line
    asked = asked_of_placements(task.scores.placements, task.block)
    seed = np.random.SeedSequence(settings.seed, spawn_key=(4, task.number))
    chosen = np.flatnonzero(np.random.default_rng(seed).random(len(asked.window)) < task.share)
    _, bins, sources = cell_line.shape
    is_present, raw = np.zeros(len(chosen), bool), np.full(len(chosen), np.nan, np.float32)
    step = max(1, WINDOW_BYTES // (bins * sources))
    for start in range(0, len(chosen), step):
        part = slice(start, start + step)
        of_part = Asked(*(column[chosen[part]] for column in vars(asked).values()))
        occupancy, at = of_part.occupancy(cell_line)
        is_present[part] = occupancy[at, :, of_part.source].any(axis=1)
        if task.article is not None:
            raw[part] = _raw(task.article, occupancy[at], of_part)
    return Placed(task.block.start + chosen, is_present, raw)


def _raw(article: Scores, windows: npt.NDArray[np.bool_], asked: Asked) -> npt.NDArray[np.float32]:
    """Return the largest A over the bins of each placement, in its own copy of its window.

    windows: bool (placements, bins, sources); the placements are added to them.
    """
    each, bins = np.arange(len(windows)), np.arange(windows.shape[1])
    is_covered = (asked.first[:, None] <= bins) & (bins <= asked.last[:, None])
    windows[each, :, asked.source] |= is_covered
    found = np.empty(len(windows), np.float32)
    for start, ratios in article.engine().ratios(windows):
        part = slice(start, start + len(ratios))
        place = np.arange(len(ratios), dtype=np.int64)
        found[part] = row_maxima(ratios, place, asked.source[part], asked.first[part], asked.last[part])
    return found
