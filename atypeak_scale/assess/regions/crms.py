"""One row for each CRM: its peaks, how typical they are, and its rank as a candidate CRE (article, Results).

blocks of rows   -> the part of each CRM that lies in them     (one file a block)
parts in order   -> CRMs; one that straddles blocks is joined  (of the regions of interest only)
sums of all CRMs -> ranks, and with them the files

With the scores of two objectives, both are counted by themselves: the CRMs are the same, in the same order.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from atypeak_scale.assess.regions.crm_parts import Crms, join_parts, write_parts
from atypeak_scale.catalogue.bed import track_line as bed_track
from atypeak_scale.catalogue.bed import write_bed6
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.config import Objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import refuse_existing_output
from atypeak_scale.registry.bed_columns import CRMS_BED
from atypeak_scale.registry.bed_columns import TRUST_BED as TRUST_BED_TABLE
from atypeak_scale.registry.crm_columns import CRMS, CRMS_BY_BOTH, CRMS_BY_TRUST
from atypeak_scale.registry.dictionary import DICTIONARY
from atypeak_scale.registry.table import Column, Table
from atypeak_scale.scoring.export import new_export
from atypeak_scale.scoring.export.bed import bed_scores
from atypeak_scale.scoring.label_scale import CENTRE
from atypeak_scale.scoring.named_scores import by_objective
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.tables import COLUMNS_FILE, parquet_schema, write_dictionary

CRM_TABLE, CRM_BED, TRUST_BED = f"{CRMS.name}.parquet", f"{CRMS.name}.bed", f"{CRMS.name}-trust.bed"
BELOW = CENTRE / 2  # one standard deviation below the average of a label (method, section 5.6)
TRUST_BELOW = 0.5  # such a peak lies at random more likely than not (method, section 9.5)
CRMS_AT_ONCE = 16_384
Columns = dict[str, npt.NDArray[Any]]
Objectives = tuple[Objective, ...]

TABLES: dict[Objectives, Table] = {
    ("article",): CRMS, ("support",): CRMS_BY_TRUST, ("article", "support"): CRMS_BY_BOTH,
}  # fmt: skip
BED_TABLES: dict[Objective, Table] = {"article": CRMS_BED, "support": TRUST_BED_TABLE}
# By objective: the BED file, its description, and what its track says that CRMs are ranked by.
BEDS: dict[Objective, tuple[str, str, str]] = {
    "article": (CRM_BED, "CRMs as candidate CREs, shaded and named by their rank", "peaks' scores"),
    "support": (TRUST_BED, "the same by their rank of trust, 1 - doubt", "peaks' 1 - doubt"),
}


@dataclass(frozen=True)
class CrmTable:
    """The files of a table of CRMs, how many CRMs they hold, and the objectives of the scores."""

    folder: Location
    crms: int
    objectives: Objectives = ("article",)

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with its description."""
        named = [
            (CRM_TABLE, TABLES[self.objectives].description),
            *(BEDS[objective][:2] for objective in self.objectives),
            (COLUMNS_FILE, DICTIONARY.description),
        ]
        return [(join(self.folder, name), what) for name, what in named]


def crms(
    scores: Scores | Sequence[Scores],
    out: Location,
    below: float | None = None,
    regions: Location | None = None,
    track_line: bool = False,
    executor: Executor | None = None,
) -> CrmTable:
    """Write a table of CRMs, ranked by the sum of their peaks' scores, to a new folder; whole or not at all.

    A peak counts once in every CRM that it overlaps, with its whole, unclipped final score, or with its
    trust, 1 - doubt. Peaks without a doubt are left out of everything about trust; a column counts them. CRMs
    are in C order of their contig, then by start. Memory holds one block of rows, the regions, and one or two
    numbers for every CRM.

    Parameters
    ----------
    scores
        Complete scores: of the article, support, or one of each, which gives two rankings.
    out
        The new folder.
    below
        Threshold of the column `share_below`, a final score; None means 375.
    regions
        A BED file. Only CRMs that share a bp with one of its intervals are written and ranked. None means
        all.
    track_line
        Whether BED files begin with a track line, for the UCSC browser.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    CrmTable
        The files that were written.

    Raises
    ------
    InputError
        If `out` exists, `below` is not a number or there are no final scores, no CRM overlaps the regions, or
        two scores have the same objective.
    StageMissingError
        If the scores are not complete.

    """
    refuse_existing_output(out)
    together = by_objective(scores)
    thresholds = _thresholds(below, tuple(together))
    for one in together.values():
        one.require_complete()
    of_interest, region_file = (None, None) if regions is None else read_regions(regions)
    settings = {"below": thresholds["article"]} if "article" in together else {}
    asked = {**settings, "regions": region_file and asdict(region_file)}
    cell_line = next(iter(together.values())).cell_line
    with target(out).staging_folder() as work, new_export(out, list(together.values()), crms=asked) as folder:
        found: dict[Objective, Crms] = {}
        for objective, one in together.items():
            own = work / objective
            own.mkdir()
            parts = write_parts(one, thresholds[objective], own, executor or InProcess())
            found[objective] = join_parts(parts, cell_line, of_interest, own / "crms")
        total = next(iter(found.values())).sums.size
        if not total:
            raise InputError(
                f"{regions}: no CRM of {cell_line.store} overlaps a region; "
                "check that both use the same genome assembly and spell contigs alike"
            )
        _write_files(found, cell_line, thresholds, track_line, folder)
    return CrmTable(join(out), total, tuple(together))


