"""Simple scores of peaks, which a model must beat to be worth its training.

Every array is by catalogue peak, in store order; high is typical, as with the model's scores.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.linalg
import zarr

from atypeak_scale.assess.evidence.artificial import contig_ranges
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.scoring.blocks import row_maxima
from atypeak_scale.scoring.normalize import final_scores, label_scale
from atypeak_scale.store import schema

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
PATCH = 41  # bins that the encoder sees from one position, 2k + 1
STRIDE = 4  # bins from one position of the encoder to the next
WINDOWS_AT_ONCE = 128
FIT_WINDOWS = 4096


def peak_table(data: zarr.Group) -> pd.DataFrame:
    """Return start, end and source of every catalogue peak; contigs are told apart by `contig`."""
    columns = ("contig", "start", "end", "source")
    return pd.DataFrame({name: schema.read_array(data, f"catalogue_{name}") for name in columns})


def overlap_counts(data: zarr.Group) -> dict[str, FloatArray]:
    """Return, for each peak, how many others overlap it, and of how many other sources those are."""
    table = peak_table(data)
    peaks, sources = np.zeros(len(table)), np.zeros(len(table))
    for _, (first, stop) in contig_ranges(data, "catalogue_contig"):
        part = table.iloc[first:stop]
        start, end, source = (part[name].to_numpy(copy=True) for name in ("start", "end", "source"))
        i, j = overlapping_pairs(start, end, start, end)
        peaks[first:stop] = np.bincount(i, minlength=len(part)) - 1
        apart = source[i] != source[j]
        distinct = pd.DataFrame({"peak": i[apart], "source": source[j[apart]]}).drop_duplicates()
        sources[first:stop] = np.bincount(distinct["peak"], minlength=len(part))
    return {"overlapping peaks": peaks, "overlapping sources": sources}


def scaled_by_label(data: zarr.Group, score: FloatArray) -> FloatArray:
    """Centre and reduce a score by label of the second view, as final scores are (SPEC 5.6)."""
    view1 = schema.views_of(data)[1]
    label = schema.read_array(data, f"source_{view1}")[schema.read_array(data, "catalogue_source")]
    return final_scores(label, score, label_scale(label, score, schema.array(data, view1).shape[0]))


def pca_scores(data: zarr.Group, sizes: Sequence[int], seed: int) -> dict[int, FloatArray]:
    """Score peaks as the model does, its encoder and decoder being principal components.

    What one position of the encoder sees (41 bins x sources) is projected on the first components, as many
    as each of `sizes` says, and rebuilt; a bin's value is the mean over the positions that see it. The
    components are those of the positions that see a peak, in at most `FIT_WINDOWS` windows.
    """
    mean, components = _fit(data, max(sizes), seed)
    rows = {
        name: schema.read_array(data, f"peak_{name}")
        for name in ("window", "source", "first_bin", "last_bin")
    }
    scores = {size: np.empty(len(rows["window"])) for size in sizes}
    for low, occupancy in _windows(data):
        here = slice(*np.searchsorted(rows["window"], [low, low + len(occupancy)]))
        place = rows["window"][here] - low
        patches, seen = _patches(occupancy)
        centred = patches - mean
        for size in sizes:
            some = components[:, :size]
            projected = np.asarray((centred @ some) @ some.T + mean, np.float32)
            rebuilt = _overlaid(projected, seen, occupancy.shape)
            scores[size][here] = row_maxima(
                rebuilt, place, rows["source"][here], rows["first_bin"][here], rows["last_bin"][here]
            )
    peak = schema.read_array(data, "peak_catalogue")
    return {size: np.bincount(peak, score) / np.bincount(peak) for size, score in scores.items()}


def _windows(data: zarr.Group) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    for start in range(0, schema.array(data, "occupancy").shape[0], WINDOWS_AT_ONCE):
        yield start, schema.read_array(data, "occupancy", start, start + WINDOWS_AT_ONCE)


def _fit(data: zarr.Group, size: int, seed: int) -> tuple[Float32Array, Float32Array]:
    """Return mean (bins x sources,) and the first components (bins x sources, size) of what positions see."""
    total, _, sources = schema.array(data, "occupancy").shape
    chosen = np.random.default_rng(seed).permutation(total)[:FIT_WINDOWS]
    wanted = np.zeros(total, bool)
    wanted[chosen] = True
    width = PATCH * sources
    count, sums, products = 0, np.zeros(width), np.zeros((width, width))
    for low, occupancy in _windows(data):
        patches, _ = _patches(occupancy[wanted[low : low + len(occupancy)]])
        count += len(patches)
        sums += patches.sum(axis=0, dtype=np.float64)
        products += patches.T @ patches
    mean = sums / count
    covariance = products / count - np.outer(mean, mean)
    first = max(0, width - size)
    _, vectors = scipy.linalg.eigh(covariance, subset_by_index=(first, width - 1), overwrite_a=True)
    return mean.astype(np.float32), vectors[:, ::-1].astype(np.float32)


def _patches(occupancy: npt.NDArray[np.bool_]) -> tuple[Float32Array, npt.NDArray[np.bool_]]:
    """Return what positions see that see anything, (seen positions, bins x sources), and which do."""
    padded = np.pad(occupancy, ((0, 0), (PATCH, PATCH), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, PATCH, axis=1)[:, ::STRIDE]
    seen: npt.NDArray[np.bool_] = np.any(views, axis=(2, 3))
    fields = views[seen].transpose(0, 2, 1).astype(np.float32)
    return fields.reshape(len(fields), PATCH * occupancy.shape[2]), seen


def _overlaid(patches: Float32Array, seen: npt.NDArray[np.bool_], shape: tuple[int, ...]) -> Float32Array:
    """Return the mean over patches at each bin, (windows, bins, sources); 0 where there is no patch."""
    windows, bins, sources = shape
    total = np.zeros((windows, bins + 2 * PATCH, sources), np.float32)
    count = np.zeros((windows, bins + 2 * PATCH, 1), np.float32)
    at = np.cumsum(seen).reshape(seen.shape) - 1
    for position in range(seen.shape[1]):
        here, first = seen[:, position], position * STRIDE
        total[here, first : first + PATCH] += patches[at[here, position]].reshape(-1, PATCH, sources)
        count[here, first : first + PATCH] += 1
    rebuilt: Float32Array = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return rebuilt[:, PATCH : PATCH + bins]
