"""h(X) of many windows, exactly, without the arithmetic that need not be done (DESIGN 5).

runs of peaks -> sights of coarse positions, each once     (patterns.py)
parts of sights -> the two first convolutions, each once   (without crumbs, where they are a sum of parts)
windows -> the same, where crumbs mix the parts             (front.py)
sights -> dense layers and the decoder's products, each once
positions -> sums of the products of their sights          (one sparse product)
windows -> last convolution, for the cells that are asked for
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from scipy import sparse

from atypeak_scale.config import Precision
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference.receptive_fields import Fields, Sights, runs_of
from atypeak_scale.model.layers import phase_taps
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.model.sparse_convolutions import Front
from atypeak_scale.store.stream import crumb_matrix

FloatArray = npt.NDArray[np.float32]
LOWEST_RATIO = 1e-5
PRODUCT_BYTES = 512 << 20  # what the decoder's products of the sights of one pass may take
ROWS_AT_ONCE = 4096
SHARE_OF_POSITIONS = 0.35  # that see a peak, about; only the size of passes follows from it
MOST_WINDOWS = 4096
FRONT_BYTES = 64 << 20  # what the crumbed windows' first convolution may take, about
THREADS = int(os.environ.get("TF_NUM_INTRAOP_THREADS", "0")) or os.cpu_count() or 1
_POOL = ThreadPoolExecutor(THREADS, "sums")


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
        self.fields = Fields(
            model.config.model.kernel_width, model.bins, np.array([j for _, j in self.cells])
        )
        self._encoder = keras.Model(model.network.input, model.network.get_layer("second_view").output)
        self._front = tf.function(
            Front(model.network, self.cells, crumbs),
            input_signature=[tf.TensorSpec((None, model.bins, len(self.cells)), tf.float32)],
        )
        self._weights = _Weights(model, self.cells, precision)
        self._most_sights = max(1, PRODUCT_BYTES // (4 * self._weights.product_width))

    def ratios(self, occupancy: npt.NDArray[np.bool_]) -> Iterator[tuple[int, FloatArray]]:
        """Yield (first window, A) by passes over bool (windows, bins, sources).

        A: float32 (windows, bins, sources), h(X) / X of SPEC 4.1 with its floor wherever X is occupied.
        """
        for start, ratios in self.rebuilt_windows(occupancy, of_sources=True):
            if self._crumbs:
                present = self._crumbed(occupancy[start : start + len(ratios)])
                np.divide(ratios, present, out=ratios, where=present > 0)
            yield start, np.maximum(ratios, LOWEST_RATIO, out=ratios)

    def rebuilt_windows(
        self, occupancy: npt.NDArray[np.bool_], of_sources: bool
    ) -> Iterator[tuple[int, FloatArray]]:
        """Yield (first window, h(X)) by passes over bool (windows, bins, sources).

        h(X): float32 (windows, bins, sources), or (windows, bins, m * n) of all cells, dataset by dataset.
        """
        step = self.windows_at_once(len(self.cells) if of_sources else self._shape[0] * self._shape[1])
        waiting = [(start, start + step) for start in range(0, len(occupancy), step)][::-1]
        while waiting:
            start, stop = waiting.pop()
            windows = occupancy[start:stop]
            sights = self.fields.sights(runs_of(windows))
            if len(sights.bounds) - 1 > self._most_sights and len(windows) > 1:
                middle = start + len(windows) // 2
                waiting += [(middle, stop), (start, middle)]
                continue
            signals: Callable[[slice], FloatArray]
            if self._crumbs:
                signals = self._crumbed_signals(windows, sights.representative).__getitem__
            else:
                signals = _PartSums(self._weights, self.fields, sights)
            decoded = self._decode(len(windows), sights.position, sights.sight, signals)
            yield start, self._weights.rebuild(decoded, of_sources)

    def rebuilt(self, cells: FloatArray) -> FloatArray:
        """Return h of any real-valued tensors: float32 (windows, bins, m, n) in and out."""
        result = np.empty(cells.shape, np.float32)
        # Values differ, so no two positions are taken for the same: each is a sight of its own.
        step = max(1, self._most_sights // self.fields.positions)
        occupied = Fields(self.fields.k, self._bins, np.zeros(1, np.int64))
        for start in range(0, len(cells), step):
            windows = cells[start : start + step]
            position = occupied.sights(runs_of((windows != 0).any(axis=(2, 3))[:, :, None])).position
            encoded: FloatArray = self._encoder(tf.constant(windows), training=False).numpy()
            signals = encoded.reshape(-1, encoded.shape[-1])[position]
            each = np.arange(len(position))
            decoded = self._decode(len(windows), position, each, signals.__getitem__)
            rebuilt = self._weights.rebuild(decoded, of_sources=False)
            result[start : start + step] = rebuilt.reshape(windows.shape)
        return result

    def windows_at_once(self, cells: int) -> int:
        """Return how many windows are rebuilt in one pass, for so many cells of each."""
        by_sights = int(self._most_sights / (SHARE_OF_POSITIONS * self.fields.positions))
        by_cells = PRODUCT_BYTES // (4 * self._bins * cells)
        return max(1, min(by_sights, by_cells, MOST_WINDOWS))

    def _crumbed(self, occupancy: npt.NDArray[np.bool_]) -> FloatArray:
        """Return X of SPEC 2.5 at the cells of the sources: float32 (windows, bins, sources)."""
        flat = [i * self._shape[1] + j for i, j in self.cells]
        gives = crumb_matrix(self.cells, self._shape, self._crumbs)[:, flat]
        crumbed: FloatArray = occupancy.astype(np.float32) @ gives
        return crumbed

    def _crumbed_signals(self, windows: npt.NDArray[np.bool_], position: npt.NDArray[np.int64]) -> FloatArray:
        """Return the encoder's signal (positions, F) after the second pooling, at some positions."""
        positions, filters = self.fields.positions, self._weights.filters
        result = np.empty((len(position), filters), np.float32)
        order = np.argsort(position)
        ordered = position[order]
        step = max(1, FRONT_BYTES // (4 * 2 * self._bins * (filters + len(self.cells))))
        for start in range(0, len(windows), step):
            of_step = slice(*np.searchsorted(ordered, [start * positions, (start + step) * positions]))
            signal = self._front(windows[start : start + step].astype(np.float32)).numpy()
            result[order[of_step]] = signal.reshape(-1, filters)[ordered[of_step] - start * positions]
        return result

    def _decode(
        self,
        windows: int,
        position: npt.NDArray[np.int64],
        sight: npt.NDArray[np.int64],
        signals: Callable[[slice], FloatArray],
    ) -> FloatArray:
        """Sum what each sight adds to the decoder's output around it: (windows, positions, F).

        signals: a function from a slice to the signals (rows, F) of these sights.
        """
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
        with self._weights.lock:
            products = self._weights.products(signals, int(sight.max()) + 1)
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
        # By label: what a peak that begins at an edge and never ends adds to the first convolution.
        self._steps = [_steps(kernel1[:, [i for i, j in cells if j == label], 0, 0]) for label in labels]
        self._taps = kernel2.shape[0]
        self._second = [tf.constant(kernel2[:, 0, label].reshape(-1, self.filters)) for label in labels]
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
        # Reused from pass to pass: finding new pages each time would cost as much as filling them. Threads
        # of one process share it in turn, as each product uses all of them.
        self.lock = threading.Lock()
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

    def contributions(self, edges: sparse.csr_matrix, label: int) -> FloatArray:
        """What parts of a label add to the second convolution: (parts, 2, F).

        edges: (parts, sources of the label * (2k + 2)), 1 where a run begins and -1 behind its end.
        """
        signal = (edges @ self._steps[label]).reshape(edges.shape[0], -1, 2, self.filters)
        # The bias is the same wherever a label shows: it is in signal_empty.
        pooled = np.maximum(signal[:, :, 0], signal[:, :, 1])
        # Two positions are wanted of a convolution as wide as all others: two plain products are faster.
        added = [
            tf.matmul(pooled[:, at : at + self._taps].reshape(len(pooled), -1), self._second[label])
            for at in (0, 1)
        ]
        return np.stack(added, axis=1)

    def products(self, signals: Callable[[slice], FloatArray], count: int) -> FloatArray:
        """Dense layers and the decoder's products of `count` signals, (count, k F), less those of nothing.

        `signals`: a function from a slice to the signals (rows, F) of these sights. What is returned is
        overwritten by the next call: `lock` is to be held until it is used.
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


def _steps(kernel: FloatArray) -> FloatArray:
    """(k, sources, F) to (sources * (2k + 2), (k + 2) * F): the convolution of each step function.

    The field is 2k + 1 bins; step e of a source is 1 from bin e on.
    """
    k, sources, filters = kernel.shape
    steps = np.zeros((sources, 2 * k + 2, k + 2, filters), np.float32)
    later = np.concatenate([np.cumsum(kernel[::-1], axis=0)[::-1], np.zeros_like(kernel[:1])])
    for edge in range(2 * k + 2):
        taps = np.clip(edge - np.arange(k + 2), 0, k)
        steps[:, edge] = later[taps].transpose(1, 0, 2)
    return steps.reshape(sources * (2 * k + 2), (k + 2) * filters)


def _sum_rows(rows: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """Sum values[rows[bounds[i] : bounds[i + 1]]] for every i, over all axes but the first, flattened."""
    flat = values.reshape(len(values), -1)
    sums = np.empty((len(bounds) - 1, flat.shape[1]), np.float32)

    def add(part: slice) -> None:
        here = bounds[part.start : part.stop + 1]
        chosen = rows[here[0] : here[-1]]
        ones = np.ones(len(chosen), np.float32)
        shape = (part.stop - part.start, len(flat))
        sums[part] = sparse.csr_matrix((ones, chosen, here - here[0]), shape=shape) @ flat

    # SciPy's products use one thread each, and let others run beside them.
    cuts = np.linspace(0, len(sums), THREADS + 1).astype(int)
    list(_POOL.map(add, (slice(a, b) for a, b in pairwise(cuts))))
    return sums


class _PartSums:
    """The signals of sights without crumbs: sums of what their parts contribute, pooled (DESIGN 5.3)."""

    def __init__(self, weights: _Weights, fields: Fields, sights: Sights) -> None:
        self._weights, self._sights = weights, sights
        self._parts = np.empty((len(sights.part_label), 2, weights.filters), np.float32)
        for label, (place, channel, first, last) in enumerate(sights.part_runs):
            of_label = np.flatnonzero(sights.part_label == label)
            if not len(of_label):
                continue
            steps = fields.width + 1
            column = channel * steps
            shape = len(of_label), int(fields.sources_of_label[label]) * steps
            signs = np.repeat(np.array([1, -1], np.float32), len(place))
            at = np.tile(place, 2), np.concatenate([column + first, column + last + 1])
            edges = sparse.csr_matrix((signs, at), shape=shape)
            for start in range(0, len(of_label), ROWS_AT_ONCE):
                parts = of_label[start : start + ROWS_AT_ONCE]
                self._parts[parts] = weights.contributions(edges[start : start + len(parts)], label)

    def __call__(self, at: slice) -> FloatArray:
        """Return the signals (rows, F) of sights `at`."""
        sums = _sum_rows(self._sights.members, self._sights.bounds[at.start : at.stop + 1], self._parts)
        signals: FloatArray = (
            sums.reshape(-1, *self._parts.shape[1:]).max(axis=1) + self._weights.signal_empty
        )
        return signals