def _thresholds(below: float | None, objectives: Objectives) -> dict[Objective, float]:
    """Return the scores under which a peak counts as low."""
    if below is not None and not math.isfinite(below):
        raise InputError(
            f"below {below}: expected a score; {BELOW:g} is one standard deviation below average", "below"
        )
    if below is not None and "article" not in objectives:
        raise InputError(f"below {below:g}: a final score, which models of support do not give; leave it out")
    return {"article": BELOW if below is None else below, "support": TRUST_BELOW}


def _columns(table: Table, views: tuple[str, str], below: float) -> list[Column]:
    """Return the columns of the table of CRMs; the column of low peaks gives the threshold."""
    return [
        replace(column, description=column.description.replace("the threshold", f"{below:g}"))
        for column in table.named(views)
    ]


def _write_files(
    found: Mapping[Objective, Crms],
    cell_line: CellLine,
    thresholds: Mapping[Objective, float],
    has_track_line: bool,
    folder: Path,
) -> None:
    name, total = cell_line.name, next(iter(found.values())).sums.size
    columns_of_table = _columns(TABLES[tuple(found)], cell_line.views, thresholds["article"])
    schema = parquet_schema(columns_of_table)
    beds_written = {BEDS[objective][0]: BED_TABLES[objective].columns for objective in found}
    write_dictionary({CRM_TABLE: columns_of_table, **beds_written}, folder / COLUMNS_FILE)
    ordered = {objective: np.sort(joined.sums) for objective, joined in found.items()}
    with ExitStack() as opened:
        table = opened.enter_context(pq.ParquetWriter(folder / CRM_TABLE, schema, compression="zstd"))
        beds: dict[Objective, TextIO] = {}
        for objective in found:
            file, _, measure = BEDS[objective]
            bed = opened.enter_context((folder / file).open("w", encoding="utf-8", newline=""))
            if has_track_line:
                bed.write(bed_track(f"{name} CRMs", f"{name} CRMs ranked by the sum of their {measure}"))
            beds[objective] = bed
        for start in range(0, total, CRMS_AT_ONCE):
            columns: Columns = {}
            for objective, joined in found.items():
                records = np.fromfile(
                    joined.file, joined.dtype, CRMS_AT_ONCE, offset=start * joined.dtype.itemsize
                )
                rank = 1 + total - np.searchsorted(ordered[objective], records["sum"], side="right")
                columns |= _facts(records, cell_line) | RANKINGS[objective](records, rank)
                _append_bed(beds[objective], columns, rank, total)
            table.write_table(pa.table({key: columns[key] for key in schema.names}, schema))


def _facts(records: npt.NDArray[np.void], cell_line: CellLine) -> Columns:
    """Return the columns that need no score."""
    return {
        "contig": np.array(cell_line.contigs, object)[records["contig"]],
        **{name: records[name] for name in ("start", "end", "crm", "peaks")},
        f"{cell_line.views[1]}s": np.unpackbits(records["labels"], axis=1).sum(axis=1, dtype=np.int32),
    }


def _by_final(records: npt.NDArray[np.void], rank: npt.NDArray[np.int64]) -> Columns:
    return {
        "mean": records["sum"] / records["peaks"],
        "max": records["highest"],
        "sum": records["sum"],
        "share_below": records["below"] / records["peaks"],
        "rank": rank,
    }


def _by_trust(records: npt.NDArray[np.void], rank: npt.NDArray[np.int64]) -> Columns:
    """Return the columns of trust: NaN, or a sum of 0, for a CRM without a peak that can be judged."""
    judged = np.where(records["judged"], records["judged"], np.nan)
    return {
        "unjudged_peaks": records["peaks"] - records["judged"],
        "trust_mean": records["sum"] / judged,
        "trust_max": np.where(np.isnan(judged), np.float32(np.nan), records["highest"]),
        "trust_sum": records["sum"],
        "share_doubted": records["below"] / judged,
        "trust_rank": rank,
    }


RANKINGS: dict[Objective, Callable[[npt.NDArray[np.void], npt.NDArray[np.int64]], Columns]] = {
    "article": _by_final, "support": _by_trust,
}  # fmt: skip


def _append_bed(out: TextIO, columns: Columns, rank: npt.NDArray[np.int64], total: int) -> None:
    """Append BED6 lines; the score is the share of other CRMs with a lower rank, in thousandths."""
    share = (total - rank) / (total - 1) if total > 1 else np.ones(1)
    contig, start, end = (columns[name].tolist() for name in ("contig", "start", "end"))
    names = (f"rank-{number}" for number in rank.tolist())
    write_bed6(out, contig, start, end, names, bed_scores(1000 * share).tolist())
