"""The convolutions of the autoencoder as one-dimensional products over reshaped axes (method, section 3).

Weights keep the shapes of the article's three-dimensional convolutions, (bins, datasets, TRs, in, out), so
that parameter counts, initial distributions and published arrays match the article. They are reshaped
inside the graph. On a CPU this is many times faster than Conv3D.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.initial_weights import glorot_columns

ops = keras.ops
BINS_FIRST = "channels_last"  # Keras' name for (batch, bins, channels)
PACKAGE = "atypeak_scale"
PHASES = 4  # bins for each position of the encoder, after two poolings
Shape = tuple[int | None, ...]


class _Convolution(keras.layers.Layer):  # type: ignore[misc]
    """A linear convolution over bins with a bias; subclasses give the weights' shape and the reshaping."""

    def __init__(
        self, kernel_width: int, filters: int, l2: float = 0.0, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.kernel_width = kernel_width
        self.filters = filters
        self.l2 = l2
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_width": self.kernel_width,
            "filters": self.filters,
            "l2": self.l2,
            "seed": self.seed,
        }

    def _add_weights(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(
            name="kernel",
            shape=shape,
            initializer=keras.initializers.GlorotUniform(seed=self.seed),
            regularizer=keras.regularizers.L2(self.l2) if self.l2 else None,
        )
        self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros")


def pad_bins(x: Any, left: int, right: int) -> Any:
    """Return `x` with zeros before and after its second-to-last axis."""
    return ops.pad(x, [(0, 0)] * (len(x.shape) - 2) + [(left, right), (0, 0)])


def pad_and_pool(x: Any, width: int) -> Any:
    """Pad (batch, L, channels) by (width / 2, width / 2 - 1), then max-pool by 2 (method, section 3)."""
    return ops.max_pool(
        pad_bins(x, width // 2, width // 2 - 1), pool_size=2, strides=2, data_format=BINS_FIRST
    )


@keras.saving.register_keras_serializable(package=PACKAGE)
class FirstViewConvolution(_Convolution):
    """(batch, bins, m, n) to (batch, n, (bins + 4k) / 2, F): filters over all m, the same for each of n."""

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (k, m, 1, 1, F)."""
        self._add_weights((self.kernel_width, int(input_shape[2] or 0), 1, 1, self.filters))

    def call(self, inputs: Any) -> Any:
        """Convolve the bins of every second-view label separately."""
        k, (_, bins, m, n) = self.kernel_width, inputs.shape
        each = ops.reshape(ops.transpose(inputs, (0, 3, 1, 2)), (-1, bins, m))
        kernel = ops.reshape(self.kernel, (k, m, self.filters))
        filtered = ops.conv(pad_bins(each, 2 * k, 2 * k), kernel, data_format=BINS_FIRST) + self.bias
        return ops.reshape(pad_and_pool(filtered, k), (-1, n, (bins + 4 * k) // 2, self.filters))


@keras.saving.register_keras_serializable(package=PACKAGE)
class SecondViewConvolution(_Convolution):
    """(batch, n, L, F) to (batch, L / 2, F): filters over all n and all F; then pooling. k is halved."""

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (k / 2, 1, n, F, F)."""
        shape = (self.kernel_width // 2, 1, int(input_shape[1] or 0), int(input_shape[3] or 0), self.filters)
        self._add_weights(shape)

    def call(self, inputs: Any) -> Any:
        """Convolve the bins over all labels of the second view at once."""
        k, (_, n, length, channels) = self.kernel_width // 2, inputs.shape
        together = ops.reshape(ops.transpose(inputs, (0, 2, 1, 3)), (-1, length, n * channels))
        kernel = ops.reshape(self.kernel, (k, n * channels, self.filters))
        return pad_and_pool(ops.conv(together, kernel, data_format=BINS_FIRST) + self.bias, k)


def with_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function that returns its result and its gradients; AutoGraph, which may warn, is kept out."""
    kept_out: Callable[..., Any] = tf.autograph.experimental.do_not_convert(tf.custom_gradient(function))
    return kept_out


@with_gradient
def _convolve(inputs: Any, kernel: Any) -> Any:
    """Convolve (batch, L, D) with (k, D, F); its gradients are plain matrix products.

    With few positions and many channels these take half the time of TensorFlow's own.
    """
    k, channels, filters = kernel.shape
    length = inputs.shape[1]

    def gradients(upstream: Any) -> tuple[Any, Any]:
        padded = pad_bins(upstream, k - 1, k - 1)
        taps = [padded[:, k - 1 - tap : k - 1 - tap + length] for tap in range(k)]
        of_taps = ops.reshape(ops.concatenate(taps, axis=2), (-1, k * filters))
        flat_kernel = ops.reshape(ops.transpose(kernel, (1, 0, 2)), (channels, k * filters))
        of_inputs = tf.matmul(of_taps, flat_kernel, transpose_b=True)
        of_kernel = tf.matmul(ops.reshape(inputs, (-1, channels)), of_taps, transpose_a=True)
        return (
            ops.reshape(of_inputs, (-1, length, channels)),
            ops.transpose(ops.reshape(of_kernel, (channels, k, filters)), (1, 0, 2)),
        )

    return ops.conv(inputs, kernel, data_format=BINS_FIRST), gradients


@keras.saving.register_keras_serializable(package=PACKAGE)
class DeepConvolution(_Convolution):
    """(batch, L, D) to (batch, L, F): the first decoding step, padded back to L."""

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (k, D, 1, 1, F)."""
        self._add_weights((self.kernel_width, int(input_shape[2] or 0), 1, 1, self.filters))

    def call(self, inputs: Any) -> Any:
        """Convolve the bins over the whole deep dimension."""
        k = self.kernel_width
        kernel = ops.reshape(self.kernel, (k, inputs.shape[2], self.filters))
        return pad_bins(_convolve(inputs, kernel) + self.bias, k // 2, k // 2 - 1)


def phase_taps(kernel_width: int) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    """Return which taps of a same-padded kernel meet which position, if each position is repeated 4 times.

    With this, the long kernel becomes a short one for each of the four bins of a position
    (docs/architecture.md, Exact fast inference).

    Parameters
    ----------
    kernel_width : int
        k.

    Returns
    -------
    phases : float32 (4, taps, k)
        Output 4q + r sums, over the short kernel's taps t, input q + first + t times the sum of the kernel's
        taps that are 1 in [r, t].
    first : int
        Offset of the first position.

    """
    left = (kernel_width - 1) // 2
    offsets = np.array([[(r + tap - left) // PHASES for tap in range(kernel_width)] for r in range(PHASES)])
    first = int(offsets.min())
    taps = np.arange(first, offsets.max() + 1)
    return (offsets[:, None, :] == taps[None, :, None]).astype(np.float32), first


def _side_by_side(inputs: Any, start: int, taps: int, rows: int) -> Any:
    """(batch, L, F) to (batch, rows, taps * F): row r holds positions start + r to start + r + taps - 1."""
    length, channels = inputs.shape[1:]

    @with_gradient
    def beside(inputs: Any) -> Any:
        def gradient(upstream: Any) -> Any:
            each = tf.split(upstream, [channels] * taps, axis=2)
            return tf.add_n(
                [pad_bins(part, start + tap, length - start - tap - rows) for tap, part in enumerate(each)]
            )

        shifted = [inputs[:, start + tap : start + tap + rows] for tap in range(taps)]
        return tf.concat(shifted, axis=2), gradient

    return beside(inputs)


@keras.saving.register_keras_serializable(package=PACKAGE)
class SourceConvolution(_Convolution):
    """(batch, (bins + 4k) / 4, F) to (batch, bins, filters): one filter for each (dataset, TR) cell.

    This repeats each position 4 times, convolves with k taps, and drops 2k bins on each side. It is computed
    as one convolution with short kernels over the positions before they are repeated, four phases at once.
    With `cells`, sorted, only the filters of these cells exist; the other cells are 0. Their initial weights
    are those that they have among all filters.
    """

    def __init__(
        self,
        kernel_width: int,
        filters: int,
        l2: float = 0.0,
        seed: int | None = None,
        cells: Sequence[int] | None = None,
        **kwargs: Any,
    ):
        super().__init__(kernel_width, filters, l2, seed, **kwargs)
        self.cells = None if cells is None else [int(cell) for cell in cells]

    def get_config(self) -> dict[str, Any]:
        """Return what the layer is made from again."""
        # Files of networks with all filters stay as they were.
        return super().get_config() | ({} if self.cells is None else {"cells": self.cells})

    def build(self, input_shape: Shape) -> None:
        """Create the kernel (k, 1, 1, F, filters that exist)."""
        shape = (self.kernel_width, 1, 1, int(input_shape[2] or 0), self.filters)
        if self.cells is None:
            self._add_weights(shape)
            return
        drawn = glorot_columns(shape, self.cells, self.seed)
        self.kernel = self.add_weight(name="kernel", shape=drawn.shape, initializer=lambda *_, **__: drawn)
        self.bias = self.add_weight(name="bias", shape=drawn.shape[-1:], initializer="zeros")

    def places_of(self, cells: Sequence[int]) -> npt.NDArray[np.int32]:
        """Return where the filters of some cells are along the kernel; -1 for one that does not exist."""
        if self.cells is None:
            return np.array(cells, np.int32)
        place = {cell: number for number, cell in enumerate(self.cells)}
        return np.array([place.get(int(cell), -1) for cell in cells], np.int32)

    def call(self, inputs: Any) -> Any:
        """Convolve with short kernels whose taps are sums of the long kernel's taps."""
        start, taps, rows = self._extent(inputs)
        channels, filters = inputs.shape[2], self.kernel.shape[4]
        kernel = self.short_kernel(self.compute_dtype)
        kernel = ops.reshape(kernel, (taps, channels, PHASES * filters))
        rebuilt = ops.conv(inputs[:, start : start + rows + taps - 1], kernel, data_format=BINS_FIRST)
        rebuilt = ops.reshape(rebuilt, (-1, PHASES * rows, filters)) + self.bias
        if self.cells is None:
            return rebuilt
        with_nothing = ops.pad(rebuilt, [(0, 0), (0, 0), (0, 1)])  # what cells without a filter take
        return ops.take(with_nothing, self.places_of(range(self.filters)) % (filters + 1), axis=2)

    def short_kernel(self, dtype: str) -> Any:
        """Return what turns the inputs of each four bins into these bins: (taps * F, 4, filters)."""
        k, channels, filters = self.kernel_width, self.kernel.shape[3], self.kernel.shape[4]
        phases, _ = phase_taps(k)
        sums = phases.transpose(1, 0, 2).reshape(-1, k)
        flat = ops.reshape(ops.cast(self.kernel, dtype), (k, channels * filters))
        short = ops.matmul(ops.convert_to_tensor(sums, dtype), flat)
        short = ops.reshape(short, (-1, PHASES, channels, filters))
        return ops.reshape(ops.transpose(short, (0, 2, 1, 3)), (-1, PHASES, filters))

    def seen(self, inputs: Any) -> Any:
        """Return the inputs of each four bins, as `short_kernel` takes them: (batch, bins / 4, taps * F)."""
        return _side_by_side(inputs, *self._extent(inputs))

    def _extent(self, inputs: Any) -> tuple[int, int, int]:
        """Return the first position seen, the taps of the short kernel, and the number of fours of bins."""
        phases, first = phase_taps(self.kernel_width)
        return self.kernel_width // 2 + first, phases.shape[1], inputs.shape[1] - self.kernel_width
