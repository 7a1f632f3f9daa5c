"""Find CRMs by their place in the genome, as browsers write it, or by their number."""

import re
from dataclasses import dataclass

import numpy as np

from atypeak_scale.catalogue.windows import LONGEST_CRM
from atypeak_scale.errors import InputError, nearest, quoted
from atypeak_scale.store.cell_line import Block, CellLine

BLOCKS_AT_ONCE = 16  # chunks of occupancy; arrays of windows have longer chunks
_NUMBER = "[0-9][0-9,]{0,30}"
_REGION = re.compile(rf"(?P<contig>\S.*):(?P<start>{_NUMBER})(?:-(?P<end>{_NUMBER}))?", re.DOTALL)


@dataclass(frozen=True)
class CrmPlace:
    """A CRM with peaks: its place, bp, 0-based and half-open, its row in the CRM file, and its windows."""

    contig: str
    start: int
    end: int
    crm: int
    windows: Block

    @property
    def text(self) -> str:
        """The place as browsers write it: 1-based, last bp included, with thousands separators."""
        return f"{self.contig}:{self.start + 1:,}-{self.end:,}"


def find_modules(cell_line: CellLine, place: str) -> list[CrmPlace]:
    """Return the CRMs that a place names, the one that shares most bp with it first; of equals, the first.

    Reads some chunks of the arrays of windows, for a number all of them.

    Parameters
    ----------
    cell_line
        The data.
    place
        A region as browsers write it, `chr1:778,327-779,298`: 1-based, its last bp included, commas optional.
        Or one position, `chr1:778,327`, or a CRM's row in the CRM file, from 0, as in the column `crm`, where
        commas are optional too.

    Returns
    -------
    list of CrmPlace
        At least one. CRMs without a peak of the cell line are not in the store.

    Raises
    ------
    InputError
        If it is no place, or no CRM with a peak is there; the error names the nearest.

    """
    text = place.strip()
    if re.fullmatch(_NUMBER, text):
        return [_by_number(cell_line, int(text.replace(",", "")))]
    contig, start, end = parse_region(text)
    if contig not in cell_line.contigs:
        raise InputError(
            f"{cell_line.store}: has no contig {quoted(contig)}; {nearest(contig, cell_line.contigs)}"
        )
    number = cell_line.contigs.index(contig)
    near = _between(cell_line, number, start, end)
    shared = [min(end, one.end) - max(start, one.start) for one in near]
    order = sorted((at for at in range(len(near)) if shared[at] > 0), key=lambda at: -shared[at])
    if not order:
        told = "there is none on that contig"
        if (beside := _nearest(cell_line, number, start, end)) is not None:
            told = f"the nearest is {beside[0].text}, {beside[1]:,} bp away"
        raise InputError(
            f"{cell_line.store}: has no CRM with a peak at {contig}:{start + 1:,}-{end:,}; {told}"
        )
    return [near[at] for at in order]


def parse_region(text: str) -> tuple[str, int, int]:
    """Return contig, start and end, bp, 0-based and half-open, of a region or position as browsers write it.

    Raises
    ------
    InputError
        If it is neither, or empty.

    """
    found = _REGION.fullmatch(text)
    if found is None:
        raise InputError(
            f"place {quoted(text)}: expected a region such as chr1:778,327-779,298, a position such as "
            "chr1:778,327, or the number of a CRM"
        )
    start, end = (int((found[name] or found["start"]).replace(",", "")) for name in ("start", "end"))
    if not 1 <= start <= end:
        raise InputError(f"place {quoted(text)}: positions count from 1, and the first is not after the last")
    return found["contig"], start - 1, end


def _by_number(cell_line: CellLine, crm: int) -> CrmPlace:
    for block in cell_line.blocks("windows", BLOCKS_AT_ONCE):
        found = np.flatnonzero(cell_line.windows(*block).crm == crm)
        if found.size:
            return _beginning_at(cell_line, block.start + int(found[0]))
    if cell_line.has_empty_windows and (cell_line.empty_windows()[0] == crm).any():
        raise InputError(f"{cell_line.store}: CRM {crm} holds no peak of {cell_line.name}")
    raise InputError(
        f"{cell_line.store}: has no CRM {crm}; the number of a CRM is its row in the CRM file, from 0; "
        f"the last with a peak is {cell_line.crm_count - 1}"
    )


def _between(cell_line: CellLine, contig: int, start: int, end: int) -> list[CrmPlace]:
    """Return the CRMs that may overlap [start, end): those that begin before its end, but not far before."""
    # No CRM is longer, so one that begins before that ends before `start`.
    low = _first_window(cell_line, contig, start - LONGEST_CRM)
    return _places(cell_line, low, _first_window(cell_line, contig, end))


def _nearest(cell_line: CellLine, contig: int, start: int, end: int) -> tuple[CrmPlace, int] | None:
    """Return the CRM of a contig that is nearest to an interval, which overlaps none, and how far away."""
    near = _between(cell_line, contig, start, end)
    low = _first_window(cell_line, contig, start - LONGEST_CRM)
    if low:
        last = cell_line.windows(low - 1, low)
        first = _first_window(cell_line, int(last.contig[0]), int(last.crm_start[0]))
        near += _places(cell_line, first, low)
    following = _first_window(cell_line, contig, end)
    if following < cell_line.shape.windows:
        near.append(_beginning_at(cell_line, following))
    away = [
        (max(one.start - end, start - one.end) + 1, one)
        for one in near
        if one.contig == cell_line.contigs[contig]
    ]
    return min(((one, bp) for bp, one in away), key=lambda found: found[1], default=None)


def _beginning_at(cell_line: CellLine, window: int) -> CrmPlace:
    """Return the CRM whose first window this is."""
    crm, stop = cell_line.windows(window, window + 1).crm[0], window + 1
    while stop < cell_line.shape.windows:
        further = min(2 * stop - window, cell_line.shape.windows)
        others = np.flatnonzero(cell_line.windows(stop, further).crm != crm)
        if others.size:
            stop += int(others[0])
            break
        stop = further
    (place,) = _places(cell_line, window, stop)
    return place


def _first_window(cell_line: CellLine, contig: int, crm_start: int) -> int:
    """Return the first window whose CRM begins at or after a place; windows are sorted by it."""
    blocks = cell_line.blocks("windows", BLOCKS_AT_ONCE)
    low, high = 0, len(blocks)
    while low < high:
        middle = (low + high) // 2
        first = cell_line.windows(blocks[middle].start, blocks[middle].start + 1)
        is_before = (int(first.contig[0]), int(first.crm_start[0])) < (contig, crm_start)
        low, high = (middle + 1, high) if is_before else (low, middle)
    if not low:
        return 0
    block = blocks[low - 1]
    windows = cell_line.windows(*block)
    is_before = (windows.contig < contig) | ((windows.contig == contig) & (windows.crm_start < crm_start))
    return block.start + int(is_before.sum())


def _places(cell_line: CellLine, start: int, stop: int) -> list[CrmPlace]:
    """Return the CRMs of windows [start, stop), in order."""
    windows = cell_line.windows(start, stop)
    first = np.flatnonzero(np.diff(windows.crm, prepend=-1)) if stop > start else np.empty(0, np.int64)
    return [
        CrmPlace(
            cell_line.contigs[int(windows.contig[at])],
            int(windows.crm_start[at]),
            int(windows.crm_end[at]),
            int(windows.crm[at]),
            Block(start + at, start + next_one),
        )
        for at, next_one in zip(first.tolist(), [*first[1:].tolist(), stop - start], strict=False)
    ]
