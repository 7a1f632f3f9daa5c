"""Random placements of a cell line: the handle, and how they are drawn (method, section 9.4).

They do not depend on a network, so every model of a cell line is judged by the same ones. With them are kept
the regressions on the other sources, which are fitted to peaks and placements, and what they say of every
row and placement.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.windows import occupied_bins
from atypeak_scale.config import ChanceSettings
from atypeak_scale.registry.variables import PLACEMENT_VARIABLES, Variable
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.arrays import (
    array_of,
    arrays_in,
    has_gap,
    is_finished,
    lost_chunks,
    mark_finished,
    read_array,
    write_chunks,
)
from atypeak_scale.store.cell_line import Block, CellLine, cut
from atypeak_scale.store.groups import PLACEMENTS, consolidate, open_group
from atypeak_scale.store.result_groups import create_results, find_results, writing_results

IntArray = npt.NDArray[np.int64]
NO_WINDOW = -1  # window of a placement where the cell line has no peak


@dataclass(frozen=True)
class Placements:
    """Random placements of the sources of a cell line; they exist once `create` has been called.

    location: the store itself, or another place with results.
    """

    cell_line: CellLine
    settings: ChanceSettings
    location: Location

    @property
    def name(self) -> str:
        """Name of the group; other settings have another."""
        chosen = self.settings
        return f"{chosen.placements}-folds-{chosen.folds}-seed-{chosen.seed}"

    @property
    def path(self) -> str:
        """Path of the group within its location."""
        return f"{self.cell_line.path}/{PLACEMENTS}/{self.name}"

    @property
    def count(self) -> int:
        """Number of placements of all sources together."""
        return self.settings.placements * self.cell_line.shape.sources

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the dims of what is compared with the placements."""
        number = self.settings.placements
        return {"placement": self.count, "placement_of_source": number, "rank": number + 1}

    def exists(self) -> bool:
        """Return whether they were drawn, with or without their regressions."""
        return find_results(self.cell_line, self.location, self.name, PLACEMENTS) is not None

    def create(self, sizes: Mapping[str, int]) -> None:
        """Create the group with empty arrays; sizes: of the dims that the store does not have.

        Raises
        ------
        InputError
            If the location cannot be written.

        """
        create_results(
            self.cell_line, self.location, self.name, self.settings.model_dump(mode="json"),
            PLACEMENT_VARIABLES, sizes, PLACEMENTS,
        )  # fmt: skip

    def shape(self, variable: Variable) -> tuple[int, ...]:
        """Return the shape of an array."""
        return self._array(variable).shape

    def blocks(self) -> list[Block]:
        """Cut the placements into blocks, the chunks of their arrays."""
        return cut(self.count, self.cell_line.rows_per_block)

    def missing(self, variable: Variable, blocks: list[Block]) -> list[Block]:
        """Return those blocks of an array that are not computed yet, or damaged."""
        array = self._array(variable)
        return [block for block in blocks if has_gap(array, *block)]

    def group(self, mode: Literal["r", "r+"] = "r") -> zarr.Group:
        """Open the group."""
        return open_group(self.location, self.path, mode)

    def _array(self, variable: Variable, mode: Literal["r", "r+"] = "r") -> zarr.Array[Any]:
        return array_of(self.group(mode), variable.name)

    def read(self, variable: Variable, start: int = 0, stop: int | None = None) -> npt.NDArray[Any]:
        """Read elements [start, stop) of an array along its first dim.

        Raises
        ------
        DamagedError
            If a chunk does not read back as it was written; the error names it.

        """
        return read_array(self._array(variable), start, stop)

    def write(self, variable: Variable, start: int, values: npt.NDArray[Any]) -> None:
        """Write whole chunks of an array from `start` along its first dim."""
        write_chunks(self._array(variable, "r+"), start, values)

    def is_marked(self, what: str) -> bool:
        """Return whether a step was marked as done."""
        return bool(self.group().attrs.get(what, False))

    def mark(self, what: str) -> None:
        """Mark a step as done."""
        self.group("r+").attrs[what] = True

    def unmark(self, *steps: str) -> None:
        """Mark steps as not done."""
        attributes = self.group("r+").attrs
        for step in steps:
            attributes.pop(step, None)

    def has_lost(self) -> bool:
        """Return whether a chunk of a finished array is not there any more."""
        return any(is_finished(found) and lost_chunks(found) for found in arrays_in(self.group()))

    def finish(self) -> None:
        """Note that all chunks are there, and update the metadata for readers that look for it."""
        mark_finished(self.group("r+"))
        consolidate(self.location)

    def writing(self) -> AbstractContextManager[None]:
        """Hold the right to write the placements while the block runs; wait for it."""
        return writing_results(self.cell_line, self.location, PLACEMENTS, wait=True)


@dataclass(frozen=True)
class Drawn:
    """Placements of all sources, sorted by window, those without a window first; (placements,) each.

    window: index into the store's windows, or NO_WINDOW; crm: row in the CRM file; first, last: bins, both
    included.
    """

    window: IntArray
    crm: IntArray
    source: npt.NDArray[np.int32]
    first: npt.NDArray[np.int32]
    last: npt.NDArray[np.int32]


def draw_placements(cell_line: CellLine, settings: ChanceSettings) -> Drawn:
    """Draw the placements of every source (method, section 9.4).

    A placement is centred at a bp that is uniform over all windows of the CRMs used, those without a peak of
    the cell line included. Its width is that of a random peak of its source, and it is cut at the borders of
    its window as peaks are. Each source has a random stream of its own. Memory holds one int32 for every
    peak, and the windows' lengths.

    Raises
    ------
    InputError
        If the store was built by a version that did not keep the windows without a peak.

    """
    empty_crm, empty_bp = cell_line.empty_windows()
    windows = cell_line.windows(0, cell_line.shape.windows)
    length = np.concatenate([windows.end_bp - windows.start_bp, empty_bp])
    crm = np.concatenate([windows.crm, empty_crm])
    ends = np.cumsum(length)
    number = settings.placements
    frame, bin_ = cell_line.frame
    parts = []
    widths = _widths(cell_line)
    for own, seed in enumerate(np.random.SeedSequence(settings.seed).spawn(len(widths))):
        rng = np.random.default_rng(seed)
        width = rng.choice(widths[own], number)
        place = rng.integers(0, ends[-1], number)
        window = np.searchsorted(ends, place, side="right")
        start = place - (ends - length)[window] - width // 2
        bins = occupied_bins(start, start + width, np.zeros(number, np.int64), length[window], frame, bin_)
        parts.append((window, np.full(number, own), *bins))
    window, source, first, last = (np.concatenate(column) for column in zip(*parts, strict=True))
    of_crm = crm[window]
    window[window >= cell_line.shape.windows] = NO_WINDOW
    order = np.lexsort((source, window))
    source, first, last = (column[order].astype(np.int32) for column in (source, first, last))
    return Drawn(window[order], of_crm[order], source, first, last)


def _widths(cell_line: CellLine) -> list[npt.NDArray[np.int32]]:
    """Return the widths, bp, of the peaks of each source; every source of a store has a peak."""
    parts: list[list[npt.NDArray[np.int32]]] = [[] for _ in cell_line.sources]
    for block in cell_line.blocks("peaks"):
        peaks = cell_line.peaks(*block)
        width, source = (peaks.end_bp - peaks.start_bp).astype(np.int32), peaks.source
        for number in np.unique(source).tolist():
            parts[number].append(width[source == number])
    return [np.concatenate(part) for part in parts]
