"""h(X): what a trained model makes of windows, in batches of one shape, one trace (SPEC 4.1, DESIGN 4)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from atypeak_scale.model.files import TrainedModel
from atypeak_scale.store.stream import Expansion

FloatArray = npt.NDArray[np.float32]
LOWEST_RATIO = 1e-5


class Rebuilder:
    """A trained model applied to windows of a store, whose sources may be in any order."""

    def __init__(
        self, model: TrainedModel, sources: Sequence[tuple[str, str]], crumbs: float, batch: int
    ) -> None:
        """`sources`: labels of the store's sources; `crumbs`: c of SPEC 2.5; `batch`: windows at a time."""
        first, second = ({label: i for i, label in enumerate(names)} for names in model.labels)
        shape = len(first), len(second)
        self.cells = [(first[a], second[b]) for a, b in sources]
        self._expansion = Expansion(self.cells, shape, crumbs)
        self._batch = batch
        self._network = tf.function(lambda cells: model.network(cells, training=False), reduce_retracing=True)
        self._ratios_of_batch = tf.function(self._ratios)

    def _ratios(self, packed: tf.Tensor) -> tf.Tensor:
        cells = self._expansion(packed)
        rebuilt = tf.cast(self._network(cells), tf.float32)
        present, rebuilt = self._expansion.of_sources(cells), self._expansion.of_sources(rebuilt)
        return tf.where(present > 0, tf.maximum(tf.math.divide_no_nan(rebuilt, present), LOWEST_RATIO), 0.0)

    def ratios(self, packed: npt.NDArray[np.uint8]) -> Iterator[tuple[int, FloatArray]]:
        """Yield (first window, A) by batches: A float32 (windows, bins, sources), SPEC 4.1.

        packed: uint8 (windows, bins, ceil(sources / 8)).
        """
        for start, batch, kept in self._batches(packed):
            yield start, self._ratios_of_batch(batch).numpy()[:kept]

    def rebuilt(self, cells: FloatArray) -> FloatArray:
        """Return h of crumbed tensors: float32 (windows, bins, m, n) in and out."""
        batches = [self._network(batch).numpy()[:kept] for _, batch, kept in self._batches(cells)]
        return np.concatenate(batches).astype(np.float32)

    def _batches(self, windows: npt.NDArray[Any]) -> Iterator[tuple[int, tf.Tensor, int]]:
        """Cut into batches of one shape; the last is filled with zeros, `kept` tells how many count."""
        for start in range(0, len(windows), self._batch):
            batch = windows[start : start + self._batch]
            kept = len(batch)
            if kept < self._batch:
                fill = np.zeros((self._batch - kept, *batch.shape[1:]), batch.dtype)
                batch = np.concatenate([batch, fill])
            yield start, tf.constant(batch), kept
