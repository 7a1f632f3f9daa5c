"""From the encoder's signals to rebuilt cells: the dense layers and the two last convolutions.

The decoder's first convolution is linear, so each distinct input is multiplied by its kernel once, and the
products are added where they belong. The last convolution follows after every position is repeated four
times. It becomes a convolution with short kernels, only for the requested cells (docs/architecture.md, Exact
fast inference).
"""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from atypeak_scale.config import Precision
from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.layers import PHASES, phase_taps
from atypeak_scale.model.network import weight_arrays

if TYPE_CHECKING:
    from atypeak_scale.model.files import TrainedModel

FloatArray = npt.NDArray[np.float32]
Filters = npt.NDArray[np.int32]
ROWS_AT_ONCE = 4096


class DecoderWeights:
    """The weights after the second pooling, in the shapes that the engine multiplies.

    Parameters
    ----------
    model : TrainedModel
        The model with these weights.
    signal_empty : float32 (F,)
        The signal of a position that sees no peak.
    all_cells, source_cells : sequence of int or None
        Cells to rebuild: the number of each along the model's m * n cells; None means all, in their order.
        Cells without a filter are rebuilt as 0.
    precision : "float32" or "bfloat16"
        Precision of the products.

    Attributes
    ----------
    product_width : int
        Number of floats in the products of one input.
    decoded_empty : float32 (positions, F)
        Output of the layer `decoded` for an empty window.
    deep_kernel : float32 (k, D, F)
        Kernel of the layer `decoded`.
    source_kernels : float32 (taps, F, 4, sources)
        The last convolution as short kernels, for the cells of the sources: four bins for each position.
    first_tap : int
        Position of the first tap, counted from that of the four bins.
    lock : threading.Lock
        Hold it from a call of `products` until its result has been used.

    """

    def __init__(
        self,
        model: "TrainedModel",
        signal_empty: FloatArray,
        all_cells: Sequence[int] | None,
        source_cells: Sequence[int] | None,
        precision: Precision,
    ) -> None:
        arrays = weight_arrays(model.network)
        self._dtype = tf.bfloat16 if precision == "bfloat16" else tf.float32
        self._dense = [
            (tf.constant(kernel, self._dtype), tf.constant(bias, self._dtype))
            for kernel, bias in zip(arrays[4:12:2], arrays[5:13:2], strict=True)
        ]
        self.deep_kernel: FloatArray = arrays[12][:, :, 0, 0]
        decoder = self.deep_kernel
        self.product_width = decoder.shape[0] * decoder.shape[2]
        self._decoder = tf.constant(
            decoder.transpose(1, 0, 2).reshape(decoder.shape[1], self.product_width), self._dtype
        )
        layer = model.network.get_layer("sources")
        self._bins, self._last_arrays = model.bins, (arrays[14], arrays[15])
        if layer.cells is not None and all_cells is None:
            all_cells = range(layer.filters)
        self._filters = [
            None if cells is None else layer.places_of(cells) for cells in (all_cells, source_cells)
        ]
        self._last: dict[bool, tuple[tf.Tensor, tf.Tensor, slice]] = {}
        self.source_kernels, self.first_tap = _short_kernels(arrays[14], self._filters[True])
        # Reused from pass to pass, because finding new pages costs as much as filling them. Callers in one
        # process take turns with it, because each product uses all threads.
        self.lock = threading.Lock()
        self._buffer = np.empty((0, self.product_width), np.float32)
        signature = [tf.TensorSpec((None, len(signal_empty)), tf.float32)]
        encode = tf.function(self._encoded, input_signature=signature, autograph=False)
        self._encoded_empty = encode(tf.constant(signal_empty[None]))
        self._change = tf.function(self._changes, input_signature=signature, autograph=False)
        self._product = tf.function(self._products, input_signature=signature, autograph=False)
        decode = keras.Model(model.network.input, model.network.get_layer("decoded").output)
        self.decoded_empty: FloatArray = decode(
            np.zeros((1, *model.network.input_shape[1:]), np.float32)
        ).numpy()[0]

    def _last_convolution(self, of_sources: bool) -> tuple[tf.Tensor, tf.Tensor, slice]:
        """Return kernels (their taps summed by phase) and bias of some cells, and the positions needed.

        Those of all cells are made when they are asked for first: there may be hundreds of thousands.
        """
        if of_sources not in self._last:
            kernel, bias = self._last_arrays
            filters = self._filters[of_sources]
            short, first = _short_kernels(kernel, filters)
            length = (self._bins + 4 * kernel.shape[0]) // 4
            start = kernel.shape[0] // 2 + first
            kept = slice(start, start + length - kernel.shape[0] + len(short) - 1)
            kernels = tf.constant(short.reshape(*short.shape[:2], -1), self._dtype)
            of_cells = bias if filters is None else np.where(filters < 0, np.float32(0), bias[filters])
            self._last[of_sources] = kernels, tf.constant(np.tile(of_cells, PHASES)), kept
        return self._last[of_sources]

    def products(self, signals: Callable[[slice], FloatArray], count: int) -> FloatArray:
        """Return the decoder's products of inputs, minus those of an empty input.

        Parameters
        ----------
        signals : function
            Takes a slice of inputs and returns their signals, float32 (inputs, F).
        count : int
            Number of inputs.

        Returns
        -------
        float32 (count, k * F)
            The next call overwrites it: hold `lock` until you have used it.

        """
        if len(self._buffer) < count:
            self._buffer = np.empty((count, self.product_width), np.float32)
        result = self._buffer[:count]
        for start in range(0, count, ROWS_AT_ONCE):
            at = slice(start, min(start + ROWS_AT_ONCE, count))
            result[at] = self._product(signals(at)).numpy()
        return result

    def _encoded(self, signals: tf.Tensor) -> tf.Tensor:
        x = tf.cast(signals, self._dtype)
        for kernel, bias in self._dense:
            x = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, kernel), bias))
        return x

    def changes(self, signals: FloatArray) -> FloatArray:
        """Return the layer `encoded` of signals (inputs, F), minus that of an empty input: (inputs, D)."""
        result: FloatArray = self._change(signals).numpy()
        return result

    def _changes(self, signals: tf.Tensor) -> tf.Tensor:
        return tf.cast(self._encoded(signals) - self._encoded_empty, tf.float32)

    def _products(self, signals: tf.Tensor) -> tf.Tensor:
        change = self._encoded(signals) - self._encoded_empty
        return tf.cast(tf.matmul(change, self._decoder), tf.float32)

    def rebuild(self, decoded: FloatArray, of_sources: bool) -> FloatArray:
        """Return the last convolution of (windows, positions, F).

        Parameters
        ----------
        decoded : float32 (windows, positions, F)
            Output of the layer `decoded`.
        of_sources : bool
            Whether to rebuild only the cells of the sources, or all cells.

        Returns
        -------
        float32 (windows, bins, cells)
            The rebuilt windows.

        """
        kernel, bias, kept = self._last_convolution(of_sources)
        inputs = tf.cast(tf.constant(decoded[:, kept]), self._dtype)
        phases = tf.cast(tf.nn.conv1d(inputs, kernel, 1, "VALID"), tf.float32)
        rebuilt: FloatArray = tf.nn.bias_add(phases, bias).numpy()
        return rebuilt.reshape(len(decoded), -1, bias.shape[0] // PHASES)


def _short_kernels(kernel: FloatArray, filters: Filters | None) -> tuple[FloatArray, int]:
    """Return kernels of some filters, their taps summed by phase: (taps, F, 4, filters); and the first tap.

    A filter of -1 does not exist: its kernel is 0.
    """
    phases, first = phase_taps(kernel.shape[0])
    chosen = kernel[:, 0, 0]
    if filters is not None:
        chosen = chosen[..., filters]
        chosen[..., filters < 0] = 0
    return np.einsum("rtk,kfc->tfrc", phases, chosen), first
