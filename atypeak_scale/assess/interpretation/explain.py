"""Why a peak has its support: what each other source adds to it, or would add (method, section 9.9)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale.catalogue.folds import fold_of_crm
from atypeak_scale.catalogue.names import source_name
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.model.halves import judges
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.evidence_columns import EXPLANATION
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import regression_of
from atypeak_scale.scoring.support.neighbours import gaps
from atypeak_scale.scoring.support.network import network_log_odds
from atypeak_scale.scoring.support.regression import log_odds
from atypeak_scale.store.cell_line import Block, CellLine, require_source

WINDOW_BYTES = 64 << 20  # limit for the windows that are changed at once

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]


def explain(scores: Scores, contig: str, start: int, end: int, source: str) -> pd.DataFrame:
    """Return what each other source adds to the support of a peak, the most useful first.

    A source in one of the peak's windows adds the support less that without the source, which may be
    negative. A source that is in none would add the support with a peak of it at the same place, less the
    support. A peak in several windows has the mean over them, as its support has.

    Parameters
    ----------
    scores
        Complete scores of a model of support.
    contig, start, end
        The peak; bp, 0-based, half-open, as in its file.
    source
        Its source, as dataset.TR.

    Returns
    -------
    pandas.DataFrame
        The columns of `EXPLANATION`, one row for each other source: those that are present first, then those
        that would add, each with the greatest effect first.

    Raises
    ------
    InputError
        If there is no such peak, source or contig, or the scores are not of a model of support.
    StageMissingError
        If the scores are not complete.

    """
    _check(scores)
    number = require_source(scores.cell_line, source)
    return explain_peaks(scores, [find_peak(scores.cell_line, contig, start, end, number)])


def explain_peaks(scores: Scores, peaks: Sequence[int]) -> pd.DataFrame:
    """Return what `explain` returns for several peaks, by their indices in the store, one after another."""
    _check(scores)
    names = [column.name for column in EXPLANATION.named(scores.cell_line.views)]
    parts = [_explain_peak(scores, peak, names) for peak in peaks]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def least_supported(scores: Scores, count: int) -> list[int]:
    """Return the `count` peaks of each source with the least support, from the least up, source by source.

    Returns
    -------
    list of int
        Indices of the peaks in the store; of equal ones, the first in the genome.

    Raises
    ------
    InputError
        If the scores are not of a model of support.
    StageMissingError
        If they are not complete.

    """
    _check(scores)
    peak = np.empty(0, np.int64)
    source, support = np.empty(0, np.int32), np.empty(0, np.float32)
    for block in scores.cell_line.blocks("peaks"):
        peak = np.append(peak, np.arange(*block))
        source = np.append(source, scores.cell_line.peaks(*block).source)
        support = np.append(support, scores.read(v.SUPPORT, *block))
        order = np.lexsort((peak, support, source))
        first_of_source = np.searchsorted(source[order], source[order], side="left")
        kept = order[np.arange(len(order)) - first_of_source < count]
        peak, source, support = peak[kept], source[kept], support[kept]
    return [int(one) for one in peak]


def _check(scores: Scores) -> None:
    scores.require_support()
    scores.require_complete()


def find_peak(
    cell_line: CellLine, contig: str, start: int, end: int, source: int, or_from_1: bool = False
) -> int:
    """Return the index of a peak in the store, the first of equal ones; reads a few chunks.

    Parameters
    ----------
    contig, start, end
        The peak; bp, 0-based, half-open.
    source
        Number of its source.
    or_from_1
        If no peak starts there, take `start` as genome browsers write it, counted from 1.

    Raises
    ------
    InputError
        If there is no such peak; the error names the nearest one of its source.

    """
    if contig not in cell_line.contigs:
        raise InputError(f"{cell_line.store}: has no contig {contig!r}; {nearest(contig, cell_line.contigs)}")
    number = cell_line.contigs.index(contig)
    for one in (start, start - 1) if or_from_1 else (start,):
        found, block = _at(cell_line, (number, one), end, source)
        if found is not None:
            return found
    name = source_name(cell_line.sources[source])
    near = _nearest_peak(cell_line, (number, start), source, block)
    told = f"the nearest is {contig}:{near[0]}-{near[1]}" if near else "it has no peak on that contig"
    raise InputError(f"{cell_line.store}: has no peak {contig}:{start}-{end} of {name} in a CRM; {told}")


def _at(cell_line: CellLine, wanted: tuple[int, int], end: int, source: int) -> tuple[int | None, int]:
    """Return the index of a peak, None if there is none, and the block in which it would begin.

    wanted: contig and start of the peak.
    """
    blocks = cell_line.blocks("peaks")

    def is_before(block: Block) -> bool:
        peaks = cell_line.peaks(block.start, block.start + 1)
        return (int(peaks.contig[0]), int(peaks.start_bp[0])) < wanted

    low, high = 0, len(blocks)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if is_before(blocks[middle]) else (low, middle)
    # Peaks of that start may begin at the end of the block before the first that does not begin before it.
    for block in blocks[max(0, low - 1) :]:
        peaks = cell_line.peaks(*block)
        is_peak = (peaks.contig == wanted[0]) & (peaks.start_bp == wanted[1]) & (peaks.end_bp == end)
        if (found := np.flatnonzero(is_peak & (peaks.source == source))).size:
            return block.start + int(found[0]), max(0, low - 1)
        if (int(peaks.contig[-1]), int(peaks.start_bp[-1])) > wanted:
            break
    return None, max(0, low - 1)


def _nearest_peak(
    cell_line: CellLine, wanted: tuple[int, int], source: int, block: int
) -> tuple[int, int] | None:
    """Return start and end of the peak of a source whose start is nearest, looking outwards from a block."""
    blocks, (contig, start) = cell_line.blocks("peaks"), wanted
    found: list[tuple[int, int]] = []
    for is_left, of_side in ((True, blocks[block::-1]), (False, blocks[block:])):
        for one in of_side:
            peaks = cell_line.peaks(*one)
            is_mine = (peaks.contig == contig) & (peaks.source == source)
            mine = np.flatnonzero(is_mine & ((peaks.start_bp <= start) == is_left))
            if mine.size:
                nearest_one = mine[-1 if is_left else 0]
                found.append((int(peaks.start_bp[nearest_one]), int(peaks.end_bp[nearest_one])))
            if mine.size or (peaks.contig[-1] < contig if is_left else peaks.contig[0] > contig):
                break
    return min(found, key=lambda one: abs(one[0] - wanted[1]), default=None)


@dataclass(frozen=True)
class _Row:
    """A peak in one window, without its source: bool (bins, sources).

    first, last: its bins; fold, crm: of its CRM, which is int64 (1,).
    """

    window: BoolArray
    source: int
    first: int
    last: int
    fold: int
    crm: npt.NDArray[np.int64]

    def variants(self, is_present: BoolArray) -> Iterator[tuple[slice, BoolArray]]:
        """Yield the window as it is, then changed at one source each; in parts, with their places.

        A present source is taken out, to any other one a peak at the same place is added.
        """
        bins, sources = self.window.shape
        step = max(1, WINDOW_BYTES // (bins * sources))
        for start in range(0, sources + 1, step):
            stop = min(start + step, sources + 1)
            changed = np.repeat(self.window[None], stop - start, axis=0)
            for at in range(max(start, 1), stop):
                changed[at - start, :, at - 1] = False
                if not is_present[at - 1]:
                    changed[at - start, self.first : self.last + 1, at - 1] = True
            yield slice(start, stop), changed


def _explain_peak(scores: Scores, peak: int, names: list[str]) -> pd.DataFrame:
    """Return the rows of `EXPLANATION` for one peak."""
    cell_line = scores.cell_line
    of_peak, rows = cell_line.peaks(peak, peak + 1), _rows(scores, peak)
    own = rows[0].source
    is_present = np.any([row.window.any(axis=0) for row in rows], axis=0)
    overlaps = np.any([row.window[row.first : row.last + 1].any(axis=0) for row in rows], axis=0)
    network, regression = (
        np.stack(part).astype(np.float64).mean(axis=0)
        for part in zip(*(_log_odds(scores, row, is_present) for row in rows), strict=True)
    )
    sign = np.where(is_present, -1, 1)
    # Adding 0 makes -0, of a source that changes nothing, 0.
    parts = [sign * (part[1:] - part[0]) + 0.0 for part in (network, regression)]
    effect = parts[0] + parts[1]
    others = [number for number in range(len(cell_line.sources)) if number != own]
    others = sorted(others, key=lambda number: (not is_present[number], -effect[number], number))
    labels = np.array(cell_line.sources, object)
    columns: tuple[Any, ...] = (
        cell_line.contigs[int(of_peak.contig[0])], int(of_peak.start_bp[0]), int(of_peak.end_bp[0]),
        *cell_line.sources[own], float(network[0] + regression[0]), labels[others, 0], labels[others, 1],
        is_present[others].astype(np.int64), overlaps[others].astype(np.int64), effect[others],
        parts[0][others], parts[1][others],
    )  # fmt: skip
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=range(len(others)))


def _rows(scores: Scores, peak: int) -> list[_Row]:
    """Return a peak in each of its windows."""
    cell_line, chance = scores.cell_line, scores.chance
    of_peak = cell_line.peaks(peak, peak + 1)
    low, high = int(of_peak.first_row[0]), int(of_peak.last_row[0]) + 1
    rows = cell_line.rows(low, high)
    found = []
    for at in np.flatnonzero(rows.peak == peak).tolist():
        number, source = int(rows.window[at]), int(rows.source[at])
        window = cell_line.occupancy(number, number + 1)[0]
        window[:, source] = False
        crm = cell_line.windows(number, number + 1).crm
        fold = int(fold_of_crm(crm, chance.folds, chance.seed)[0])
        found.append(_Row(window, source, int(rows.first_bin[at]), int(rows.last_bin[at]), fold, crm))
    return found


def _log_odds(scores: Scores, row: _Row, is_present: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return N and G in the window as it is, then changed at each source: float32 (1 + sources,) each."""
    count = len(is_present) + 1
    network, regression = np.zeros(count, np.float64), np.empty(count, np.float32)
    fitted = regression_of(scores.placements, row.source)
    several = scores.members or (scores,)
    members = list(compress(several, judges([one.config for one in several], row.crm)[:, 0]))
    for part, windows in row.variants(is_present):
        each = np.arange(len(windows))
        source, first, last, fold = (
            np.full(len(windows), value) for value in (row.source, row.first, row.last, row.fold)
        )
        found = gaps(windows, each, source, first, last)
        regression[part] = log_odds(fitted, found, fold, scores.cell_line.frame[1])
        for one in members:
            network[part] += network_log_odds(one.leave_one_out(), windows, each, source, first, last)
    return (network / len(members)).astype(np.float32), regression
