"""Does a model know which dimensions go together? The Q-score (SPEC 6, article: Methods, Q-score).

One pass over a sample of windows leaves sums for all pairs of dimensions (qscore_sums.py); correlations,
Welch tests and the score follow from them.
"""

from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from scipy.stats import ttest_ind_from_stats

from atypeak_scale.assess.description.statistics import pearson
from atypeak_scale.assess.quality.pair_sums import BoolArray, FloatArray, Moments, PairSums, pair_sums
from atypeak_scale.assess.results import save_results
from atypeak_scale.config import NormalizationSettings, Precision
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress, run_blocks
from atypeak_scale.model.inference.process import process_engine
from atypeak_scale.scoring.blocks import PASS_BYTES, PROCESS_BYTES, ScoreRun
from atypeak_scale.scoring.normalize import read_windows, sample_blocks, sample_windows
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema

QSCORE = "qscore"
PAIRS, TOTAL = "pairs.tsv", "total.tsv"
SIGNIFICANCE = 0.05
# float32 tells no values apart that differ by less than about this share of them.
NO_SPREAD = 1e-7
Labels = tuple[list[str], list[str]]

DESCRIPTIONS = {
    "total": "Q, the sum of all contributions; lower is better (SPEC 6.5)",
    "abundance": "A, mean occupancy of the dimension",
    "correlation": "Pearson correlation of the dimensions' occupancies, 0 where undefined (SPEC 6.2)",
    "correlated": "C, whether the correlation of the pair exceeds the mean of all correlations (SPEC 6.2)",
    "pos_p": "p-value of the Welch test of both against alone, NaN where there is none (SPEC 6.4)",
    "pos": "Pos, whether the dimension is rebuilt significantly more where the other is present (SPEC 6.4)",
    "neg_p": "p-value of the Welch test of phantom against none, NaN where there is none (SPEC 6.4)",
    "neg": "Neg, whether the dimension has significantly more phantoms where the other is present (SPEC 6.4)",
    "weight": "square root of the product of the two abundances, 0 off the pairs (SPEC 6.5)",
    "contribution": "what the pair adds to the total, 0 off the pairs (SPEC 6.5)",
}


MATRICES = list(DESCRIPTIONS)[2:]


