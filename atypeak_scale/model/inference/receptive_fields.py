"""Which coarse positions of which windows see a peak, and which of them see the same (DESIGN 5.4, 5.8).

The encoder gives one vector for each coarse position (4 bins), a function of the 2k + 1 bins around it and
of nothing else. What a position sees is named by a 64-bit sum over the occupied cells of its field, so that
equal names mean equal sights: among 10 million different ones, two collide with probability 3e-6.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
NameArray = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Runs:
    """Maximal runs of occupied bins, sorted by window, then source, then bin; int64 (runs,) each.

    first, last: bins, both included.
    """

    window: IntArray
    source: IntArray
    first: IntArray
    last: IntArray


@dataclass(frozen=True)
class Sights:
    """What the labels of the second view and the positions of a batch of windows see, each sight once.

    A part is what one label of the second view shows at one position; a sight is all parts of a position.
    part_label: (parts,) index of the label; part_bits: (parts, 2k + 1, sources of a label) as a list by label
    is made by `part_windows`; position: (positions,) window * coarse positions + coarse position, sorted;
    sight: (positions,) index of the position's sight; representative: (sights,) a position that has it;
    members, bounds: parts of sight s are members[bounds[s] : bounds[s + 1]].
    """

    part_label: IntArray
    part_runs: list[tuple[IntArray, IntArray, IntArray, IntArray]]
    position: IntArray
    sight: IntArray
    representative: IntArray
    members: IntArray
    bounds: IntArray


def runs_of(occupancy: npt.NDArray[np.bool_]) -> Runs:
    """Find the runs of a batch of windows; occupancy: bool (windows, bins, sources)."""
    windows, bins, sources = occupancy.shape
    lines = np.zeros((windows * sources, bins + 1), bool)
    lines[:, 1:] = occupancy.transpose(0, 2, 1).reshape(windows * sources, bins)
    # Every line begins with an empty cell, so that ends and beginnings of runs take turns in the flat array.
    flat = np.append(lines.ravel(), False)
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    line, first = np.divmod(changes[0::2], bins + 1)
    last = changes[1::2] - line * (bins + 1) - 1
    return Runs(line // sources, line % sources, first, last)


class Fields:
    """Geometry of what coarse positions see, for one kernel width and frame, and the names of sights."""

    def __init__(self, kernel_width: int, bins: int, label_of_source: IntArray, seed: int = 0) -> None:
        """`label_of_source`: (sources,) the second-view label of each source."""
        self.k = kernel_width
        self.width = 2 * kernel_width + 1
        self.positions = (bins + 4 * kernel_width) // 4
        self._label = label_of_source
        sources = len(label_of_source)
        self.sources_of_label = np.bincount(label_of_source)
        # Location of each source among the sources of its label: the channel of the first convolution.
        self.channel = np.array(
            [int((label_of_source[:s] == label_of_source[s]).sum()) for s in range(sources)]
        )
        values = np.random.default_rng(seed).integers(
            0, 2**64, (sources, self.width), np.uint64, endpoint=False
        )
        self._names = np.zeros((sources, self.width + 1), np.uint64)
        np.cumsum(values, axis=1, out=self._names[:, 1:])

    def sights(self, runs: Runs) -> Sights:
        """Name what every position sees, and keep each part and each sight once."""
        k, labels = self.k, int(self._label.max()) + 1
        low, high = -(-(runs.first + k) // 4), (runs.last + 3 * k) // 4
        counts = high - low + 1
        run = np.repeat(np.arange(len(counts)), counts)
        coarse = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts - low, counts)
        field = 4 * coarse - 3 * k  # first bin of the field
        first = np.maximum(runs.first[run] - field, 0)
        last = np.minimum(runs.last[run] - field, self.width - 1)
        source = runs.source[run]
        name = self._names[source, last + 1] - self._names[source, first]

        position_of_run = runs.window[run] * self.positions + coarse
        order, part_starts, part_key = _groups(position_of_run * labels + self._label[source])
        part_name = np.add.reduceat(name[order], part_starts)
        unique_parts, example, part_of_group = _unique(part_name)
        part_stops = np.append(part_starts[1:], len(order))
        chosen = _ranges(part_starts[example], part_stops[example])
        owner = np.repeat(np.arange(len(unique_parts)), part_stops[example] - part_starts[example])
        rows = order[chosen]
        part_label = part_key[example] % labels
        part_runs = []
        for label in range(labels):
            of_label = part_label[owner] == label
            place = np.cumsum(part_label == label) - 1
            at = rows[of_label]
            part_runs.append((place[owner[of_label]], self.channel[source[at]], first[at], last[at]))

        _, position_starts, position = _groups(part_key // labels)
        sight_name = np.add.reduceat(part_name, position_starts)
        _, sight_example, sight = _unique(sight_name)
        position_stops = np.append(position_starts[1:], len(part_key))
        members = part_of_group[_ranges(position_starts[sight_example], position_stops[sight_example])]
        sizes = position_stops[sight_example] - position_starts[sight_example]
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        return Sights(part_label, part_runs, position, sight, position[sight_example], members, bounds)


def _groups(key: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return (stable order, where groups of equal keys start in it, the key of each group)."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return order, starts, ordered[starts]


def _unique(names: NameArray) -> tuple[NameArray, IntArray, IntArray]:
    unique, example, inverse = np.unique(names, return_index=True, return_inverse=True)
    return unique, example, inverse


def _ranges(starts: IntArray, stops: IntArray) -> IntArray:
    """Concatenate the integers of [start, stop) of each pair."""
    counts = stops - starts
    shifts: IntArray = np.repeat(np.cumsum(counts) - counts - starts, counts)
    return np.arange(len(shifts)) - shifts
