"""The network's output at a source's peaks if the source is taken out of their windows; exact.

Only the coarse positions that see the source change (views.py), and of the output only the bins asked for, at
one cell. The decoder's two convolutions are linear, so for one cell they are one: a product of what the
encoder gives at the positions around four bins with a kernel of k + taps - 1 positions
(docs/architecture.md, Exact fast inference).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.part_sums import PartSums
from atypeak_scale.model.inference.receptive_fields import Runs, ranges, runs_of
from atypeak_scale.model.inference.views import ViewInputs, view_inputs
from atypeak_scale.model.layers import PHASES

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
OCCUPANCY_BYTES = 64 << 20  # limit for the windows whose runs are found at once
PASS_FLOATS = 48 << 20  # rough limit for the signals and the encoder's output of one pass
INPUTS_AT_ONCE = 8192
POSITIONS_AT_ONCE = 65536


class LeaveOneOut:
    """A trained network as a function of windows without one source.

    Parameters
    ----------
    engine : Engine
        The network and the store's sources; without crumbs.

    """

    def __init__(self, engine: Engine) -> None:
        if engine.crumbs:
            raise ValueError("leave-one-out takes a network without crumbs")
        weights = engine.decoder_weights
        self._fields, self._weights, self._bins = engine.fields, weights, engine.bins
        self._part_weights = engine.part_weights
        self._sources = len(engine.cells)
        self._empty = weights.rebuild(weights.decoded_empty[None], of_sources=True)[0]
        k, deep, _ = weights.deep_kernel.shape
        taps, _, _, sources = weights.source_kernels.shape
        self._k, self._taps, self._seen = k, taps, k + taps - 1
        composed = np.zeros((sources, self._seen, PHASES, deep), np.float32)
        for tap in range(taps):
            composed[:, tap : tap + k] += np.einsum(
                "kdf,frs->skrd", weights.deep_kernel, weights.source_kernels[tap], optimize=True
            )
        self._composed = tf.constant(composed.reshape(sources, self._seen * PHASES, deep))
        # A window without peaks has none of these; so many positions before its first can be asked for.
        self._before = -weights.first_tap

    def log_odds(
        self, occupancy: BoolArray, window: IntArray, source: IntArray, first: IntArray, last: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the output for intervals of bins at the cell of a source, without the source's peaks.

        Parameters
        ----------
        occupancy : bool (windows, bins, sources)
            Windows of the store.
        window, source : int (asked,)
            The window and the source of each interval, in any order. The source is taken out of the window;
            if it has no peak there, nothing changes.
        first, last : int (asked,)
            First and last bin, both included.

        Returns
        -------
        float32 (asked,)
            The largest output over the bins of the interval.
        float32 (asked,)
            The mean output.

        """
        largest, mean = np.empty((2, len(window)), np.float32)
        order = np.lexsort((source, window))
        rows = np.stack([window, source, first, last]).astype(np.int64)[:, order]
        for of_pass, runs, at in self._passes(occupancy, rows):
            largest[order[of_pass]], mean[order[of_pass]] = self._pass(runs, at)
        return largest, mean

    def _passes(self, occupancy: BoolArray, rows: IntArray) -> Iterator[tuple[slice, Runs, IntArray]]:
        """Yield the rows of each pass, the runs of its windows and its rows; windows count from 0 in both."""
        windows, number = np.unique(rows[0], return_inverse=True)
        step = max(1, OCCUPANCY_BYTES // (self._bins * self._sources))
        for start in range(0, len(windows), step):
            runs = runs_of(occupancy[windows[start : start + step]])
            count = min(step, len(windows) - start)
            bounds = np.searchsorted(number, np.arange(start, start + count + 1))
            # A bound of what a window may add: inputs, parts, and changed positions.
            seen = (runs.last - runs.first + 8 * self._k) // PHASES
            cost = np.bincount(runs.window, seen, count) * self._cost
            last = np.cumsum(cost) // PASS_FLOATS
            cuts = np.flatnonzero(np.diff(last, prepend=-1, append=np.inf))
            for low, high in zip(cuts[:-1], cuts[1:], strict=True):
                of_runs = slice(*np.searchsorted(runs.window, [low, high]))
                of_pass = slice(bounds[low], bounds[high])
                here = rows[:, of_pass].copy()
                here[0] = number[of_pass] - start - low
                yield (
                    of_pass,
                    Runs(
                        runs.window[of_runs] - low,
                        runs.source[of_runs],
                        runs.first[of_runs],
                        runs.last[of_runs],
                    ),
                    here,
                )

    @property
    def _cost(self) -> int:
        """Floats for each run and position that sees it: of a part and of two inputs."""
        return 2 * self._part_weights.filters + 2 * self._weights.deep_kernel.shape[1]

    def _pass(self, runs: Runs, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return largest and mean of rows (window, source, first, last), sorted by window and source."""
        window, source, first, last = rows
        key, view = np.unique(window * self._sources + source, return_inverse=True)
        view_of = np.full((int(window[-1]) + 1) * self._sources, -1)
        view_of[key] = np.arange(len(key))
        inputs = view_inputs(self._fields, runs, view_of, self._sources)
        changes = self._encoded(inputs)
        maps = self._maps(inputs, key)

        # The fours of bins of each row; what they see starts at the same number along `maps`.
        four, fours = first // PHASES, last // PHASES - first // PHASES + 1
        largest, mean = np.empty((2, len(view)), np.float32)
        by_source = np.argsort(source, kind="stable")
        positions = fours + self._seen - 1
        for of_step in self._steps(source[by_source], positions[by_source]):
            at = by_source[of_step]
            low = np.cumsum(positions[at]) - positions[at]
            column = ranges(four[at], four[at] + positions[at])
            seen = maps[np.repeat(view[at], positions[at]), column]
            of = int(source[at[0]])
            output = self._output(changes[seen], of)
            self._take_borders(output, low, four[at], fours[at], changes, maps[view[at]], of)
            bins = last[at] - first[at] + 1
            starts = np.cumsum(bins) - bins
            bin_ = ranges(first[at], last[at] + 1)
            values = output[
                bin_ % PHASES, np.repeat(low - four[at], bins) + bin_ // PHASES
            ] + self._empty[bin_, of]
            largest[at] = np.maximum.reduceat(values, starts)
            mean[at] = np.add.reduceat(values, starts) / bins
        return largest, mean

    def _encoded(self, inputs: ViewInputs) -> FloatArray:
        """Return what the encoder gives, less that of nothing: (inputs + 1, D); the last row is of nothing."""
        sums = PartSums(self._part_weights, self._fields, inputs.whole)
        count = inputs.whole.count
        changes = np.zeros((count + len(inputs.origin) + 1, self._weights.deep_kernel.shape[1]), np.float32)
        of_windows = sums.sums(slice(0, count))
        for start in range(0, count, INPUTS_AT_ONCE):
            at = slice(start, min(start + INPUTS_AT_ONCE, count))
            changes[at] = self._weights.changes(self._part_weights.signals(of_windows[at]))
        # The last row takes the place of a part of which nothing is left.
        parts = np.concatenate([sums.parts, np.zeros_like(sums.parts[:1])])
        for start in range(0, len(inputs.origin), INPUTS_AT_ONCE):
            at = slice(start, start + INPUTS_AT_ONCE)
            here = of_windows[inputs.origin[at]] - parts[inputs.taken[at]] + parts[inputs.put[at]]
            changes[count + start : count + start + len(here)] = self._weights.changes(
                self._part_weights.signals(here)
            )
        return changes

    def _maps(self, inputs: ViewInputs, key: IntArray) -> npt.NDArray[np.int32]:
        """Return the input at every position of every view, or -1; some more positions on both sides."""
        positions, window = self._fields.positions, key // self._sources
        maps = np.full((int(window[-1]) + 1, positions + 2 * self._before), -1, np.int32)
        at, column = np.divmod(inputs.whole.position, positions)
        maps[at, column + self._before] = inputs.whole.input
        maps = maps[window]
        maps[inputs.view, inputs.position + self._before] = inputs.input
        return maps

    @staticmethod
    def _steps(source: IntArray, positions: IntArray) -> Iterator[slice]:
        """Yield slices of sorted rows: of one source each, and not too many positions."""
        step = (np.cumsum(positions) // POSITIONS_AT_ONCE) + source * (positions.sum() + 1)
        cuts = np.flatnonzero(np.diff(step, prepend=-1, append=-1))
        for low, high in zip(cuts[:-1], cuts[1:], strict=True):
            yield slice(low, high)

    def _output(self, changes: FloatArray, source: int) -> FloatArray:
        """Return the output at a source's cell (4, positions) of the fours whose sight starts at each."""
        product = tf.matmul(self._composed[source], changes, transpose_b=True).numpy()
        product = product.reshape(self._seen, PHASES, -1)
        length = len(changes) - self._seen + 1
        output = product[0, :, :length].copy()
        for tap in range(1, self._seen):
            output += product[tap, :, tap : tap + length]
        return output

    def _take_borders(
        self,
        output: FloatArray,
        low: IntArray,
        four: IntArray,
        fours: IntArray,
        changes: FloatArray,
        maps: npt.NDArray[np.int32],
        source: int,
    ) -> None:
        """Subtract what positions beyond the decoder's own would give: the network has zeros there."""
        k, first = self._k, self._weights.first_tap
        of_window = self._bins // PHASES
        kernel = self._weights.deep_kernel.reshape(-1, self._weights.deep_kernel.shape[2])
        before = range(first, 0)
        after = range(of_window + 1, of_window + first + self._taps - 1)
        for beyond in (*before, *after):
            near = (four + first <= beyond) & (beyond <= four + fours - 1 + first + self._taps - 1)
            rows = np.flatnonzero(near)
            if not len(rows):
                continue
            seen = maps[rows, beyond + self._before : beyond + self._before + k]
            decoded = changes[seen].reshape(len(rows), -1) @ kernel
            for tap in range(self._taps):
                of_tap = beyond - tap - first
                meets = (four[rows] <= of_tap) & (of_tap < four[rows] + fours[rows])
                at = rows[meets]
                gives = decoded[meets] @ self._weights.source_kernels[tap, :, :, source]
                output[:, low[at] + of_tap - four[at]] -= gives.T
