"""What a catalogue holds: cell lines, sources, and which of them can be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from atypeak_scale.catalogue.accounts import alike
from atypeak_scale.catalogue.folder import Catalogue, CatalogueLine
from atypeak_scale.catalogue.line_files import LABELS, batches
from atypeak_scale.catalogue.names import Source
from atypeak_scale.catalogue.peak_names import selected_sources
from atypeak_scale.catalogue.streams import refuse_pipe
from atypeak_scale.catalogue.windows import Regions, read_regions
from atypeak_scale.config import Selection
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.registry.survey_columns import CELL_LINES, SURVEY_SOURCES
from atypeak_scale.scoring.support.chance import FEWEST_PEAKS
from atypeak_scale.storage.locations import Location

if TYPE_CHECKING:
    import pandas as pd

FEWEST_SOURCES = 2  # of which one can corroborate the other
ENOUGH_SOURCES = 8
SOURCE_BITS = 20  # of the key of a (CRM, source), more than any cell line needs
ENOUGH_IN_CRM = 1.5  # mean number of sources in a CRM that has any: below, most peaks have no neighbour
YES, FEW, NO = "yes", "few", "no"


@dataclass(frozen=True)
class Survey:
    """cell_lines: a row for each (CELL_LINES), the largest first; sources: for each source of each."""

    cell_lines: "pd.DataFrame"
    sources: "pd.DataFrame"


@dataclass(frozen=True)
class LineTask:
    """A cell line to count; call: what tells the tasks of one survey from those of another."""

    catalogue: Path
    line: CatalogueLine
    crms: Location | None
    min_crm_peaks: int
    selection: Selection
    call: str


@dataclass(frozen=True)
class LineCounts:
    """Of each source of a cell line: peaks, their widths together in bp, those in CRMs, and whether selected.

    sources: (sources,); peaks, widths, in_crms: int64 (sources,); selected: bool (sources,); pairs: number of
    (CRM, selected source) with a peak; crms: number of CRMs with any; both -1 without CRMs.
    """

    sources: list[Source]
    peaks: npt.NDArray[np.int64]
    widths: npt.NDArray[np.int64]
    in_crms: npt.NDArray[np.int64]
    selected: npt.NDArray[np.bool_]
    pairs: int
    crms: int


def survey(
    catalogue: Catalogue,
    crms: Location | None = None,
    selection: Selection | None = None,
    min_crm_peaks: int = 0,
    executor: Executor | None = None,
) -> Survey:
    """Count what a catalogue holds.

    Parameters
    ----------
    catalogue
        As `open_catalogue` opens it.
    crms
        BED file of CRMs; without them nothing is said of neighbours.
    selection
        Which sources are to be used, as for `build_store`.
    min_crm_peaks
        CRMs with fewer peaks in column 5 are left out, as in `build_store`.
    executor
        Where the work runs, a task for each cell line; None means this process.

    Raises
    ------
    InputError
        If the CRMs or the selection are wrong.

    """
    import pandas as pd

    executor = executor or InProcess()
    selection, call = selection or Selection(), uuid4().hex
    if crms is not None:
        refuse_pipe(crms, executor.is_elsewhere)
        _regions(crms, min_crm_peaks, call)  # refuses bad CRMs before any work
    lines = catalogue.largest_first()
    tasks = [LineTask(catalogue.path, line, crms, min_crm_peaks, selection, call) for line in lines]
    found: dict[str, LineCounts] = {
        task.line.name: counts for task, counts in executor.map(count_line, tasks, "cell lines")
    }
    names = [line.name for line in lines]
    has_crms = crms is not None
    similar = alike(names)
    rows = [_line_row(name, found[name], similar[name], has_crms) for name in names]
    sources = [row for name in names for row in _source_rows(name, found[name], has_crms)]
    return Survey(
        pd.DataFrame(rows, columns=[column.name for column in CELL_LINES.named(LABELS)]),
        pd.DataFrame(sources, columns=[column.name for column in SURVEY_SOURCES.named(LABELS)]),
    )


@lru_cache(maxsize=1)
def _regions(crms: Location, min_crm_peaks: int, call: str) -> Regions:
    """Return the CRMs, which every task of a process needs; the next call may find another file there."""
    return read_regions(crms, min_crm_peaks)[0]


def count_line(task: LineTask) -> LineCounts:
    """Count the peaks of a cell line."""
    peaks: dict[Source, npt.NDArray[np.int64]] = {}
    pairs = []
    regions = None if task.crms is None else _regions(task.crms, task.min_crm_peaks, task.call)
    codes: dict[Source, int] = {}
    for batch in batches(task.catalogue / task.line.file, task.line.peaks):
        contig, *labels = (batch.column(name) for name in ("contig", *LABELS))
        start, end = (batch.column(name).to_numpy() for name in ("start", "end"))
        source = _source_codes(labels, codes)
        crm = np.full(len(start), -1) if regions is None else _crm_of(regions, contig, start, end)
        columns = np.stack([np.ones_like(start), end - start, (crm >= 0).astype(np.int64)])
        totals = np.stack([np.bincount(source, each, len(codes)) for each in columns], axis=1)
        for one, code in codes.items():
            peaks[one] = peaks.get(one, 0) + totals[code].astype(np.int64)
        is_in = crm >= 0
        pairs.append(_distinct(crm[is_in] << SOURCE_BITS | source[is_in]))
    selected = set(selected_sources({one: int(of[0]) for one, of in peaks.items()}, task.selection))
    sources = sorted(codes)
    table = np.array([peaks[one] for one in sources])
    is_selected = np.array([one in selected for one in codes])
    pair = _distinct(np.concatenate(pairs))
    pair = pair[is_selected[pair & ((1 << SOURCE_BITS) - 1)]]
    is_known = regions is not None
    return LineCounts(
        sources, table[:, 0], table[:, 1], table[:, 2], np.array([one in selected for one in sources]),
        len(pair) if is_known else -1, len(_distinct(pair >> SOURCE_BITS)) if is_known else -1,
    )  # fmt: skip


def _source_codes(labels: Sequence[Any], codes: dict[Source, int]) -> npt.NDArray[np.int64]:
    """Return the code of every row's source: int64 (rows,); new sources get the next codes."""
    dataset, tr = labels
    names = [column.dictionary.to_pylist() for column in (dataset, tr)]
    pair = dataset.indices.to_numpy().astype(np.int64) * len(names[1]) + tr.indices.to_numpy()
    of_pair = np.bincount(pair, minlength=len(names[0]) * len(names[1]))
    for one in np.flatnonzero(of_pair).tolist():
        source = names[0][one // len(names[1])], names[1][one % len(names[1])]
        of_pair[one] = codes.setdefault(source, len(codes))
    found: npt.NDArray[np.int64] = of_pair[pair]
    return found


def _distinct(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the distinct values, sorted; many times faster than NumPy's own for millions of them."""
    ordered = np.sort(values)
    found: npt.NDArray[np.int64] = ordered[np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]]
    return found


def _crm_of(
    regions: Regions, contig: Any, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the number of a CRM that each peak overlaps, -1 for none: int64 (rows,)."""
    found = np.full(len(start), -1)
    codes, names = contig.indices.to_numpy(), contig.dictionary.to_pylist()
    order = np.argsort(codes, kind="stable")
    used, first = np.unique(codes[order], return_index=True)
    for code, rows in zip(used.tolist(), np.split(order, first[1:]), strict=True):
        of_contig = regions.on(names[code])
        if of_contig.start == of_contig.stop:
            continue
        # Of CRMs that begin before the end of the peak, the last; an earlier one may reach further.
        last = np.searchsorted(regions.start[of_contig], end[rows]) - 1
        furthest = np.maximum.accumulate(regions.end[of_contig])
        overlaps = (last >= 0) & (furthest[last] > start[rows])
        found[rows[overlaps]] = of_contig.start + last[overlaps]
    return found


def _line_row(name: str, counts: LineCounts, similar: list[str], has_crms: bool) -> list[object]:
    total = int(counts.peaks.sum())
    selected = counts.selected
    within = counts.in_crms if has_crms else counts.peaks
    judgeable = int((within[selected] >= FEWEST_PEAKS).sum()) if selected.sum() >= FEWEST_SOURCES else 0
    in_crm = counts.pairs / counts.crms if counts.crms > 0 else np.nan
    return [
        name, total, len(counts.sources), len({source[0] for source in counts.sources}),
        len({source[1] for source in counts.sources}), counts.widths.sum() / total,
        counts.in_crms.sum() / total if has_crms else np.nan, int(selected.sum()),
        int(counts.peaks[selected].sum()), judgeable, in_crm, _verdict(judgeable, in_crm),
        ", ".join(similar),
    ]  # fmt: skip


def _verdict(judgeable: int, in_crm: float) -> str:
    if judgeable < FEWEST_SOURCES:
        return NO
    return YES if judgeable >= ENOUGH_SOURCES and not in_crm < ENOUGH_IN_CRM else FEW


def _source_rows(name: str, counts: LineCounts, has_crms: bool) -> list[list[object]]:
    return [
        [
            name, *source, int(peaks), width / peaks, within / peaks if has_crms else np.nan, int(is_selected)
        ]
        for source, peaks, width, within, is_selected in zip(
            counts.sources, counts.peaks, counts.widths, counts.in_crms, counts.selected, strict=True
        )
    ]  # fmt: skip
