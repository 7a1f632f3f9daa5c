"""Random models with the article's network of the same weights, and random windows of every kind."""

import keras
import numpy as np

from atypeak_scale.config import parse_config
from atypeak_scale.model.files import TrainedModel, model_from_arrays
from benchmarks.article import article_model


def random_model(
    rng: np.random.Generator, bins: int, m: int, n: int, k: int, filters: int, deep: int
) -> tuple[keras.Model, TrainedModel, list[tuple[str, str]]]:
    """Return the article's model, ours with the same weights, and the sources that are observed, shuffled."""
    reference = article_model(bins, m, n, k, filters, deep)
    arrays = [
        (rng.normal(size=w.shape) / np.sqrt(max(1, np.prod(w.shape[:-1])) ** 0.5)).astype(np.float32)
        for w in reference.get_weights()
    ]
    reference.set_weights(arrays)
    labels = [f"d{i}" for i in range(m)], [f"t{j}" for j in range(n)]
    config = parse_config({"cell_line": "c", "store": {"frame": bins * 10}}, "test")
    cells = [(a, b) for a in labels[0] for b in labels[1]]
    chosen = rng.permutation(len(cells))[: rng.integers(1, len(cells) + 1)]
    return reference, model_from_arrays(arrays, labels, config), [cells[c] for c in chosen]


def random_windows(rng: np.random.Generator, windows: int, bins: int, sources: int) -> np.ndarray:
    """Peaks of any length and place: none, a few, at both ends, everywhere, and noise of single bins."""
    occupancy = np.zeros((windows, bins, sources), bool)
    for window in range(windows):
        kind = rng.integers(6)
        for _ in range(rng.poisson(3) if kind else 0):
            first = rng.integers(bins)
            occupancy[window, first : first + rng.integers(1, bins), rng.integers(sources)] = True
        if kind == 1:
            occupancy[window] = True
        if kind == 2:
            occupancy[window, [0, -1]] = True
        if kind == 3:
            occupancy[window] |= rng.random((bins, sources)) < 0.2
    return occupancy
