"""Which coarse positions of which windows see a peak, and which of them see the same.

The encoder gives one vector for each coarse position (4 bins). It depends only on the 2k + 1 bins around the
position, its receptive field, so equal fields need to be encoded only once
(docs/architecture.md, Exact fast inference). What a field holds is named by a 64-bit sum over its occupied
cells: equal names mean equal fields. Among 10 million different ones, two collide with probability 3e-6.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
NameArray = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Runs:
    """Maximal runs of occupied bins, sorted by window, then source, then bin.

    Attributes
    ----------
    window, source : int64 (runs,)
        Where the run lies.
    first, last : int64 (runs,)
        First and last bin, both included.

    """

    window: IntArray
    source: IntArray
    first: IntArray
    last: IntArray


@dataclass(frozen=True)
class PartRuns:
    """The runs that make up the parts of one label of the second view.

    Attributes
    ----------
    part : int64 (runs,)
        Number of the part among those of its label.
    channel : int64 (runs,)
        Number of the run's source among those of its label.
    first, last : int64 (runs,)
        Bins of the run in the field, both included.

    """

    part: IntArray
    channel: IntArray
    first: IntArray
    last: IntArray


@dataclass(frozen=True)
class SeenParts:
    """What every coarse position sees of every run, and the parts that these make up.

    A part is what one label of the second view has in a field.

    Attributes
    ----------
    source, first, last : int64 (seen,)
        Source of the run, and its bins in the field, both included.
    run_name : uint64 (seen,)
        Name of what the position sees of the run.
    order : int64 (seen,)
        Sorts these by position, then label, then source.
    starts, stops : int64 (parts,)
        Part p consists of order[starts[p] : stops[p]].
    position, label : int64 (parts,)
        Position (window * coarse positions of a window + coarse position) and label of each part; sorted.
    name : uint64 (parts,)
        Name of each part: the sum of those of its runs.

    """

    source: IntArray
    first: IntArray
    last: IntArray
    run_name: NameArray
    order: IntArray
    starts: IntArray
    stops: IntArray
    position: IntArray
    label: IntArray
    name: NameArray


@dataclass(frozen=True)
class DistinctInputs:
    """What the fields of a batch of windows hold; each distinct input of the encoder appears once.

    A part is what one label of the second view has in a field. An input is all parts of a field.

    Attributes
    ----------
    part_label : int64 (parts,)
        Label of each part, an index along the second view.
    part_runs : list of PartRuns
        By label, the runs of its parts.
    position : int64 (positions,)
        Every position that sees a peak, sorted: window * coarse positions of a window + coarse position.
    input : int64 (positions,)
        Number of the position's input.
    representative : int64 (inputs,)
        A position that has the input.
    members, bounds : int64 (sum of parts,), (inputs + 1,)
        The parts of input i are members[bounds[i] : bounds[i + 1]].

    """

    part_label: IntArray
    part_runs: list[PartRuns]
    position: IntArray
    input: IntArray
    representative: IntArray
    members: IntArray
    bounds: IntArray

    @property
    def count(self) -> int:
        """Number of distinct inputs."""
        return len(self.bounds) - 1


def runs_of(occupancy: npt.NDArray[np.bool_]) -> Runs:
    """Find the runs of a batch of windows.

    Parameters
    ----------
    occupancy : bool (windows, bins, sources)
        Where there is a peak.

    Returns
    -------
    Runs
        Every run of occupied bins.

    """
    windows, bins, sources = occupancy.shape
    lines = np.zeros((windows * sources, bins + 1), bool)
    lines[:, 1:] = occupancy.transpose(0, 2, 1).reshape(windows * sources, bins)
    # Every line begins with an empty cell, so beginnings and ends of runs alternate in the flat array.
    flat = np.append(lines.ravel(), False)
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    line, first = np.divmod(changes[0::2], bins + 1)
    last = changes[1::2] - line * (bins + 1) - 1
    return Runs(line // sources, line % sources, first, last)


class ReceptiveFields:
    """What coarse positions see, for one kernel width, frame and set of sources.

    Parameters
    ----------
    kernel_width : int
        k, in bins.
    bins : int
        Bins of a window.
    label_of_source : int64 (sources,)
        The second-view label of each source, as an index.
    seed : int
        Seed of the random numbers that name inputs.

    Attributes
    ----------
    k, width, positions : int
        Kernel width, bins of a field (2k + 1), coarse positions of a window.
    sources_of_label : int64 (labels,)
        Number of sources of each second-view label, up to the last label that has any.

    """

    def __init__(self, kernel_width: int, bins: int, label_of_source: IntArray, seed: int = 0) -> None:
        self.k = kernel_width
        self.width = 2 * kernel_width + 1
        self.positions = (bins + 4 * kernel_width) // 4
        self._label = label_of_source
        sources = len(label_of_source)
        self.sources_of_label = np.bincount(label_of_source)
        # Place of each source among the sources of its label: the channel of the first convolution.
        self._channel = np.array(
            [int((label_of_source[:s] == label_of_source[s]).sum()) for s in range(sources)]
        )
        values = np.random.default_rng(seed).integers(
            0, 2**64, (sources, self.width), np.uint64, endpoint=False
        )
        # The name of a run is a difference of two of these sums.
        self._names = np.zeros((sources, self.width + 1), np.uint64)
        np.cumsum(values, axis=1, out=self._names[:, 1:])

    def seen_parts(self, runs: Runs) -> SeenParts:
        """Name what every coarse position sees of every run, and group it by position and label.

        Parameters
        ----------
        runs : Runs
            The peaks of a batch of windows, as `runs_of` finds them.

        Returns
        -------
        SeenParts
            Every part of every field.

        """
        run, coarse = self._positions_of(runs)
        labels = int(self._label.max()) + 1
        field = 4 * coarse - 3 * self.k  # first bin of the field
        first = np.maximum(runs.first[run] - field, 0)
        last = np.minimum(runs.last[run] - field, self.width - 1)
        source = runs.source[run]
        name = self._names[source, last + 1] - self._names[source, first]
        position_of_run = runs.window[run] * self.positions + coarse
        order, starts, key = groups(position_of_run * labels + self._label[source])
        stops = np.append(starts[1:], len(order))
        position, label = np.divmod(key, labels)
        part_name = np.add.reduceat(name[order], starts)
        return SeenParts(source, first, last, name, order, starts, stops, position, label, part_name)

    def runs_of_parts(
        self, seen: SeenParts, part: IntArray, without: IntArray | None = None
    ) -> tuple[IntArray, list[PartRuns]]:
        """Return the label of each of some parts, and by label the runs that they consist of.

        Parameters
        ----------
        seen : SeenParts
            Every part of every field.
        part : int64 (parts,)
            Which of them.
        without : int64 (parts,), optional
            A source that is left out of each, or -1.

        Returns
        -------
        int64 (parts,)
            Their labels.
        list of PartRuns
            By label, the runs of its parts.

        """
        rows = seen.order[ranges(seen.starts[part], seen.stops[part])]
        owner = np.repeat(np.arange(len(part)), seen.stops[part] - seen.starts[part])
        if without is not None:
            stays = seen.source[rows] != without[owner]
            rows, owner = rows[stays], owner[stays]
        label = seen.label[part]
        runs = []
        for each in range(int(self._label.max()) + 1):
            of_label = label[owner] == each
            number = np.cumsum(label == each) - 1
            at = rows[of_label]
            runs.append(
                PartRuns(
                    number[owner[of_label]], self._channel[seen.source[at]], seen.first[at], seen.last[at]
                )
            )
        return label, runs

    def distinct_inputs(self, runs: Runs) -> DistinctInputs:
        """Name the content of every field, and keep each part and each input once.

        Parameters
        ----------
        runs : Runs
            The peaks of a batch of windows, as `runs_of` finds them.

        Returns
        -------
        DistinctInputs
            What the fields hold; empty fields are left out.

        """
        seen = self.seen_parts(runs)
        example, part_of_group = unique(seen.name)
        part_label, part_runs = self.runs_of_parts(seen, example)
        _, starts, position = groups(seen.position)
        input_example, input_of_position = unique(np.add.reduceat(seen.name, starts))
        stops = np.append(starts[1:], len(seen.position))
        members = part_of_group[ranges(starts[input_example], stops[input_example])]
        sizes = stops[input_example] - starts[input_example]
        bounds = np.concatenate([[0], np.cumsum(sizes)])
        return DistinctInputs(
            part_label, part_runs, position, input_of_position, position[input_example], members, bounds
        )

    def _positions_of(self, runs: Runs) -> tuple[IntArray, IntArray]:
        """Return the two numbers of every pair of a run and a coarse position that sees it."""
        low, high = -(-(runs.first + self.k) // 4), (runs.last + 3 * self.k) // 4
        counts = high - low + 1
        return np.repeat(np.arange(len(counts)), counts), ranges(low, high + 1)


def groups(key: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return (stable order, where groups of equal keys start in it, the key of each group)."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=-1))
    return order, starts, ordered[starts]


def unique(names: NameArray) -> tuple[IntArray, IntArray]:
    """Return (the first place of each distinct name, the number of each place's name)."""
    _, example, inverse = np.unique(names, return_index=True, return_inverse=True)
    return example, inverse


def ranges(starts: IntArray, stops: IntArray) -> IntArray:
    """Concatenate the integers of [start, stop) of each pair."""
    counts = stops - starts
    shifts: IntArray = np.repeat(np.cumsum(counts) - counts - starts, counts)
    return np.arange(len(shifts)) - shifts
