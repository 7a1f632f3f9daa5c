"""h(X) of many windows, exactly, without the arithmetic that need not be done (DESIGN 5).

runs of peaks -> sights of coarse positions, each once     (patterns.py)
parts of sights -> the two first convolutions, each once   (without crumbs, where they are a sum of parts)
sights -> dense layers and the decoder's products, each once
positions -> sums of the products of their sights          (one sparse product)
windows -> last convolution, for the cells that are asked for
"""

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from atypeak_scale.config import Precision
from atypeak_scale.model.autoencoder import weight_arrays
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.layers import phase_taps
from atypeak_scale.model.patterns import Fields, Sights, runs_of
from atypeak_scale.store.stream import Expansion

FloatArray = npt.NDArray[np.float32]
LOWEST_RATIO = 1e-5
PRODUCT_BYTES = 384 << 20  # what the decoder's products of the sights of one pass may take
ROWS_AT_ONCE = 4096
SHARE_OF_POSITIONS = 0.35  # that see a peak, about; only the size of passes follows from it
MOST_WINDOWS = 4096


class Engine:
    """A trained model as a function of windows of a store, whose sources may be in any order."""

    def __init__(
        self,
        model: TrainedModel,
        sources: Sequence[tuple[str, str]],
        crumbs: float,
        precision: Precision = "float32",
    ) -> None:
        """`sources`: labels of the store's sources; `crumbs`: c of SPEC 2.5 that their windows get."""
        first, second = ({label: i for i, label in enumerate(names)} for names in model.labels)
        self.cells = [(first[a], second[b]) for a, b in sources]
        self._shape = len(first), len(second)
        self._bins, self._crumbs = model.bins, crumbs
        self._expansion = Expansion(self.cells, self._shape, crumbs)
        self.fields = Fields(
            model.config.model.kernel_width, model.bins, np.array([j for _, j in self.cells])
        )
        self._front = keras.Model(model.network.input, model.network.get_layer("second_view").output)
        self._weights = _Weights(model, self.cells, precision)

    def ratios(self, occupancy: npt.NDArray[np.bool_]) -> Iterator[tuple[int, FloatArray]]:
        """Yield (first window, A) by passes over bool (windows, bins, sources).

        A: float32 (windows, bins, sources), h(X) / X of SPEC 4.1 with its floor wherever X is occupied.
        """
        step = self.windows_at_once(len(self.cells))
        for start in range(0, len(occupancy), step):
            windows = occupancy[start : start + step]
            sights = self.fields.sights(runs_of(windows))
            cells = None
            signals: Callable[[slice], FloatArray]
            if self._crumbs:
                cells = self._expansion.cells(tf.constant(windows, tf.float32))
                signals = self._front_values(cells, sights.representative).__getitem__
            else:
                signals = _PartSums(self._weights, self.fields, sights)
            products = self._weights.products(signals, len(sights.bounds) - 1)
            decoded = self._decode(len(windows), sights.position, sights.sight, products)
            ratios = self._weights.rebuild(decoded, of_sources=True)
            if cells is not None:
                present = self._expansion.of_sources(cells).numpy()
                np.divide(ratios, present, out=ratios, where=present > 0)
            yield start, np.maximum(ratios, LOWEST_RATIO, out=ratios)

    def rebuilt(self, cells: FloatArray) -> FloatArray:
        """Return h of any real-valued tensors: float32 (windows, bins, m, n) in and out."""
        result = np.empty(cells.shape, np.float32)
        step = self.windows_at_once(self._shape[0] * self._shape[1])
        occupied = Fields(self.fields.k, self._bins, np.zeros(1, np.int64))
        for start in range(0, len(cells), step):
            windows = cells[start : start + step]
            # Values differ, so no two positions are taken for the same: each is a sight of its own.
            position = occupied.sights(runs_of((windows != 0).any(axis=(2, 3))[:, :, None])).position
            signals = self._front_values(tf.constant(windows), position)
            products = self._weights.products(signals.__getitem__, len(signals))
            decoded = self._decode(len(windows), position, np.arange(len(position)), products)
            rebuilt = self._weights.rebuild(decoded, of_sources=False)
            result[start : start + step] = rebuilt.reshape(windows.shape)
        return result

    def windows_at_once(self, cells: int) -> int:
        """Return how many windows are rebuilt in one pass, for so many cells of each."""
        product = 4 * self._weights.product_width
        sights = PRODUCT_BYTES // product
        by_sights = int(sights / (SHARE_OF_POSITIONS * self.fields.positions))
        by_cells = PRODUCT_BYTES // (4 * self._bins * cells)
        return max(1, min(by_sights, by_cells, MOST_WINDOWS))

    def _front_values(self, cells: tf.Tensor, position: npt.NDArray[np.int64]) -> FloatArray:
        """Return the encoder's signal (positions, F) after the second pooling, at some positions."""
        signal: FloatArray = self._front(cells, training=False).numpy()
        return signal.reshape(-1, signal.shape[-1])[position]

    def _decode(
        self,
        windows: int,
        position: npt.NDArray[np.int64],
        sight: npt.NDArray[np.int64],
        products: FloatArray,
    ) -> FloatArray:
        """Sum what each sight adds to the decoder's output around it: (windows, positions, F)."""
        k, positions = self.fields.k, self.fields.positions
        decoded: FloatArray = np.repeat(self._weights.decoded_empty[None], windows, axis=0)
        if not len(position):
            return decoded
        at = np.full(windows * positions, -1, np.int64)
        at[position] = sight
        taps = np.lib.stride_tricks.sliding_window_view(at.reshape(windows, positions), k, axis=1)
        seen = taps >= 0
        rows = seen.sum(axis=2).ravel()
        column = (taps * k + np.arange(k))[seen]
        bounds = np.concatenate([[0], np.cumsum(rows)])
        change = _sum_rows(column, bounds, products.reshape(products.shape[0] * k, -1))
        decoded[:, k // 2 : k // 2 + positions - k + 1] += change.reshape(windows, positions - k + 1, -1)
        return decoded


class _Weights:
    """The model's weights in the shapes that the engine multiplies, and what an empty window gives."""

    def __init__(self, model: TrainedModel, cells: list[tuple[int, int]], precision: Precision) -> None:
        arrays = weight_arrays(model.network)
        self._dtype = tf.bfloat16 if precision == "bfloat16" else tf.float32
        kernel1, bias1, kernel2, bias2 = arrays[:4]
        self.filters = kernel1.shape[-1]
        labels = range(kernel2.shape[2])
        datasets = [[i for i, j in cells if j == label] for label in labels]
        self._first = [tf.constant(kernel1[:, datasets[label], 0, 0]) for label in labels]
        self._second = [tf.constant(kernel2[:, 0, label]) for label in labels]
        self._bias1 = tf.constant(bias1)
        # An interior position that sees nothing: every label's signal is the first bias.
        self.signal_empty: FloatArray = bias2 + np.einsum("kzif,i->f", kernel2[:, 0], bias1)
        self._dense = [
            (tf.constant(kernel, self._dtype), tf.constant(bias, self._dtype))
            for kernel, bias in zip(arrays[4:12:2], arrays[5:13:2], strict=True)
        ]
        decoder = arrays[12][:, :, 0, 0]
        self.product_width = decoder.shape[0] * decoder.shape[2]
        self._decoder = tf.constant(
            decoder.transpose(1, 0, 2).reshape(decoder.shape[1], self.product_width), self._dtype
        )
        self._last = [
            self._short_kernels(arrays[14], arrays[15], chosen, model)
            for chosen in (None, [i * model.network.input_shape[3] + j for i, j in cells])
        ]
        # Reused from pass to pass: finding new pages each time would cost as much as filling them.
        self._buffer = np.empty((0, self.product_width), np.float32)
        self._encode = tf.function(
            self._encoded, input_signature=[tf.TensorSpec((None, self.filters), tf.float32)]
        )
        self._encoded_empty = self._encode(tf.constant(self.signal_empty[None]))
        self._product = tf.function(
            self._products, input_signature=[tf.TensorSpec((None, self.filters), tf.float32)]
        )
        decode = keras.Model(model.network.input, model.network.get_layer("decoded").output)
        self.decoded_empty: FloatArray = decode(
            np.zeros((1, *model.network.input_shape[1:]), np.float32)
        ).numpy()[0]

    def _short_kernels(
        self, kernel: FloatArray, bias: FloatArray, chosen: list[int] | None, model: TrainedModel
    ) -> tuple[tf.Tensor, tf.Tensor, slice]:
        """The last convolution for some filters, its taps summed as DESIGN 5.6 says."""
        filters = slice(None) if chosen is None else chosen
        phases, first = phase_taps(kernel.shape[0])
        short = np.einsum("rtk,kfc->tfrc", phases, kernel[:, 0, 0][..., filters])
        length = (model.bins + 4 * kernel.shape[0]) // 4
        start = kernel.shape[0] // 2 + first
        kept = slice(start, start + length - kernel.shape[0] + len(short) - 1)
        kernels = tf.constant(short.reshape(*short.shape[:2], -1), self._dtype)
        return kernels, tf.constant(np.tile(bias[filters], 4)), kept

    def contributions(self, windows: FloatArray, label: int) -> FloatArray:
        """What parts of a label add to the second convolution: (parts, 2k + 1, sources) to (parts, 2, F)."""
        signal = tf.nn.conv1d(windows, self._first[label], 1, "VALID") + self._bias1
        pooled = tf.reduce_max(tf.reshape(signal, (len(windows), -1, 2, self.filters)), axis=2)
        added: FloatArray = tf.nn.conv1d(pooled - self._bias1, self._second[label], 1, "VALID").numpy()
        return added

    def products(self, signals: Callable[[slice], FloatArray], count: int) -> FloatArray:
        """Dense layers and the decoder's products of `count` signals, (count, k F), less those of nothing.

        `signals`: a function from a slice to the signals (rows, F) of these sights. What is returned is
        overwritten by the next call.
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

    def _products(self, signals: tf.Tensor) -> tf.Tensor:
        change = self._encoded(signals) - self._encoded_empty
        return tf.cast(tf.matmul(change, self._decoder), tf.float32)

    def rebuild(self, decoded: FloatArray, of_sources: bool) -> FloatArray:
        """(windows, positions, F) to (windows, bins, cells): of the sources, or of all m x n."""
        kernel, bias, kept = self._last[of_sources]
        inputs = tf.cast(tf.constant(decoded[:, kept]), self._dtype)
        phases = tf.cast(tf.nn.conv1d(inputs, kernel, 1, "VALID"), tf.float32)
        rebuilt: FloatArray = tf.nn.bias_add(phases, bias).numpy()
        return rebuilt.reshape(len(decoded), -1, bias.shape[0] // 4)


def _sum_rows(rows: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """Sum values[rows[bounds[i] : bounds[i + 1]]] for every i, over all axes but the first, flattened."""
    flat = values.reshape(len(values), -1)
    chosen = rows[bounds[0] : bounds[-1]]
    ones = np.ones(len(chosen), np.float32)
    shape = (len(bounds) - 1, len(flat))
    sums: FloatArray = sparse.csr_matrix((ones, chosen, bounds - bounds[0]), shape=shape) @ flat
    return sums


class _PartSums:
    """The signals of sights without crumbs: sums of what their parts contribute, pooled (DESIGN 5.3)."""

    def __init__(self, weights: _Weights, fields: Fields, sights: Sights) -> None:
        self._weights, self._sights = weights, sights
        self._parts = np.empty((len(sights.part_label), 2, weights.filters), np.float32)
        for label, (place, channel, first, last) in enumerate(sights.part_runs):
            of_label = np.flatnonzero(sights.part_label == label)
            sources = int(fields.sources_of_label[label]) if len(of_label) else 0
            starts = np.searchsorted(place, np.arange(0, len(of_label) + ROWS_AT_ONCE, ROWS_AT_ONCE))
            for number, at in enumerate(range(0, len(of_label), ROWS_AT_ONCE)):
                parts = of_label[at : at + ROWS_AT_ONCE]
                of_pass = slice(starts[number], starts[number + 1])
                edges = np.zeros((len(parts), fields.width + 1, sources), np.float32)
                edges[place[of_pass] - at, first[of_pass], channel[of_pass]] = 1
                edges[place[of_pass] - at, last[of_pass] + 1, channel[of_pass]] = -1
                windows = np.cumsum(edges, axis=1)[:, :-1]
                self._parts[parts] = weights.contributions(windows, label)

    def __call__(self, at: slice) -> FloatArray:
        """Return the signals (rows, F) of sights `at`."""
        sums = _sum_rows(self._sights.members, self._sights.bounds[at.start : at.stop + 1], self._parts)
        signals: FloatArray = (
            sums.reshape(-1, *self._parts.shape[1:]).max(axis=1) + self._weights.signal_empty
        )
        return signals
