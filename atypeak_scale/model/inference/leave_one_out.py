"""The network's output at a source's peaks if the source is taken out of their windows; exact.

Only the coarse positions that see the source change (views.py), and of the output only the bins asked for, at
one cell. The decoder's two convolutions are linear, so for one cell they are one: a product of what the
encoder gives at the positions around four bins with a kernel of k + taps - 1 positions
(docs/architecture.md, Exact fast inference).
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from atypeak_scale.keras_backend import tf
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.part_sums import PartSums
from atypeak_scale.model.inference.receptive_fields import Runs, ranges, runs_of
from atypeak_scale.model.inference.views import ViewInputs, view_inputs
from atypeak_scale.model.layers import PHASES

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
Integers = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]
MapArray = npt.NDArray[np.int32]
OCCUPANCY_BYTES = 64 << 20  # limit for the windows whose runs are found at once
PASS_FLOATS = 64 << 20  # rough limit for the arrays of one pass
NAME_FLOATS = 64  # room that naming takes for each position that a run changes, roughly
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
        self._composed = [tf.constant(kernel.reshape(-1, deep)) for kernel in composed]
        self._deep = tf.constant(weights.deep_kernel.reshape(k * deep, -1))
        short = weights.source_kernels.transpose(3, 1, 0, 2)
        self._short = [tf.constant(kernel.reshape(-1, taps * PHASES)) for kernel in short]
        # A part and an input, and what they are copied into.
        self._change_floats = 2 * engine.part_weights.filters + 2 * deep + NAME_FLOATS
        # `maps` begin that many positions before the window's first and end that many after its last.
        self._before = -weights.first_tap

    def log_odds(
        self, occupancy: BoolArray, window: Integers, source: Integers, first: Integers, last: Integers
    ) -> FloatArray:
        """Return the mean output over intervals of bins at the cell of a source, without the source's peaks.

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

        """
        mean = np.empty(len(window), np.float32)
        order = np.lexsort((source, window))
        rows = np.stack([window, source, first, last]).astype(np.int64)[:, order]
        for of_pass, runs, at in self._passes(occupancy, rows):
            mean[order[of_pass]] = self._pass(runs, at)
        return mean

    def _passes(self, occupancy: BoolArray, rows: IntArray) -> Iterator[tuple[slice, Runs, IntArray]]:
        """Yield the rows of each pass, the runs of its windows and its rows; windows count from 0 in both."""
        windows, number = np.unique(rows[0], return_inverse=True)
        step = max(1, OCCUPANCY_BYTES // (self._bins * self._sources))
        for start in range(0, len(windows), step):
            runs = runs_of(occupancy[windows[start : start + step]])
            count = min(step, len(windows) - start)
            bounds = np.searchsorted(number, np.arange(start, start + count + 1))
            changes = (runs.last - runs.first + 2 * self._k) // PHASES + 2  # at most
            floats = self._change_floats * np.bincount(runs.window, changes, count)
            floats += self._fields.positions * np.diff(bounds)
            cuts = np.flatnonzero(np.diff(np.cumsum(floats) // PASS_FLOATS, prepend=-1, append=np.inf))
            for low, high in pairwise(cuts):
                of_runs = slice(*np.searchsorted(runs.window, [low, high]))
                of_pass = slice(bounds[low], bounds[high])
                here = rows[:, of_pass].copy()
                here[0] = number[of_pass] - start - low
                yield of_pass, _from_window(runs, of_runs, int(low)), here

    def _pass(self, runs: Runs, rows: IntArray) -> FloatArray:
        """Return the means of rows (window, source, first, last), sorted by window and source."""
        window, source, first, last = rows
        key, view = np.unique(window * self._sources + source, return_inverse=True)
        view_of = np.full((int(window[-1]) + 1) * self._sources, -1)
        view_of[key] = np.arange(len(key))
        inputs = view_inputs(self._fields, runs, view_of, self._sources)
        changes, maps = self._encoded(inputs), self._maps(inputs, key)
        mean = np.empty(len(view), np.float32)
        four = first // PHASES
        fours = last // PHASES - four + 1
        order = np.argsort(source, kind="stable")
        for of_step in _steps(source[order], (fours + self._seen - 1)[order]):
            at = order[of_step]
            cell = int(source[at[0]])
            output, begins = self._output(changes, maps[view[at]], four[at], fours[at], cell)
            bins = last[at] - first[at] + 1
            each = ranges(first[at], last[at] + 1)
            column = np.repeat(begins - four[at], bins) + each // PHASES
            values = output[each % PHASES, column] + self._empty[each, cell]
            starts = np.cumsum(bins) - bins
            mean[at] = np.add.reduceat(values, starts) / bins
        return mean

    def _encoded(self, inputs: ViewInputs) -> FloatArray:
        """Return what the encoder gives, less that of no peak: (inputs + 1, D); the last is 0."""
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

    def _maps(self, inputs: ViewInputs, key: IntArray) -> MapArray:
        """Return the input at every position of every view, or -1; some more positions on both sides."""
        positions, window = self._fields.positions, key // self._sources
        maps = np.full((int(window[-1]) + 1, positions + 2 * self._before), -1, np.int32)
        at, column = np.divmod(inputs.whole.position, positions)
        maps[at, column + self._before] = inputs.whole.input
        maps = maps[window]
        maps[inputs.view, inputs.position + self._before] = inputs.input
        return maps

    def _output(
        self, changes: FloatArray, maps: MapArray, four: IntArray, fours: IntArray, source: int
    ) -> tuple[FloatArray, IntArray]:
        """Return the output of rows at a source's cell, less that of an empty window.

        changes: what the encoder gives, (inputs + 1, D); maps: inputs along each row's window; four, fours:
        first and number of the fours of bins of each row. Returns (4, columns), and each row's first column.
        """
        positions = fours + self._seen - 1
        begins = np.cumsum(positions) - positions
        row = np.repeat(np.arange(len(four)), positions)
        seen = changes[maps[row, ranges(four, four + positions)]]
        product = tf.matmul(self._composed[source], seen, transpose_b=True).numpy()
        product = product.reshape(self._seen, PHASES, -1)
        # A column is the sum over what its four of bins sees; between two rows columns mean nothing.
        columns = len(seen) - self._seen + 1
        output = product[0, :, :columns].copy()
        for tap in range(1, self._seen):
            output += product[tap, :, tap : tap + columns]
        self._take_beyond(output, begins, changes, maps, four, fours, source)
        return output, begins

    def _take_beyond(
        self,
        output: FloatArray,
        begins: IntArray,
        changes: FloatArray,
        maps: MapArray,
        four: IntArray,
        fours: IntArray,
        source: int,
    ) -> None:
        """Subtract what `decoded` would give beyond its first and last position: the network has zeros."""
        first, windows_fours = self._weights.first_tap, self._bins // PHASES
        for beyond in (*range(first, 0), *range(windows_fours + 1, windows_fours + first + self._taps - 1)):
            lowest = beyond - first - self._taps + 1  # the fours of bins that see it
            rows = np.flatnonzero((four <= beyond - first) & (four + fours > lowest))
            if not len(rows):
                continue
            seen = maps[rows, beyond - first : beyond - first + self._k]
            decoded = tf.matmul(changes[seen].reshape(len(rows), -1), self._deep)
            gives = tf.matmul(decoded, self._short[source]).numpy().reshape(-1, self._taps, PHASES)
            for tap in range(self._taps):
                at = beyond - first - tap - four[rows]
                meets = (at >= 0) & (at < fours[rows])
                output[:, begins[rows[meets]] + at[meets]] -= gives[meets, tap].T


def _from_window(runs: Runs, at: slice, window: int) -> Runs:
    """Return some of the runs; their windows count from `window`."""
    return Runs(runs.window[at] - window, runs.source[at], runs.first[at], runs.last[at])


def _steps(source: IntArray, positions: IntArray) -> Iterator[slice]:
    """Yield slices of rows sorted by source: of one source each, and of not too many positions."""
    before = np.cumsum(positions) // POSITIONS_AT_ONCE
    cuts = np.flatnonzero(np.diff(source * (before[-1] + 1) + before, prepend=-1, append=-1))
    for low, high in pairwise(cuts):
        yield slice(low, high)
