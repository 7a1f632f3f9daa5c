"""The dense layers and their dropout in training: what `dense_1` to `encoded` give, with fewer passes.

For the same kept units they give exactly what the layers give. A unit that ReLU or dropout made 0 passes no
gradient, so the gradient needs only the output.
"""

from collections.abc import Sequence
from typing import Any

from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.layers import with_gradient

LEVELS = 1 << 16  # dropout is drawn from numbers with this many values: half the work of float32


class DenseLayers:
    """The dense layers of an autoencoder in training, dropout included (method, section 3).

    Parameters
    ----------
    network : keras.Model
        Has the layers `dense_1`, `dropout_1` and so on up to `encoded`, which has no dropout.

    """

    def __init__(self, network: keras.Model) -> None:
        names = [layer.name for layer in network.layers]
        first, last = names.index("dense_1"), names.index("encoded")
        layers: Sequence[Any] = network.layers[first : last + 1]
        self._pairs = list(zip(layers[::2], [*layers[1::2], None], strict=True))

    def __call__(self, signal: tf.Tensor) -> tf.Tensor:
        """Return what the layer `encoded` gives.

        Parameters
        ----------
        signal : tensor (windows, positions, F)
            Output of the second pooling.

        Returns
        -------
        tensor (windows, positions, D)
            In the layers' compute dtype.

        """
        _, positions, channels = signal.shape
        rows = tf.reshape(signal, (-1, channels))
        scale = 1.0  # of the rows; the next kernel is scaled instead, because it is smaller
        for dense, dropout in self._pairs:
            kernel, bias = (tf.cast(w, dense.compute_dtype) for w in (scale * dense.kernel, dense.bias))
            kept, next_scale = _drawn(tf.shape(rows)[0], dense.units, dropout) if dropout else (None, 1.0)
            rows, scale = _rectified(rows, kernel, bias, kept), next_scale
        return tf.reshape(rows, (-1, positions, rows.shape[1]))


def _drawn(rows: tf.Tensor, units: int, dropout: keras.layers.Dropout) -> tuple[tf.Tensor | None, float]:
    """Return which units of which rows are kept, bool (rows, units), and the factor that they then get."""
    dropped = min(round(dropout.rate * LEVELS), LEVELS - 1)
    if not dropped:
        return None, 1.0
    seed = tf.cast(dropout.seed_generator.next(), tf.int32)
    pairs = tf.random.stateless_uniform(
        [(rows * units + 1) // 2], seed=seed, minval=None, maxval=None, dtype=tf.uint32
    )
    drawn = tf.reshape(tf.bitcast(pairs, tf.uint16), [-1])[: rows * units]
    return tf.reshape(drawn, (rows, units)) >= tf.constant(dropped, tf.uint16), LEVELS / (LEVELS - dropped)


def _rectified(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, kept: tf.Tensor | None) -> tf.Tensor:
    """ReLU of rows (R, C) times kernel (C, D) plus bias (D,), 0 for a unit that is not kept."""

    @with_gradient
    def rectified(rows: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
        values = tf.nn.relu(tf.nn.bias_add(tf.matmul(rows, kernel), bias))
        result = values if kept is None else values * tf.cast(kept, values.dtype)

        def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            passed = tf.raw_ops.ReluGrad(gradients=upstream, features=result)
            of_kernel = tf.matmul(rows, passed, transpose_a=True)
            # not in bfloat16, in which a sum stops growing after a few hundred rows
            of_bias = tf.raw_ops.BiasAddGrad(out_backprop=tf.cast(passed, tf.float32))
            return tf.matmul(passed, kernel, transpose_b=True), of_kernel, tf.cast(of_bias, bias.dtype)

        return result, gradients

    result: tf.Tensor = rectified(rows, kernel, bias)
    return result
