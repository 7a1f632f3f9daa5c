"""Simple scores of peaks, which a model must beat to be worth its training.

Every array is by catalogue peak, in store order; high is typical, as with the model's scores.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.linalg

from atypeak_scale.assess.evidence.artificial import contig_ranges
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.scoring.blocks import row_maxima
from atypeak_scale.scoring.label_scale import final_scores, label_scale
from atypeak_scale.store.cell_line import CellLine

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
PATCH = 41  # bins that the encoder sees from one position, 2k + 1
STRIDE = 4  # bins from one position of the encoder to the next
WINDOWS_AT_ONCE = 128
FIT_WINDOWS = 4096


def peak_table(cell_line: CellLine) -> pd.DataFrame:
    """Return start, end and source of every catalogue peak; contigs are told apart by `contig`."""
    peaks = cell_line.peaks(0, cell_line.peak_count)
    return pd.DataFrame(
        {"contig": peaks.contig, "start": peaks.start_bp, "end": peaks.end_bp, "source": peaks.source}
    )


def overlap_counts(cell_line: CellLine) -> dict[str, FloatArray]:
    """Return, for each peak, how many others overlap it, and of how many other sources those are."""
    table = peak_table(cell_line)
    peaks, sources = np.zeros(len(table)), np.zeros(len(table))
    for first, stop in contig_ranges(cell_line, "peaks").values():
        part = table.iloc[first:stop]
        start, end, source = (part[name].to_numpy(copy=True) for name in ("start", "end", "source"))
        i, j = overlapping_pairs(start, end, start, end)
        peaks[first:stop] = np.bincount(i, minlength=len(part)) - 1
        apart = source[i] != source[j]
        distinct = pd.DataFrame({"peak": i[apart], "source": source[j[apart]]}).drop_duplicates()
        sources[first:stop] = np.bincount(distinct["peak"], minlength=len(part))
    return {"overlapping peaks": peaks, "overlapping sources": sources}


def scaled_by_label(cell_line: CellLine, score: FloatArray) -> FloatArray:
    """Centre and reduce a score by label of the second view, as final scores are (method, section 5.6)."""
    label = cell_line.cells[cell_line.peaks(0, cell_line.peak_count).source, 1]
    return final_scores(label, score, label_scale(label, score, len(cell_line.labels[1])))


def pca_scores(cell_line: CellLine, sizes: Sequence[int], seed: int) -> dict[int, FloatArray]:
    """Score peaks as the model does, its encoder and decoder being principal components.

    What one position of the encoder sees (41 bins x sources) is projected on the first components, as many
    as each of `sizes` says, and rebuilt; a bin's value is the mean over the positions that see it. The
    components are those of the positions that see a peak, in at most `FIT_WINDOWS` windows.
    """
    mean, components = _fit(cell_line, max(sizes), seed)
    rows = cell_line.rows(0, cell_line.row_count)
    scores = {size: np.empty(cell_line.row_count) for size in sizes}
    for low, occupancy in _windows(cell_line):
        of_pass = slice(*np.searchsorted(rows.window, [low, low + len(occupancy)]))
        window = rows.window[of_pass] - low
        patches, seen = _patches(occupancy)
        centred = patches - mean
        for size in sizes:
            some = components[:, :size]
            projected = np.asarray((centred @ some) @ some.T + mean, np.float32)
            rebuilt = _overlaid(projected, seen, occupancy.shape)
            scores[size][of_pass] = row_maxima(
                rebuilt, window, rows.source[of_pass], rows.first_bin[of_pass], rows.last_bin[of_pass]
            )
    return {size: np.bincount(rows.peak, score) / np.bincount(rows.peak) for size, score in scores.items()}


def _windows(cell_line: CellLine) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    for start in range(0, cell_line.shape.windows, WINDOWS_AT_ONCE):
        yield start, cell_line.occupancy(start, min(start + WINDOWS_AT_ONCE, cell_line.shape.windows))


def _fit(cell_line: CellLine, size: int, seed: int) -> tuple[Float32Array, Float32Array]:
    """Return mean (bins x sources,) and the first components (bins x sources, size) of what positions see."""
    total, _, sources = cell_line.shape
    chosen = np.random.default_rng(seed).permutation(total)[:FIT_WINDOWS]
    wanted = np.zeros(total, bool)
    wanted[chosen] = True
    width = PATCH * sources
    count, sums, products = 0, np.zeros(width), np.zeros((width, width))
    for low, occupancy in _windows(cell_line):
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
        sees, first = seen[:, position], position * STRIDE
        total[sees, first : first + PATCH] += patches[at[sees, position]].reshape(-1, PATCH, sources)
        count[sees, first : first + PATCH] += 1
    rebuilt: Float32Array = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return rebuilt[:, PATCH : PATCH + bins]
