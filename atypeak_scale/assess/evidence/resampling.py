"""AUROCs of several scores, with intervals from one set of resamples of the CRMs (method, section 9.1).

Peaks of one CRM are not independent, and neither are sources that lie in the same CRMs. So a resample draws
CRMs, with all that lies in them, and is the same for every score and every source.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.ranking import Ranking
from atypeak_scale.scoring.support.chance import interval, times_drawn
from atypeak_scale.store.cell_line import CellLine

RESAMPLES = 200
MANY_PEAKS = 300  # of a source; means are over sources that have so many, and the others have their own

FloatArray = npt.NDArray[np.floating[Any]]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.integer[Any]]
Strata = tuple[IntArray, IntArray]


@dataclass(frozen=True)
class Resamples:
    """Resamples of the CRMs of a cell line, as many CRMs each, drawn with replacement.

    seed: of the draws; count: number of resamples.
    """

    cell_line: CellLine
    seed: int
    count: int = RESAMPLES

    def times(self) -> Iterator[Float64Array]:
        """Yield how often each resample holds each CRM, by its row in the CRM file: (rows,) float64."""
        crms = crms_of(self.cell_line)
        for resample in range(self.count):
            rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(5, resample)))
            times = np.zeros(int(crms[-1]) + 1)
            times[crms] = times_drawn(len(crms), rng)
            yield times


def crms_of(cell_line: CellLine) -> npt.NDArray[np.int64]:
    """Return the row, in the CRM file, of every CRM used, those without a peak included; sorted."""
    of_blocks = [np.unique(cell_line.read(v.CRM, *block)) for block in cell_line.blocks("windows")]
    return np.unique(np.concatenate([*of_blocks, cell_line.empty_windows()[0]]))


@dataclass(frozen=True)
class Compared:
    """Scores of two kinds of intervals, and the CRMs that these lie in.

    high, low: score -> (n,) and (m,) float; high_crm, low_crm: (n,) and (m,) int, rows in the CRM file;
    strata: (n,) and (m,) int, so that only intervals of one stratum are compared (method, section 9.11).
    """

    high: Mapping[str, FloatArray]
    low: Mapping[str, FloatArray]
    high_crm: IntArray
    low_crm: IntArray
    strata: Strata | None = None

    def rankings(self) -> list[Ranking]:
        """Sort every score, so that its AUROC in many resamples is fast."""
        least = 1 if self.strata is None else 10
        return [Ranking(high, self.low[name], self.strata, least) for name, high in self.high.items()]


def aurocs(comparisons: Sequence[Compared], resamples: Resamples) -> Float64Array:
    """Return the AUROC of every score, of all data and of every resample.

    Returns
    -------
    float64 (comparisons, scores, 1 + resamples)
        All data first. NaN where there is nothing to compare.

    """
    rankings = [one.rankings() for one in comparisons]
    scores = max(map(len, rankings), default=0)
    found = np.full((len(rankings), scores, 1 + resamples.count), np.nan)
    for at, of_comparison in enumerate(rankings):
        found[at, :, 0] = [ranking.auroc() for ranking in of_comparison]
    for resample, times in enumerate(resamples.times(), 1):
        for at, (one, of_comparison) in enumerate(zip(comparisons, rankings, strict=True)):
            weights = times[one.high_crm], times[one.low_crm]
            found[at, :, resample] = [ranking.auroc(*weights) for ranking in of_comparison]
    return found


def mean_over(found: Float64Array) -> Float64Array:
    """Return the mean over the first axis, without what is NaN; NaN if all of it is, or there is nothing."""
    is_known = ~np.isnan(found)
    total, count = np.where(is_known, found, 0).sum(axis=0), is_known.sum(axis=0)
    mean: Float64Array = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def with_interval(found: Float64Array) -> tuple[float, float, float]:
    """Return the figure of all data and the 95% interval of its resamples: found is (1 + resamples,)."""
    return float(found[0]), *interval(found[1:])
