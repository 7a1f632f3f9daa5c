"""Normalize the scores of a store: weights from a Monte Carlo sample, then each label's scale (SPEC 5)."""

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.config import NormalizationSettings
from atypeak_scale.errors import AtypeakError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress, run_blocks
from atypeak_scale.model.inference.process import process_engine
from atypeak_scale.score.blocks import ScoreRun, is_scored
from atypeak_scale.score.ensemble import agreement, write_spread
from atypeak_scale.score.weights import Responses, Sums, Weights, masks, occupancies, responses, weights
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import schema

NORMALIZATION = schema.NORMALIZATION
AGREEMENT = "agreement"
WEIGHT_COLUMNS = (
    "k1", "k2", "k3", "weight", "sampled_windows", "theta_mean", "theta_error", "eta_mean", "eta_error",
)  # fmt: skip
CENTRE = 750.0  # what an average peak of a label gets (SPEC 5.6)
NO_SPREAD = "fewer than two peaks or no spread: all 750"
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LabelScale:
    """Number, mean and standard deviation (n - 1) of the weighted scores of each label of the second view."""

    peaks: npt.NDArray[np.int64]
    mean: FloatArray
    sd: FloatArray

    @property
    def has_spread(self) -> npt.NDArray[np.bool_]:
        """Whether scores can be centred and reduced, (labels,)."""
        # Equal scores may differ from their mean by rounding.
        return (self.peaks >= 2) & (self.sd > 1e-9 * np.abs(self.mean))


def sample_windows(total: int, settings: NormalizationSettings) -> npt.NDArray[np.int64]:
    """Draw the windows of the Monte Carlo sample, without replacement, in store order (SPEC 5.5)."""
    wanted = settings.sample
    if wanted == "all":
        return np.arange(total)
    size = max(1, round(wanted * total)) if isinstance(wanted, float) else min(wanted, total)
    return np.sort(np.random.default_rng(settings.seed).choice(total, size, replace=False))


