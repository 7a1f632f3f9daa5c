"""Average the scores of several models with the same settings and different seeds (method, section 3.4)."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from atypeak_scale.execution.executor import Executor
from atypeak_scale.model.halves import judges
from atypeak_scale.registry.variables import (
    FINAL,
    REBUILT_SCORE,
    SPREAD,
    SUPPORT,
    SUPPORT_SPREAD,
    Variable,
)
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block

SPREAD_OF = {SPREAD: FINAL, SUPPORT_SPREAD: SUPPORT}
MOST_COMPARED = 1_000_000  # peaks, spread evenly over the catalogue, to compare models


@dataclass(frozen=True)
class EnsembleTask:
    """A block of one array of an ensemble, made from the same block of its members."""

    scores: Scores
    variable: Variable
    block: Block


def average_members(scores: Scores, variable: Variable, executor: Executor) -> None:
    """Write the mean over models of an array with one value for each row or peak."""
    executor.run(_write_mean, _tasks(scores, variable), "average")


def write_spread(scores: Scores, variable: Variable, executor: Executor) -> None:
    """Write the standard deviation (n - 1) over models of every peak's score; NaN for one model.

    variable: SPREAD, of final scores, or SUPPORT_SPREAD, of support. Of models that were trained on halves,
    those count that judge the peak's first CRM.
    """
    executor.run(_write_spread, _tasks(scores, variable), "average")


def _tasks(scores: Scores, variable: Variable) -> list[EnsembleTask]:
    blocks = scores.cell_line.blocks("rows" if variable is REBUILT_SCORE else "peaks")
    return [EnsembleTask(scores, variable, block) for block in blocks]


def _write_mean(task: EnsembleTask) -> None:
    values = _stacked(task, task.variable).mean(axis=0)
    task.scores.write(task.variable, task.block.start, values.astype(np.float32))


def _write_spread(task: EnsembleTask) -> None:
    score = _stacked(task, SPREAD_OF[task.variable])
    configs = [one.config for one in task.scores.members]
    may = judges(configs, task.scores.cell_line.crms_of_peaks(*task.block))
    models = int(may[:, 0].sum())  # for every peak the same number, one of each seed
    spread = np.std(score, axis=0, ddof=1, where=may) if models > 1 else np.full(score.shape[1], np.nan)
    task.scores.write(task.variable, task.block.start, spread.astype(np.float32))


def _stacked(task: EnsembleTask, variable: Variable) -> npt.NDArray[np.float64]:
    """Read an array of every model: float64 (models, elements)."""
    parts = [one.read(variable, *task.block) for one in task.scores.members]
    return np.stack(parts).astype(np.float64)


def agreement(members: tuple[Scores, ...]) -> list[float]:
    """Return Spearman's correlation of the final scores of every two models, in order of `combinations`.

    It takes at most `MOST_COMPARED` peaks, at equal distances.
    """
    # It takes half a second to import, and most runs have one model.
    from scipy.stats import spearmanr

    finals = [_some_finals(one) for one in members]
    has_score = ~np.isnan(finals).any(axis=0)
    return [
        float(spearmanr(one[has_score], other[has_score]).statistic) for one, other in combinations(finals, 2)
    ]


def _some_finals(scores: Scores) -> npt.NDArray[np.float32]:
    step = -(-scores.cell_line.peak_count // MOST_COMPARED)
    return np.concatenate(
        [
            scores.read(FINAL, *block)[-block.start % step :: step]
            for block in scores.cell_line.blocks("peaks")
        ]
    )
