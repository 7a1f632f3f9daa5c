"""Does a model know which dimensions go together? The Q-score (article, Methods; method, section 6).

One pass over a sample of windows leaves sums for all pairs of dimensions (pair_sums.py); correlations,
Welch tests and the score follow from them.
"""

from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import ttest_ind_from_stats

from atypeak_scale.assess.correlation import pearson
from atypeak_scale.assess.quality.pair_sums import BoolArray, FloatArray, Moments, PairSums, pair_sums
from atypeak_scale.assess.results import described, save, save_tables
from atypeak_scale.config import NormalizationSettings
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import refuse_existing_output
from atypeak_scale.registry.columns import QSCORE_PAIRS, QSCORE_TOTAL
from atypeak_scale.registry.results import QSCORE
from atypeak_scale.registry.table import Table
from atypeak_scale.scoring.sample import SampleBlock, sample_blocks, sample_windows
from atypeak_scale.scoring.score import PASS_BYTES, PROCESS_BYTES
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location

SIGNIFICANCE = 0.05
# float32 cannot tell values apart whose relative difference is below about this.
NO_SPREAD = 1e-7
Labels = tuple[tuple[str, ...], tuple[str, ...]]
OF_PAIRS = ("correlation", "correlated", "pos_p", "pos", "neg_p", "neg", "weight", "contribution")


@dataclass(frozen=True)
class PairTask:
    """Sampled windows of one chunk, and the model that rebuilds them."""

    scores: Scores
    block: SampleBlock


def qscore(
    scores: Scores,
    settings: NormalizationSettings | None = None,
    out: Location | None = None,
    executor: Executor | None = None,
) -> xr.Dataset:
    """Compute the Q-score of a model on a sample of windows, and keep it with the model's scores.

    The windows have the crumbs of the scores, which are none by default, as in scoring (method, section 4.3).
    Occupancy never has crumbs, and so neither do C, A and presence.

    Parameters
    ----------
    scores
        Scores of one model. Peaks need not be scored.
    settings
        The sample, as for the normalization (method, section 5.5); None takes the model's setting.
    out
        New folder or URL for `pairs.tsv`, a row for each pair of dimensions, and `total.tsv`; None writes no
        tables.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    xarray.Dataset
        What `load(scores, "qscore")` reads. Dims `dimension` and `other`, each of length m + n: the labels of
        the first view in the order of the store, then those of the second; `view` and `label` say which a
        dimension is, and its own name is `view:label`. float64 `total` (), `abundance` (dimension) and, over
        (dimension, other), float64 `correlation`, `pos_p`, `neg_p`, `weight`, `contribution` and bool
        `correlated`, `pos`, `neg`; each has its description as an attribute. Attributes give the sample.

    Raises
    ------
    InputError
        If `out` exists, the scores are of several models, or the model changed.
    AtypeakError
        If another process is writing these results.

    Examples
    --------
    >>> qscore(open_scores(open_store("hela.zarr"), "hela-model"))["total"].item()

    """
    executor = executor or InProcess()
    settings = settings or scores.config.normalization
    scores.refuse_several()
    if out is not None:
        refuse_existing_output(out)
    executor.require(PROCESS_BYTES + PASS_BYTES)
    cell_line = scores.cell_line
    scores.create()
    with scores.writing(QSCORE.name):
        windows = sample_windows(cell_line.shape.windows, settings)
        found = qscore_of(sum_windows(scores, windows, executor), cell_line.labels, cell_line.views)
        found.attrs = {"sampled_windows": len(windows), **settings.model_dump(mode="json")}
        save(found, scores, QSCORE)
    if out is not None:
        save_tables(
            qscore_tables(found), out, cell_line.views, {**scores.provenance(), "sample": found.attrs}
        )
    return found


def sum_windows(scores: Scores, windows: npt.NDArray[np.int64], executor: Executor | None = None) -> PairSums:
    """Return the sums over some windows, given by their sorted numbers; each chunk is a task."""
    executor = executor or InProcess()
    tasks = [PairTask(scores, block) for block in sample_blocks(scores.cell_line, windows)]
    return executor.reduce(_sum_pairs, tasks, "qscore")