def sample_blocks(
    data: zarr.Group, windows: npt.NDArray[np.int64]
) -> list[tuple[npt.NDArray[np.int64], int]]:
    """Cut sorted windows by the chunks of occupancy they lie in: (windows, counted from start; start)."""
    length = schema.array(data, "occupancy").chunks[0]
    starts = np.unique(windows // length) * length
    return [
        (windows[(windows >= start) & (windows < start + length)] - start, int(start)) for start in starts
    ]


def read_windows(data: zarr.Group, windows: npt.NDArray[np.int64], start: int) -> npt.NDArray[np.bool_]:
    """Read the occupancy of a block of `sample_blocks`: (windows, bins, sources)."""
    chunk = schema.read_array(data, "occupancy", start, start + int(windows[-1]) + 1)
    occupancy: npt.NDArray[np.bool_] = chunk[windows]
    return occupancy


def label_scale(label: npt.NDArray[np.integer[Any]], score: FloatArray, labels: int) -> LabelScale:
    """Return the scale of each label from the label and the weighted score of every peak, (peaks,) each."""
    peaks = np.bincount(label, minlength=labels)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(label, score, labels) / peaks
        deviation = np.bincount(label, np.square(score - mean[label]), labels)
        return LabelScale(peaks, mean, np.sqrt(deviation / (peaks - 1)))


def final_scores(label: npt.NDArray[np.integer[Any]], score: FloatArray, scale: LabelScale) -> FloatArray:
    """Return s_f of SPEC 5.6, not clipped; 750 where a label has no spread."""
    spread = scale.has_spread[label]
    mean, sd = scale.mean[label], np.where(spread, scale.sd[label], 1.0)
    return np.where(spread, CENTRE * (1 + (score - np.where(spread, mean, 0)) / (2 * sd)), CENTRE)


def normalize_scores(
    run: ScoreRun,
    settings: NormalizationSettings,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> Weights:
    """Fill `k_normalized` and `final` of every catalogue peak, and the tables of weights and labels.

    The windows that are shown to the model have the crumbs that it was trained with. Of an ensemble, each
    model's scores are normalized, and those of the ensemble by the mean of their weights; `spread` is filled
    too, and the attribute `agreement`: Spearman's correlation of the final scores of each two (SPEC 3.4).

    Raises
    ------
    AtypeakError
        Where a peak has no raw score yet.

    """
    with connect(cluster, progress) as client:
        return _normalize(run, settings, client, progress)


def _normalize(run: ScoreRun, settings: NormalizationSettings, client: Any, progress: Progress) -> Weights:
    if not is_scored(run):
        raise AtypeakError(
            f"{run.store}: not every peak is scored by this model; "
            f"run 'atypeak-scale score {run.store} {run.options}' first"
        )
    for one in run.members:
        _normalize(one, settings, client, progress)
    with run.writing():
        data, scores = run.open()
        scores.attrs.pop(NORMALIZATION, None)  # until all of it is done again
        if run.members:
            found = _mean_weights(run, scores)
        else:
            found = _sampled_weights(run, data, scores, settings, client, progress)
        _apply(run, data, scores, found, client, progress)
        if run.members:
            homes = [one.home for one in run.members]
            write_spread(homes, run.home, client, progress)
            scores.attrs[AGREEMENT] = agreement(homes)
        scores.attrs[NORMALIZATION] = settings.model_dump(mode="json")
        schema.consolidate(run.results)
    return found


def model_agreement(run: ScoreRun) -> list[float]:
    """Return the agreement that the normalization of an ensemble found, in order of `combinations`."""
    between: Any = run.open()[1].attrs[AGREEMENT]
    return list(between)


def _mean_weights(run: ScoreRun, scores: zarr.Group) -> Weights:
    """Average what the models of an ensemble have for each source; a weight has the flags of all of them."""
    members = [schema.open_group(*one.home) for one in run.members]
    means = {
        name: np.mean([schema.read_array(one, name) for one in members], axis=0) for name in WEIGHT_COLUMNS
    }
    for name, values in means.items():
        schema.array(scores, name)[:] = values
    flags = [
        "; ".join(dict.fromkeys(filter(None, of_source)))
        for of_source in zip(*(schema.read_array(one, "weight_flag") for one in members), strict=True)
    ]
    schema.array(scores, "weight_flag")[:] = np.array(flags, object)
    scores.attrs["sampled_windows"] = members[0].attrs["sampled_windows"]
    return Weights(means["k1"], means["k2"], means["k3"], means["weight"], flags)


def _presence_block(store: Location, data_path: str, windows: npt.NDArray[np.int64], start: int) -> Any:
    """Return which sources are in any of the `windows`, counted from `start`, all of one chunk."""
    return _presence(store, data_path, windows, start).any(axis=0)


def _presence(
    store: Location, data_path: str, windows: npt.NDArray[np.int64], start: int
) -> npt.NDArray[np.bool_]:
    data = schema.open_group(store, data_path)
    present: npt.NDArray[np.bool_] = np.any(read_windows(data, windows, start), axis=1)
    return present


def _occupancy_block(
    store: Location,
    data_path: str,
    windows: npt.NDArray[np.int64],
    start: int,
    theta: FloatArray,
    eta: FloatArray,
) -> tuple[Sums, Sums]:
    presence = _presence(store, data_path, windows, start)
    return occupancies(presence, theta), occupancies(presence, eta)


def _sampled_weights(
    run: ScoreRun, data: zarr.Group, scores: zarr.Group, settings: NormalizationSettings,
    client: Any, progress: Progress,
) -> Weights:  # fmt: skip
    windows = sample_windows(schema.array(data, "occupancy").shape[0], settings)
    blocks = [(run.store, data.path, *block) for block in sample_blocks(data, windows)]
    seen = run_blocks(_presence_block, blocks, client, stage="sample", progress=progress)
    present = reduce(np.logical_or, (block for _, block in seen))
    found, cells = _responses(run, data, present)
    theta_mask, eta_mask = masks(found, cells)
    with_masks = [(*block, theta_mask, eta_mask) for block in blocks]
    # Receipts are added in block order, so that rounding does not depend on which worker was faster.
    sums = dict(run_blocks(_occupancy_block, with_masks, client, stage="weigh", progress=progress))
    theta, eta = (reduce(add, (sums[i][which] for i in sorted(sums))) for which in (0, 1))
    result = weights(found, cells, theta, eta)
    columns = {
        "k1": result.k1, "k2": result.k2, "k3": result.k3, "weight": result.weight,
        "weight_flag": np.array(result.flag, object), "sampled_windows": theta.count,
        "theta_mean": theta.mean(), "theta_error": theta.error(),
        "eta_mean": eta.mean(), "eta_error": eta.error(),
    }  # fmt: skip
    for name, values in columns.items():
        schema.array(scores, name)[:] = values
    scores.attrs["sampled_windows"] = len(windows)
    return result


def _responses(
    run: ScoreRun, data: zarr.Group, present: npt.NDArray[np.bool_]
) -> tuple[Responses, list[tuple[int, int]]]:
    first, second = map(tuple, schema.labels_of(data))
    sources = tuple(schema.source_labels(data))
    # The windows come with their crumbs, so the engine must add none.
    engine = process_engine(run.model, run.fingerprint, (first, second), sources, 0.0, run.precision)
    bins = schema.array(data, "occupancy").shape[1]
    return responses(engine, present, engine.shape, bins, run.config.training.crumbs), engine.cells


def _apply(
    run: ScoreRun, data: zarr.Group, scores: zarr.Group, found: Weights, client: Any, progress: Progress
) -> None:
    """Weight every peak, then give each label of the second view its own scale (SPEC 5.4, 5.6)."""
    view1 = schema.views_of(data)[1]
    label_of_source = schema.read_array(data, f"source_{view1}")
    labels = schema.array(data, view1).shape[0]
    raw = schema.array(scores, "raw")
    chunks = [
        (run.store, data.path, run.results, scores.path, start, found.weight, label_of_source, labels)
        for start in range(0, raw.shape[0], raw.chunks[0])
    ]
    parts = dict(run_blocks(_weight_block, chunks, client, stage="weight", progress=progress))
    scale = reduce(_merge, (parts[i] for i in sorted(parts)))
    for name, values in (("peaks", scale.peaks), ("mean", scale.mean), ("sd", scale.sd)):
        schema.array(scores, f"{view1}_{name}")[:] = values
    flag = np.where(scale.has_spread, "", NO_SPREAD).astype(object)
    schema.array(scores, f"{view1}_flag")[:] = flag
    finals = [(*chunk[:5], label_of_source, scale) for chunk in chunks]
    for _ in run_blocks(_final_block, finals, client, stage="final", progress=progress):
        pass


def _weight_block(
    store: Location, data_path: str, results: Location, scores_path: str, start: int, weight: FloatArray,
    label_of_source: npt.NDArray[np.int32], labels: int,
) -> LabelScale:  # fmt: skip
    data = schema.open_group(store, data_path)
    scores = schema.open_group(results, scores_path, "r+")
    stop = start + schema.array(scores, "raw").chunks[0]
    source = schema.read_array(data, "catalogue_source", start, stop)
    weighted = (schema.read_array(scores, "raw", start, stop) * weight[source]).astype(np.float32)
    schema.write_chunks(scores, "k_normalized", start, weighted)
    return label_scale(label_of_source[source], weighted.astype(np.float64), labels)


def _final_block(
    store: Location, data_path: str, results: Location, scores_path: str, start: int,
    label_of_source: npt.NDArray[np.int32], scale: LabelScale,
) -> int:  # fmt: skip
    data = schema.open_group(store, data_path)
    scores = schema.open_group(results, scores_path, "r+")
    stop = start + schema.array(scores, "raw").chunks[0]
    source = schema.read_array(data, "catalogue_source", start, stop)
    weighted = schema.read_array(scores, "k_normalized", start, stop).astype(np.float64)
    final = final_scores(label_of_source[source], weighted, scale).astype(np.float32)
    schema.write_chunks(scores, "final", start, final)
    return len(final)


def _merge(one: LabelScale, other: LabelScale) -> LabelScale:
    """Combine the scales of two sets of peaks exactly, by their counts, means and squared deviations."""
    peaks = one.peaks + other.peaks
    means = [np.where(part.peaks > 0, part.mean, 0.0) for part in (one, other)]
    squares = [np.where(part.peaks > 1, np.square(part.sd) * (part.peaks - 1), 0.0) for part in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (one.peaks * means[0] + other.peaks * means[1]) / peaks
        between = np.square(means[1] - means[0]) * one.peaks * other.peaks / peaks
        return LabelScale(peaks, mean, np.sqrt((squares[0] + squares[1] + between) / (peaks - 1)))
