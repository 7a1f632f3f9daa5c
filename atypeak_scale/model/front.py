"""The two first convolutions in training, without the parts that no peak touches (DESIGN 5.2, 5.3, 6).

Exactly what the layers `first_view` and `second_view` give, and differentiable in their weights: with
crumbs, all labels of the second view share one signal, to which only those present in a window add their
own; so the first convolution sees observed sources, and the second present labels.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf

from atypeak_scale.model.layers import pad_and_pool, pad_bins


class Front:
    """The encoder up to the second pooling, as a function of the observed sources' occupancy."""

    def __init__(self, network: keras.Model, cells: Sequence[tuple[int, int]], crumbs: float) -> None:
        """`cells`: (first label, second label) index of every source; `crumbs`: c of SPEC 2.5."""
        self._first, self._second = network.get_layer("first_view"), network.get_layer("second_view")
        self._crumbs = crumbs
        _, _, m, n = network.input_shape
        self._m = m
        self._dataset = [i for i, _ in cells]
        self._of_label = [[s for s, (_, j) in enumerate(cells) if j == label] for label in range(n)]

    def __call__(self, occupancy: tf.Tensor) -> tf.Tensor:
        """Float (windows, bins, sources) to (windows, positions, F), in the layers' compute dtype."""
        dtype = self._first.compute_dtype
        k, occupancy = self._first.kernel_width, tf.cast(occupancy, dtype)
        kernel1 = tf.cast(self._first.kernel, dtype)[:, :, 0, 0]
        kernel2 = tf.cast(self._second.kernel, dtype)[:, 0]
        padded = pad_bins(occupancy, 2 * k, 2 * k)
        shared = self._shared(padded, kernel1) + tf.cast(self._first.bias, dtype)
        pooled = pad_and_pool(shared, k)
        signal = tf.nn.conv1d(pooled, tf.reduce_sum(kernel2, axis=1), 1, "VALID")
        windows = tf.shape(occupancy)[0]
        for label, sources in enumerate(self._of_label):
            if not sources:
                continue
            of_label = tf.gather(padded, sources, axis=2)
            present = tf.reduce_any(of_label > 0, axis=(1, 2))
            # The first window is always among them, where it adds nothing if it must: no batch is empty.
            at = tf.where(tf.logical_or(present, tf.range(windows) == 0))[:, 0]
            own = tf.nn.conv1d(tf.gather(of_label, at), self._own_kernel(kernel1, sources), 1, "VALID")
            added = pad_and_pool(tf.gather(shared, at) + own, k) - tf.gather(pooled, at)
            added = tf.nn.conv1d(added, kernel2[:, label], 1, "VALID")
            signal += tf.math.unsorted_segment_sum(added, at, windows)
        return pad_and_pool(signal + tf.cast(self._second.bias, dtype), k // 2)

    def _shared(self, padded: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """What the crumbs of all labels of the second view add to each of them."""
        if not self._crumbs:
            shape = tf.shape(padded)
            return tf.zeros((shape[0], shape[1] - kernel.shape[0] + 1, kernel.shape[2]), padded.dtype)
        rows = tf.transpose(
            tf.math.unsorted_segment_sum(tf.transpose(padded, (2, 0, 1)), self._dataset, self._m), (1, 2, 0)
        )
        return tf.nn.conv1d(rows, self._crumbs * kernel, 1, "VALID")

    def _own_kernel(self, kernel: tf.Tensor, sources: list[int]) -> tf.Tensor:
        """A source's kernel, and the crumbs that it gives to all first labels of its second label."""
        own = tf.gather(kernel, [self._dataset[s] for s in sources], axis=1)
        return own + self._crumbs * tf.reduce_sum(kernel, axis=1, keepdims=True)
