"""Which score tells real peaks from random placements? HeLa and Jurkat, three seeds (method, section 9.1).

Every score judges the same placements: all of a source, or only those in windows without it. Means are over
sources of at least 300 peaks. Stores, models and scores are kept (`benchmarks.kept`).
"""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr

from atypeak_scale import load_config
from atypeak_scale.assess.evidence.placed import placed
from atypeak_scale.assess.evidence.power import COUNT, IN_WINDOW, MEAN, MEAN_OF_SMALL, RAW, power
from atypeak_scale.assess.evidence.resampling import MANY_PEAKS
from atypeak_scale.config import with_seed
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable
from atypeak_scale.scoring.ranking import Ranking
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.support import MEMORISED
from benchmarks.harness import Row, over_seeds
from benchmarks.kept import kept_real_store, kept_scores
from benchmarks.trees import Trees, kept_trees

CELL_LINES = ("hela", "jurkat")
SEEDS = (1, 2, 3)
SUPPORT, TREES = v.SUPPORT.name, "boosted trees"
NAMES = {COUNT: "overlapping sources", IN_WINDOW: "sources in the window", RAW: "the article's raw score"}
# Columns of the table of `power`, and what they say.
KINDS = {
    "auroc": "power, all placements",
    "absent": "power, placements in windows without the source",
    "equal_counts": "within equal counts, all placements",
}
Figures = dict[tuple[str, str], tuple[float, float]]  # (kind, score) -> of support, of that score


def rows() -> list[Row]:
    """Mean power of support against that of every other score, and how much seeds agree."""
    result = []
    for name in CELL_LINES:
        config = load_config(name)
        cell_line = kept_real_store(config)
        support, article, figures = [], [], []
        for seed in SEEDS:
            seeded = with_seed(config, seed)
            support.append(kept_scores(name, cell_line, seeded, "support"))
            article.append(kept_scores(name, cell_line, seeded, "article"))
            figures.append(_figures(name, support[-1], article[-1]))
            print(f"{name}, seed {seed}: power {figures[-1]['auroc', COUNT][0]:.4f}", flush=True)
        result += [_row(name, *key, figures) for key in figures[0]]
        result += _between_seeds(name, support, article)
    return result


def _row(name: str, kind: str, score: str, seeds: list[Figures]) -> Row:
    ours, theirs = zip(*(figures[kind, score] for figures in seeds), strict=True)
    unit = f"AUROC, mean over sources, mean and range of {len(seeds)} seeds"
    return over_seeds(f"{name}: {KINDS.get(kind, kind)}: support against {NAMES.get(score, score)}",
                      ours, theirs, unit)  # fmt: skip


def _figures(name: str, scores: Scores, article: Scores) -> Figures:
    """Return the means over sources of support and of every other score, on the same placements."""
    table = power(scores)
    found = _of_table(table, MEAN, KINDS, [v.NETWORK.name, v.REGRESSION.name, COUNT, IN_WINDOW])
    small = _of_table(table, MEAN_OF_SMALL, ["auroc"], [COUNT])
    found |= {("sources of fewer peaks, all placements", score): pair for (_, score), pair in small.items()}
    with_trees = powers_of_trees(scores, kept_trees(name, scores))
    for kind, of_trees in with_trees.items():
        found[kind, TREES] = found[kind, COUNT][0], of_trees
    # The article's score takes a rebuilt window for every placement, so it judges fewer.
    return found | _of_table(power(scores, article), MEAN, KINDS, [RAW])


def _of_table(table: pd.DataFrame, scope: str, kinds: object, scores: list[str]) -> Figures:
    """Return a column of `power` for support and for some scores."""
    of_scope = table[table["scope"] == scope].set_index("score")
    if of_scope.empty:
        return {}
    return {
        (kind, score): (float(of_scope[kind][SUPPORT]), float(of_scope[kind][score]))
        for kind in map(str, kinds)  # type: ignore[call-overload]
        for score in scores
    }


def powers_of_trees(scores: Scores, trees: Trees) -> dict[str, float]:
    """Return the means over sources of at least 300 peaks, by the columns of the table of `power`."""
    cell_line, placements = scores.cell_line, scores.placements
    source = cell_line.peaks(0, cell_line.peak_count).source
    count, placed_count = scores.read(v.OVERLAPPING), placements.read(v.PLACED_OVERLAPS).astype(np.int64)
    placed_source = placements.read(v.PLACED_SOURCE)
    is_present = placed(scores, None, InProcess()).is_present
    parts = []
    for one in np.flatnonzero(np.bincount(source, minlength=cell_line.shape.sources) >= MANY_PEAKS).tolist():
        real, low = source == one, placed_source == one
        apart = low & ~is_present
        strata = count[real].astype(np.int64), placed_count[low]
        parts.append((
            Ranking(trees.peaks[real], trees.placements[low]).auroc(),
            Ranking(trees.peaks[real], trees.placements[apart]).auroc(),
            Ranking(trees.peaks[real], trees.placements[low], strata, 10).auroc(),
        ))  # fmt: skip
    return dict(zip(KINDS, np.nanmean(parts, axis=0).tolist(), strict=True))


def _between_seeds(name: str, support: list[Scores], article: list[Scores]) -> list[Row]:
    """Agreement of seeds within sources against that of the article's scores; what is memorised."""
    ours, theirs = agreement(support, v.SUPPORT), agreement(article, v.RAW)
    unit = f"Spearman, mean over sources, mean and range of {len(ours)} pairs of seeds"
    case = f"{name}: two seeds: support against the article's raw score"
    result = [over_seeds(case, [p.mean() for p in ours], [p.mean() for p in theirs], unit)]
    unit = f"Spearman of the worst source, mean and range of {len(ours)} pairs of seeds"
    result.append(over_seeds(case, [p.min() for p in ours], [p.min() for p in theirs], unit))
    told = [scores.attributes[MEMORISED] for scores in support]
    case = f"{name}: memorised: peaks trained on against peaks kept out"
    unit = f"AUROC, 0.5 is none; mean and range of {len(told)} seeds"
    return [*result, over_seeds(case, [one[0] for one in told], None, unit)]


def agreement(seeds: list[Scores], variable: Variable) -> list[npt.NDArray[np.float64]]:
    """Return Spearman's correlation within each source of many peaks, (sources,), of each pair of seeds."""
    cell_line = seeds[0].cell_line
    source = cell_line.peaks(0, cell_line.peak_count).source
    many = np.flatnonzero(np.bincount(source) >= MANY_PEAKS).tolist()
    values = [scores.read(variable) for scores in seeds]
    correlation: Callable[..., float] = lambda a, b: float(spearmanr(a, b).statistic)  # noqa: E731
    return [
        np.array([correlation(a[source == one], b[source == one]) for one in many])
        for a, b in combinations(values, 2)
    ]
