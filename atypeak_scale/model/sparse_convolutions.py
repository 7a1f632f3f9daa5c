"""The first two convolutions, without the arithmetic that no peak needs (method, section 3).

They give exactly what the layers `first_view` and `second_view` give, with the gradients of their weights.
With crumbs, all labels of the second view share one signal. A label adds its own signal only where it has
peaks. So own signals are rows, one for each (label, window, pooled position) that sees a peak of the label.
The second convolution first multiplies these rows and then adds the products where they belong
(docs/architecture.md, Exact fast inference).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.layers import pad_and_pool, pad_bins, with_gradient


class SparseConvolutions:
    """The encoder up to the second pooling, as a function of the observed sources' occupancy.

    Parameters
    ----------
    network : keras.Model
        As `build_autoencoder` makes it; each call uses its current weights.
    cells : sequence of (int, int)
        Index of the first and the second label of every source along the network's axes.
    crumbs : float
        c, for the crumbs of the windows (method, section 2.5).

    """

    def __init__(self, network: keras.Model, cells: Sequence[tuple[int, int]], crumbs: float) -> None:
        self._first, self._second = network.get_layer("first_view"), network.get_layer("second_view")
        self._crumbs = crumbs
        _, _, m, n = network.input_shape
        self._dataset = [i for i, _ in cells]
        self._of_dataset = np.eye(m, dtype=np.float32)[self._dataset]
        self._of_label = [[s for s, (_, j) in enumerate(cells) if j == label] for label in range(n)]
        self._has_label = np.eye(n, dtype=np.float32)[[j for _, j in cells]]

    def __call__(self, occupancy: tf.Tensor) -> tf.Tensor:
        """Return the signal after the second pooling.

        Parameters
        ----------
        occupancy : float (windows, bins, sources)
            1 where a source has a peak, else 0.

        Returns
        -------
        tensor (windows, positions, F)
            In the layers' compute dtype.

        """
        k, dtype = self._first.kernel_width, self._first.compute_dtype
        kernel1 = tf.cast(self._first.kernel, dtype)[:, :, 0, 0]
        kernel2 = tf.cast(self._second.kernel, dtype)[:, 0]
        padded = pad_bins(tf.cast(occupancy, dtype), 2 * k, 2 * k)
        shared = self._shared(padded, kernel1) + tf.cast(self._first.bias, dtype)
        pooled = pad_and_pool(shared, k)
        signal = tf.nn.conv1d(pooled, tf.reduce_sum(kernel2, axis=1), 1, "VALID")
        signal += self._own(padded, shared, pooled, kernel1, kernel2)
        return pad_and_pool(signal + tf.cast(self._second.bias, dtype), k // 2)

    def _shared(self, padded: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Return what the crumbs of all second-view labels add to each of them: (windows, L, F)."""
        if not self._crumbs:
            shape = tf.shape(padded)
            return tf.zeros((shape[0], shape[1] - kernel.shape[0] + 1, kernel.shape[2]), padded.dtype)
        rows = tf.matmul(padded, tf.cast(self._of_dataset, padded.dtype))
        return tf.nn.conv1d(rows, self._crumbs * kernel, 1, "VALID")

    def _own(
        self, padded: tf.Tensor, shared: tf.Tensor, pooled: tf.Tensor, kernel1: tf.Tensor, kernel2: tf.Tensor
    ) -> tf.Tensor:
        """Return what labels' own peaks add to the second convolution: (windows, L / 2 - k / 2 + 1, F)."""
        k, taps, filters = kernel1.shape[0], kernel2.shape[0], kernel1.shape[2]
        label, window, place = self._rows(padded, k)
        lengths = [array.shape[1] for array in (padded, shared, pooled)]
        flat = [tf.reshape(array, (-1, array.shape[2])) for array in (padded, shared, pooled)]
        # A row pools two positions of the first convolution; neither is in the padding of the pooling.
        position = 2 * place[:, None] - k // 2 + tf.constant([0, 1], tf.int64)
        bins = (window[:, None] * lengths[0] + position)[:, :, None] + tf.range(k, dtype=tf.int64)
        labels = len(self._of_label)
        rows_of_label = tf.math.bincount(tf.cast(label, tf.int32), minlength=labels)
        kernels, at_of_label = self._own_kernels(kernel1), tf.split(bins, rows_of_label, num=labels)
        own = [
            tf.matmul(
                tf.reshape(tf.gather(tf.gather(flat[0], sources, axis=1), at), (-1, k * len(sources))),
                tf.reshape(kernel, (-1, filters)),
            )
            for sources, at, kernel in zip(self._of_label, at_of_label, kernels, strict=True)
            if sources
        ]
        pair = tf.reshape(tf.concat(own, axis=0), (-1, 2, filters)) + tf.gather(
            flat[1], window[:, None] * lengths[1] + position
        )
        # unstack, because its gradient is cheap
        added = tf.maximum(*tf.unstack(pair, axis=1)) - tf.gather(flat[2], window * lengths[2] + place)
        by_label = tf.reshape(tf.transpose(kernel2, (1, 2, 0, 3)), (-1, filters, taps * filters))
        of_labels = zip(tf.split(added, rows_of_label, num=labels), tf.unstack(by_label), strict=True)
        products = tf.concat([tf.matmul(rows, kernel) for rows, kernel in of_labels], axis=0)
        length = lengths[2] - taps + 1
        target = (window * length + place)[:, None] - tf.range(taps, dtype=tf.int64)
        windows = tf.shape(padded, tf.int64)[0]
        products = tf.cast(tf.reshape(products, (-1, filters)), tf.float32)
        sums = _sums_at(tf.reshape(target, (-1,)), products, windows * length)
        return tf.cast(tf.reshape(sums, (windows, length, filters)), padded.dtype)

    def _rows(self, padded: tf.Tensor, k: int) -> list[tf.Tensor]:
        """Return every (label, window, pooled position) that sees a peak of the label, sorted; int64."""
        has_label = tf.matmul(tf.cast(padded, tf.float32), self._has_label)
        seen = pad_and_pool(tf.nn.max_pool1d(has_label, k, 1, "VALID"), k)
        rows: list[tf.Tensor] = tf.unstack(tf.where(tf.transpose(seen, (2, 0, 1)) > 0), num=3, axis=1)
        return rows

    def _own_kernels(self, kernel: tf.Tensor) -> list[tf.Tensor]:
        """Return, by label, its sources' kernels with the crumbs that each gives to all first labels.

        One gather and one split serve all labels: the gradients of many would cost more than the products.
        """
        of_sources = [self._dataset[s] for sources in self._of_label for s in sources]
        own = tf.gather(kernel, of_sources, axis=1)
        own += self._crumbs * tf.reduce_sum(kernel, axis=1, keepdims=True)
        kernels: list[tf.Tensor] = tf.split(own, [len(sources) for sources in self._of_label], axis=1)
        return kernels


def _sums_at(target: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """Sum the rows of each target: (rows, F) to (count, F); targets must not be negative."""

    @with_gradient
    def summed(rows: tf.Tensor) -> Any:
        # TensorFlow's own gradient checks for negative targets, which costs as much as the sums.
        return tf.math.unsorted_segment_sum(rows, target, count), lambda upstream: tf.gather(upstream, target)

    sums: tf.Tensor = summed(rows)
    return sums