def _sum_pairs(task: PairTask) -> PairSums:
    """Rebuild the windows and return their sums."""
    cell_line = task.scores.cell_line
    occupancy = task.block.occupancy(cell_line)
    m, n = map(len, cell_line.labels)
    parts = []
    for first, rebuilt in task.scores.engine().rebuilt_windows(occupancy, of_sources=False):
        # Labels that only the model has come last; they are not dimensions of the store.
        means = rebuilt.mean(axis=1, dtype=np.float64)[:, :m, :n]
        parts.append(pair_sums(occupancy[first : first + len(rebuilt)], cell_line.cells, means))
    return reduce(add, parts)


def qscore_of(sums: PairSums, labels: Labels, views: tuple[str, str]) -> xr.Dataset:
    """Return the Q-score and its matrices, as `qscore` describes them, from the sums over all windows."""
    m, n = len(labels[0]), len(labels[1])
    is_first = np.arange(m + n) < m
    pair = (is_first[:, None] == is_first) & ~np.eye(m + n, dtype=bool)
    # An undefined correlation counts as 0 (method, section 6.2).
    correlation = np.nan_to_num(pearson(sums.products, sums.occupied, sums.bins))
    correlated = (correlation > correlation.mean()) & pair
    abundance = sums.occupied / (sums.bins * np.where(is_first, n, m))
    weight = np.sqrt(np.outer(abundance, abundance)) * pair
    values = sums.values
    level = SIGNIFICANCE / (m + n)
    (pos_p, pos), (neg_p, neg) = (_raises(values[own, 1], values[own, 0], pair, level) for own in (1, 0))
    disagreements = (correlated ^ pos).astype(float) + (correlated ^ neg)
    contribution = weight * disagreements
    matrices = {
        "correlation": correlation, "correlated": correlated, "pos_p": pos_p, "pos": pos,
        "neg_p": neg_p, "neg": neg, "weight": weight, "contribution": contribution,
    }  # fmt: skip
    view = np.repeat(np.array(views, object), [m, n])
    label = np.array([*labels[0], *labels[1]], object)
    name = view + ":" + label
    found = xr.Dataset(
        {
            "total": ((), contribution.sum()),
            "abundance": ("dimension", abundance),
            **{key: (("dimension", "other"), matrix) for key, matrix in matrices.items()},
        },
        coords={"dimension": name, "other": name, "view": ("dimension", view), "label": ("dimension", label)},
    )
    return described(found, QSCORE)


def _raises(
    with_other: Moments, without: Moments, pair: BoolArray, level: float
) -> tuple[FloatArray, BoolArray]:
    """Return Welch's p-value of each pair, and whether values are significantly higher with the other.

    The p-value is NaN, and nothing is significant, if a side has fewer than two values, or if neither side
    has a spread that float32 can tell from rounding.
    """
    variances = with_other.variance(), without.variance()
    largest = np.maximum(np.square(with_other.mean), np.square(without.mean))
    spread = np.fmax(*variances) > NO_SPREAD**2 * largest
    tested = pair & (with_other.count > 1) & (without.count > 1) & spread
    p = np.full(pair.shape, np.nan)
    if tested.any():
        sides = (
            (side.mean[tested], np.sqrt(variance[tested]), side.count[tested])
            for side, variance in zip((with_other, without), variances, strict=True)
        )
        p[tested] = ttest_ind_from_stats(*next(sides), *next(sides), equal_var=False).pvalue
    return p, (p < level) & (with_other.mean > without.mean)


def qscore_tables(found: xr.Dataset) -> list[tuple[Table, pd.DataFrame]]:
    """Return a row for each pair, with everything known about it, and the total with its sample."""
    view, label = found["view"].to_numpy(), found["label"].to_numpy()
    one, other = np.nonzero((view[:, None] == view) & ~np.eye(len(view), dtype=bool))
    columns = {key: found[key].to_numpy()[one, other] for key in OF_PAIRS}
    pairs = pd.DataFrame({"view": view[one], "dimension": label[one], "other": label[other], **columns})
    pairs = pairs.astype({key: int for key, values in columns.items() if values.dtype == bool})
    total = {"total": float(found["total"]), "pairs": len(pairs), **found.attrs}
    return [(QSCORE_PAIRS, pairs), (QSCORE_TOTAL, pd.DataFrame([total]))]
