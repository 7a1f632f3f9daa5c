"""Boosted trees in the place of the regressions: the same features, folds and number of examples.

They say whether what decides about a peak is more than a sum over the other sources (method, section 9.10).
They see no network, so they are the same for every seed of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from atypeak_scale.catalogue.folds import fold_of_crm
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import MOST_SAMPLED, Asked, BlockTask, blocks_of
from atypeak_scale.scoring.support.neighbours import Gaps, features, gaps
from atypeak_scale.store.cell_line import CellLine
from benchmarks.harness import kept_folder
from benchmarks.kept import key_of, support_code

LEAVES, ROUNDS, RATE = 8, 150, 0.1
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Trees:
    """Log-odds by the trees; NaN for sources that were not asked for.

    peaks: (catalogue peaks,), means over the rows of a peak; placements: (placements,).
    """

    peaks: FloatArray
    placements: FloatArray


def kept_trees(name: str, scores: Scores) -> Trees:
    """Return the trees of all sources, fitted if they are not kept; `name` says of which data."""
    file = kept_folder("trees") / f"{name}, {key_of(scores.placements.name, support_code())}.npz"
    if not file.exists():
        trees = boosted_trees(scores)
        written = file.with_suffix(".part.npz")
        np.savez(written, peaks=trees.peaks, placements=trees.placements)
        written.rename(file)
    with np.load(file) as arrays:
        return Trees(arrays["peaks"], arrays["placements"])


def boosted_trees(scores: Scores, sources: Iterable[int] | None = None) -> Trees:
    """Fit the trees of some sources, of all by default, and apply them to their peaks and placements.

    scores: complete scores of support. Memory holds the gaps of all these rows and placements.
    """
    cell_line, placements = scores.cell_line, scores.placements
    wanted = list(range(cell_line.shape.sources) if sources is None else sources)
    of_rows = np.full(cell_line.row_count, np.nan)
    of_placements = np.full(placements.count, np.nan)
    asked = [_of_sources(task, wanted) for task in blocks_of(placements)]
    found = np.concatenate([_gaps(cell_line, one) for one, _, _ in asked])
    source = np.concatenate([one.source for one, _, _ in asked])
    crm = np.concatenate([one.crm for one, _, _ in asked])
    place, is_real = (np.concatenate([one[at] for one in asked]) for at in (1, 2))
    fold = fold_of_crm(crm, placements.settings.folds, placements.settings.seed)
    for one in wanted:
        mine = np.flatnonzero(source == one)
        seen = features(found[mine], cell_line.frame[1])
        odds = _cross_fitted(seen, is_real[mine], fold[mine], one)
        of_rows[place[mine[is_real[mine]]]] = odds[is_real[mine]]
        of_placements[place[mine[~is_real[mine]]]] = odds[~is_real[mine]]
    peak = cell_line.rows(0, cell_line.row_count).peak
    return Trees(np.bincount(peak, of_rows) / np.bincount(peak), of_placements)


def _of_sources(task: BlockTask, wanted: list[int]) -> tuple[Asked, IntArray, BoolArray]:
    """Return the intervals of some sources in a block, their places among all, and whether they are real."""
    asked = task.asked()
    mine = np.isin(asked.source, wanted)
    place = task.block.start + np.flatnonzero(mine)
    return asked.chosen(mine), place, np.full(len(place), task.is_real)


def _gaps(cell_line: CellLine, asked: Asked) -> Gaps:
    occupancy, at = asked.occupancy(cell_line)
    return gaps(occupancy, at, asked.source, asked.first, asked.last)


def _cross_fitted(seen: npt.NDArray[np.float32], is_real: BoolArray, fold: IntArray, seed: int) -> FloatArray:
    """Return log-odds (rows,), each by the trees of the other folds; 0 where there is nothing to learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng, odds = np.random.default_rng(seed), np.zeros(len(seen))
    for left_out in np.unique(fold).tolist():
        training = fold != left_out
        sample = [_some(rng, np.flatnonzero(training & kind)) for kind in (is_real, ~is_real)]
        chosen = np.concatenate(sample)
        if not all(map(len, sample)):
            continue
        trees = HistGradientBoostingClassifier(
            max_iter=ROUNDS, max_leaf_nodes=LEAVES, learning_rate=RATE, class_weight="balanced",
            early_stopping=False, random_state=seed,
        )  # fmt: skip
        judged = fold == left_out
        with threadpool_limits(1):
            trees.fit(seen[chosen], is_real[chosen])
            odds[judged] = trees.decision_function(seen[judged])
    return odds


def _some(rng: np.random.Generator, index: IntArray) -> IntArray:
    """Return as many as the regressions are fitted to, at most."""
    return rng.permutation(index)[:MOST_SAMPLED]