def q_score(
    run: ScoreRun,
    settings: NormalizationSettings,
    out: Location | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> xr.Dataset:
    """Compute the Q-score of a model on a sample of windows, and keep it beside the model's scores.

    The windows get the crumbs of the run, which are none unless asked for, as at scoring (SPEC 4.3): so was
    the published program's made. Occupancy, and with it C, A and presence, never has crumbs.

    settings: the sample, as for the normalization (SPEC 5.5). out: a new folder for `pairs.tsv`, a row for
    each pair of dimensions, and `total.tsv`; None writes no files. Peaks need not be scored before.

    Returns
    -------
    The Dataset that `load_results(run, "qscore")` reads. Dims `dimension` and `other`, each of length m + n:
    the labels of the first view in the order of the store, then those of the second; `view` and `label` say
    which a dimension is, and its own name is `view:label`. float64 `total` (), `abundance` (dimension) and,
    over (dimension, other), float64 `correlation`, `pos_p`, `neg_p`, `weight`, `contribution` and bool
    `correlated`, `pos`, `neg`; each has its description as an attribute. Attributes tell the sample.

    Raises
    ------
    InputError
        Where `out` exists, or the model changed.
    AtypeakError
        Where another process writes these results.

    """
    run.refuse_several()
    if out is not None:
        target(out).refuse_existing(last=TOTAL)
    with (
        connect(cluster, progress, PROCESS_BYTES + PASS_BYTES) as client,
        run.writing(QSCORE),
    ):
        data, _ = run.open()
        windows = sample_windows(schema.array(data, "occupancy").shape[0], settings)
        sums = sum_windows(run, windows, client, progress)
        found = q_score_of(sums, schema.labels_of(data), schema.views_of(data))
        found.attrs = {"sampled_windows": len(windows), **settings.model_dump(mode="json")}
        save_results(run, QSCORE, found)
    if out is not None:
        _write_tables(found, out)
    return found


def sum_windows(
    run: ScoreRun, windows: npt.NDArray[np.int64], client: Any | None, progress: Progress = no_progress
) -> PairSums:
    """Return the sums over some windows of a store, given by their sorted numbers; a block is a chunk."""
    data = schema.open_cell_line(run.store, run.cell_line)
    blocks = [
        (run.store, data.path, run.model, run.fingerprint, run.crumbs, run.precision, *block)
        for block in sample_blocks(data, windows)
    ]
    return reduce(add, _in_order(run_blocks(_sum_block, blocks, client, stage="qscore", progress=progress)))


def _in_order(receipts: Iterator[tuple[int, PairSums]]) -> Iterator[PairSums]:
    """Yield sums in block order, so that rounding does not depend on which worker was faster.

    Only those that came too early are held: K562's take 0.7 MB a block.
    """
    early: dict[int, PairSums] = {}
    following = 0
    for index, sums in receipts:
        early[index] = sums
        while following in early:
            yield early.pop(following)
            following += 1


def _sum_block(
    store: Location, data_path: str, model: Location, fingerprint: str, crumbs: float, precision: Precision,
    windows: npt.NDArray[np.int64], start: int,
) -> PairSums:  # fmt: skip
    """Rebuild the `windows`, counted from `start`, all of one chunk, and return their sums."""
    data = schema.open_group(store, data_path)
    occupancy = read_windows(data, windows, start)
    labels0, labels1 = map(tuple, schema.labels_of(data))
    sources = tuple(schema.source_labels(data))
    engine = process_engine(model, fingerprint, (labels0, labels1), sources, crumbs, precision)
    cells = np.array(engine.cells)
    parts = []
    for first, rebuilt in engine.rebuilt_windows(occupancy, of_sources=False):
        # Labels that only the model has come last; they are no dimensions of the store.
        means = rebuilt.mean(axis=1, dtype=np.float64)[:, : len(labels0), : len(labels1)]
        parts.append(pair_sums(occupancy[first : first + len(rebuilt)], cells, means))
    return reduce(add, parts)


def q_score_of(sums: PairSums, labels: Labels, views: tuple[str, str]) -> xr.Dataset:
    """Return the Q-score and its matrices, as `q_score` describes them, from the sums over all windows."""
    m, n = len(labels[0]), len(labels[1])
    is_first = np.arange(m + n) < m
    pair = (is_first[:, None] == is_first) & ~np.eye(m + n, dtype=bool)
    # An undefined correlation counts as 0 (SPEC 6.2).
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
    for key, text in DESCRIPTIONS.items():
        found[key].attrs["description"] = text
    return found


def _raises(
    with_other: Moments, without: Moments, pair: BoolArray, level: float
) -> tuple[FloatArray, BoolArray]:
    """Return Welch's p-value of each pair, and whether the values are significantly higher with the other.

    There is no p-value (NaN), and nothing significant, where a side has fewer than two values, or neither has
    a spread that float32 could tell from rounding.
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


def _write_tables(found: xr.Dataset, out: Location) -> None:
    """Write a row for each pair, with all that is known of it, and the total, into a new folder."""
    view, label = found["view"].to_numpy(), found["label"].to_numpy()
    one, other = np.nonzero((view[:, None] == view) & ~np.eye(len(view), dtype=bool))
    columns = {key: found[key].to_numpy()[one, other] for key in MATRICES}
    pairs = pd.DataFrame({"view": view[one], "dimension": label[one], "other": label[other], **columns})
    pairs = pairs.astype({key: int for key, values in columns.items() if values.dtype == bool})
    total = {"total": float(found["total"]), "pairs": len(pairs), **found.attrs}
    with target(out).new_folder(last=TOTAL) as folder:
        for name, table in ((PAIRS, pairs), (TOTAL, pd.DataFrame([total]))):
            table.to_csv(folder / name, sep="\t", index=False, na_rep="nan", lineterminator="\n")
