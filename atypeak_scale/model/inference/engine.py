"""h(X) of many windows, exact, without needless arithmetic.

See docs/architecture.md, Exact fast inference, for why each step gives what the network gives.

runs of peaks -> distinct inputs of coarse positions                    (receptive_fields.py)
parts of inputs -> the two first convolutions, without crumbs           (part_sums.py)
windows -> the same, with crumbs, which mix the parts                   (sparse_convolutions.py)
inputs -> dense layers and the decoder's products, each once            (decoder_weights.py)
positions -> sums of the products of the inputs around them             (row_sums.py)
windows -> last convolution, for the cells that are asked for           (decoder_weights.py)
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import Precision
from atypeak_scale.errors import InputError
from atypeak_scale.keras_backend import keras, tf
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference.decoder_weights import DecoderWeights
from atypeak_scale.model.inference.part_sums import PartSums, PartWeights
from atypeak_scale.model.inference.receptive_fields import ReceptiveFields, runs_of
from atypeak_scale.model.inference.row_sums import sum_rows
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.model.sparse_convolutions import SparseConvolutions
from atypeak_scale.store.stream import crumbs_between

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Labels = tuple[tuple[str, ...], tuple[str, ...]]
LOWEST_RATIO = 1e-5
PRODUCT_BYTES = 512 << 20  # limit for the decoder's products of the inputs of one pass
SHARE_OF_POSITIONS = 0.35  # share that sees a peak, roughly; it only decides the size of passes
MOST_WINDOWS = 4096
CONVOLUTION_BYTES = 64 << 20  # rough limit for the first convolution of crumbed windows


class Engine:
    """A trained model as a function of the windows of a store.

    Parameters
    ----------
    model : TrainedModel
        Must know all labels of the store, in any order.
    labels : two sequences of str
        Labels of the store's two views, in its order.
    sources : sequence of (str, str)
        First and second label of each source of the store.
    crumbs : float
        c, for the crumbs added to windows before the model sees them (method, section 2.5).
    precision : "float32" or "bfloat16"
        Precision of the large products.

    Attributes
    ----------
    labels : two tuples of str
        Labels along the axes of all matrices. For each view, these are the labels of the store, in its order,
        then those that only the model has, in the model's order.
    shape : (int, int)
        Numbers of labels, (m, n).
    cells : list of (int, int)
        Row and column of each source in such a matrix.
    crumbs : float
        c.
    fields : ReceptiveFields
        What coarse positions see.
    part_weights : PartWeights
        The weights before the second pooling.
    decoder_weights : DecoderWeights
        The weights after it.

    """

    def __init__(
        self,
        model: TrainedModel,
        labels: tuple[Sequence[str], Sequence[str]],
        sources: Sequence[tuple[str, str]],
        crumbs: float,
        precision: Precision = "float32",
    ) -> None:
        self.labels: Labels = (
            _with_all(labels[0], model.labels[0]),
            _with_all(labels[1], model.labels[1]),
        )
        self.shape = len(self.labels[0]), len(self.labels[1])
        first, second = ({label: i for i, label in enumerate(names)} for names in self.labels)
        self.cells = [(first[a], second[b]) for a, b in sources]
        self.bins, self.crumbs = model.bins, crumbs
        order = model.indices_of(self.labels)
        # Weights keep the model's own order, so that sums round alike; only the last filters take our order.
        cells = [(int(order[0][i]), int(order[1][j])) for i, j in self.cells]
        _refuse_unknown(model, sources, [i * len(model.labels[1]) + j for i, j in cells])
        is_reordered = any((axis != np.arange(len(axis))).any() for axis in order)
        every_cell = (order[0][:, None] * self.shape[1] + order[1]).ravel().tolist()
        self.fields = ReceptiveFields(
            model.config.model.kernel_width, model.bins, np.array([j for _, j in cells])
        )
        # For real-valued windows: the place of each cell of the network's input in our matrices.
        self._input_cells = (np.argsort(order[0])[:, None], np.argsort(order[1])) if is_reordered else None
        self._encoder = keras.Model(model.network.input, model.network.get_layer("second_view").output)
        self._convolutions = tf.function(
            SparseConvolutions(model.network, cells, crumbs),
            input_signature=[tf.TensorSpec((None, model.bins, len(cells)), tf.float32)],
            autograph=False,
        )
        self.part_weights = PartWeights(weight_arrays(model.network), cells)
        self.decoder_weights = DecoderWeights(
            model,
            self.part_weights.signal_empty,
            every_cell if is_reordered else None,
            [i * self.shape[1] + j for i, j in cells],
            precision,
        )
        self._most_inputs = max(1, PRODUCT_BYTES // (4 * self.decoder_weights.product_width))

    def ratios(self, occupancy: npt.NDArray[np.bool_]) -> Iterator[tuple[int, FloatArray]]:
        """Divide rebuilt windows by the windows shown (method, section 4.1).

        Parameters
        ----------
        occupancy : bool (windows, bins, sources)
            Windows of the store.

        Yields
        ------
        int, float32 (windows, bins, sources)
            First window of a pass, and A of its windows: h(X) / X in occupied cells, not below its floor.

        """
        for start, ratios in self.rebuilt_windows(occupancy, of_sources=True):
            if self.crumbs:
                present = self._crumbed(occupancy[start : start + len(ratios)])
                np.divide(ratios, present, out=ratios, where=present > 0)
            yield start, np.maximum(ratios, LOWEST_RATIO, out=ratios)

    def rebuilt_windows(
        self, occupancy: npt.NDArray[np.bool_], of_sources: bool
    ) -> Iterator[tuple[int, FloatArray]]:
        """Rebuild windows of the store, with the engine's crumbs.

        Parameters
        ----------
        occupancy : bool (windows, bins, sources)
            Windows of the store.
        of_sources : bool
            Whether to return only the cells of the sources.

        Yields
        ------
        int, float32 (windows, bins, sources) or (windows, bins, m, n)
            First window of a pass, and h(X) of its windows.

        """
        step = self.windows_at_once(len(self.cells) if of_sources else self.shape[0] * self.shape[1])
        waiting = [(start, start + step) for start in range(0, len(occupancy), step)][::-1]
        while waiting:
            start, stop = waiting.pop()
            windows = occupancy[start:stop]
            inputs = self.fields.distinct_inputs(runs_of(windows))
            if inputs.count > self._most_inputs and len(windows) > 1:
                middle = start + len(windows) // 2
                waiting += [(middle, stop), (start, middle)]
                continue
            signals: Callable[[slice], FloatArray]
            if self.crumbs:
                signals = self._crumbed_signals(windows, inputs.representative).__getitem__
            else:
                signals = PartSums(self.part_weights, self.fields, inputs)
            decoded = self._decode(len(windows), inputs.position, inputs.input, signals)
            rebuilt = self.decoder_weights.rebuild(decoded, of_sources)
            yield start, rebuilt if of_sources else rebuilt.reshape(*rebuilt.shape[:2], *self.shape)

    def rebuilt(self, windows: FloatArray) -> FloatArray:
        """Rebuild any real-valued windows; no crumbs are added.

        Parameters
        ----------
        windows : float32 (windows, bins, m, n)
            What to show the model.

        Returns
        -------
        float32 (windows, bins, m, n)
            h of each.

        """
        result = np.empty(windows.shape, np.float32)
        # Values differ, so no two positions count as the same: each has its own input.
        step = max(1, self._most_inputs // self.fields.positions)
        occupied = ReceptiveFields(self.fields.k, self.bins, np.zeros(1, np.int64))
        for start in range(0, len(windows), step):
            of_pass = windows[start : start + step]
            runs = runs_of((of_pass != 0).any(axis=(2, 3))[:, :, None])
            position = occupied.distinct_inputs(runs).position
            if self._input_cells is not None:
                # Not done in the kernels, because their sums would round differently.
                of_pass = of_pass[:, :, *self._input_cells]
            encoded: FloatArray = self._encoder(tf.constant(of_pass), training=False).numpy()
            signals = encoded.reshape(-1, encoded.shape[-1])[position]
            each = np.arange(len(position))
            decoded = self._decode(len(of_pass), position, each, signals.__getitem__)
            rebuilt = self.decoder_weights.rebuild(decoded, of_sources=False)
            result[start : start + step] = rebuilt.reshape(of_pass.shape)
        return result

    def windows_at_once(self, cells: int) -> int:
        """Return how many windows to rebuild in one pass, if each has that many cells."""
        by_inputs = int(self._most_inputs / (SHARE_OF_POSITIONS * self.fields.positions))
        by_cells = PRODUCT_BYTES // (4 * self.bins * cells)
        return max(1, min(by_inputs, by_cells, MOST_WINDOWS))

    def _crumbed(self, occupancy: npt.NDArray[np.bool_]) -> FloatArray:
        """Return X with its crumbs at the cells of the sources: float32 (windows, bins, sources)."""
        crumbed: FloatArray = occupancy.astype(np.float32) @ crumbs_between(self.cells, self.crumbs)
        return crumbed

    def _crumbed_signals(self, windows: npt.NDArray[np.bool_], position: IntArray) -> FloatArray:
        """Return the encoder's signal (positions, F) after the second pooling, at some positions."""
        positions, filters = self.fields.positions, self.part_weights.filters
        result = np.empty((len(position), filters), np.float32)
        order = np.argsort(position)
        ordered = position[order]
        step = max(1, CONVOLUTION_BYTES // (4 * 2 * self.bins * (filters + len(self.cells))))
        for start in range(0, len(windows), step):
            of_step = slice(*np.searchsorted(ordered, [start * positions, (start + step) * positions]))
            signal = self._convolutions(windows[start : start + step].astype(np.float32)).numpy()
            result[order[of_step]] = signal.reshape(-1, filters)[ordered[of_step] - start * positions]
        return result

    def _decode(
        self, windows: int, position: IntArray, inputs: IntArray, signals: Callable[[slice], FloatArray]
    ) -> FloatArray:
        """Add up what each input gives to the decoder's output around it: (windows, positions, F).

        position, inputs: place and number of each input, (positions,) both; signals: a function from a slice
        of inputs to their signals (inputs, F).
        """
        k, positions = self.fields.k, self.fields.positions
        decoded: FloatArray = np.repeat(self.decoder_weights.decoded_empty[None], windows, axis=0)
        if not len(position):
            return decoded
        at = np.full(windows * positions, -1, np.int64)
        at[position] = inputs
        taps = np.lib.stride_tricks.sliding_window_view(at.reshape(windows, positions), k, axis=1)
        seen = taps >= 0
        rows = seen.sum(axis=2).ravel()
        column = (taps * k + np.arange(k))[seen]
        bounds = np.concatenate([[0], np.cumsum(rows)])
        with self.decoder_weights.lock:
            products = self.decoder_weights.products(signals, int(inputs.max()) + 1)
            change = sum_rows(column, bounds, products.reshape(products.shape[0] * k, -1))
        decoded[:, k // 2 : k // 2 + positions - k + 1] += change.reshape(windows, positions - k + 1, -1)
        return decoded


def _refuse_unknown(model: TrainedModel, sources: Sequence[tuple[str, str]], filters: Sequence[int]) -> None:
    """Raise InputError if the model has no filter for a source of the store."""
    missing = np.flatnonzero(model.network.get_layer("sources").places_of(filters) < 0)
    if len(missing):
        raise InputError(
            f"{model.name}: rebuilds only the sources that it was trained on, and the store has others "
            f"({len(missing)}, such as {source_name(sources[missing[0]])}); train a model on this store, or "
            "with model.cells: all"
        )


def _with_all(of_store: Sequence[str], of_model: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of the store, then those that only the model has."""
    known = set(of_store)
    return (*of_store, *(label for label in of_model if label not in known))
