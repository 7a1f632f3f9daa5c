"""One row for each CRM: its peaks, how typical they are, and its rank as a candidate CRE (article, Results).

blocks of rows   -> the part of each CRM that lies in them     (one file a block)
parts in order   -> CRMs; one that straddles blocks is joined  (of the regions of interest only)
sums of all CRMs -> ranks, and with them the files
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from atypeak_scale.assess.regions.crm_parts import Crms, join_parts, write_parts
from atypeak_scale.catalogue.bed import track_line, write_bed6
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.provenance import new_output, refuse_existing_output
from atypeak_scale.registry.columns import CRMS
from atypeak_scale.scoring.export.bed import bed_scores
from atypeak_scale.scoring.label_scale import CENTRE
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.tables import parquet_schema

CRM_TABLE, CRM_BED = f"{CRMS.name}.parquet", f"{CRMS.name}.bed"
BELOW = CENTRE / 2  # one standard deviation below the average of a label (method, section 5.6)
CRMS_AT_ONCE = 16_384
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class CrmTable:
    """The files of a table of CRMs, and how many CRMs they hold."""

    folder: Location
    crms: int

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with its description."""
        return [
            (join(self.folder, CRM_TABLE), CRMS.description),
            (join(self.folder, CRM_BED), "CRMs as candidate CREs, shaded and named by their rank"),
        ]


def crms(
    scores: Scores,
    out: Location,
    below: float = BELOW,
    regions: Location | None = None,
    executor: Executor | None = None,
) -> CrmTable:
    """Write a table of CRMs, ranked by the sum of their peaks' scores, to a new folder; whole or not at all.

    A peak counts once in every CRM that it overlaps, with its whole, unclipped final score. CRMs are in C
    order of their contig, then by start. Memory holds one block of rows, the regions, and one number for
    every CRM.

    Parameters
    ----------
    scores
        Normalized scores.
    out
        The new folder.
    below
        Threshold of the column `share_below`, a final score.
    regions
        A BED file. Only CRMs that share a bp with one of its intervals are written and ranked. None means
        all.
    executor
        Where the work runs; None means this process.

    Returns
    -------
    CrmTable
        The files that were written.

    Raises
    ------
    InputError
        If `out` exists, `below` is not a number, or no CRM overlaps the regions.
    StageMissingError
        If the results are not scored and normalized.

    """
    refuse_existing_output(out)
    if not math.isfinite(below):
        raise InputError(
            f"below {below}: expected a score; {BELOW:g} is one standard deviation below average", "below"
        )
    scores.require_normalized()
    of_interest, region_file = (None, None) if regions is None else read_regions(regions)
    settings = {"below": below, "regions": region_file and asdict(region_file)}
    made_from = {**scores.provenance(), "crms": settings}
    cell_line = scores.cell_line
    with target(out).staging_folder() as work, new_output(out, made_from) as folder:
        parts = write_parts(scores, below, work, executor or InProcess())
        joined = join_parts(parts, cell_line, of_interest, work / "crms")
        if not joined.sums.size:
            raise InputError(
                f"{regions}: no CRM of {cell_line.store} overlaps a region; "
                "check that both use the same genome assembly and spell contigs alike"
            )
        _write_files(joined, cell_line, below, folder)
    return CrmTable(join(out), joined.sums.size)


def _schema(views: tuple[str, str], below: float) -> pa.Schema:
    """Return the columns of the table of CRMs; the column of low peaks gives the threshold."""
    columns = CRMS.named(views)
    return parquet_schema(
        [
            replace(column, description=column.description.replace("the threshold", f"{below:g}"))
            for column in columns
        ]
    )


def _write_files(joined: Crms, cell_line: CellLine, below: float, folder: Path) -> None:
    name, total = cell_line.name, joined.sums.size
    table_schema = _schema(cell_line.views, below)
    ordered = np.sort(joined.sums)
    with (
        (folder / CRM_BED).open("w", encoding="utf-8", newline="") as bed,
        pq.ParquetWriter(folder / CRM_TABLE, table_schema, compression="zstd") as table,
    ):
        bed.write(track_line(f"{name} CRMs", f"{name} CRMs ranked by the sum of their peaks' scores"))
        for start in range(0, total, CRMS_AT_ONCE):
            records = np.fromfile(
                joined.file, joined.dtype, CRMS_AT_ONCE, offset=start * joined.dtype.itemsize
            )
            rank = 1 + total - np.searchsorted(ordered, records["sum"], side="right")
            columns = _columns(records, cell_line, rank)
            table.write_table(pa.table({key: columns[key] for key in table_schema.names}, table_schema))
            _append_bed(bed, columns, total)


def _columns(records: npt.NDArray[np.void], cell_line: CellLine, rank: npt.NDArray[np.int64]) -> Columns:
    """Return the columns that `CRMS` registers."""
    return {
        "contig": np.array(cell_line.contigs, object)[records["contig"]],
        **{name: records[name] for name in ("start", "end", "crm", "peaks", "sum")},
        f"{cell_line.views[1]}s": np.unpackbits(records["labels"], axis=1).sum(axis=1, dtype=np.int32),
        "mean": records["sum"] / records["peaks"],
        "max": records["highest"],
        "share_below": records["below"] / records["peaks"],
        "rank": rank,
    }


def _append_bed(out: TextIO, columns: Columns, total: int) -> None:
    """Append BED6 lines; the score is the share of other CRMs with a lower rank, in thousandths."""
    rank = columns["rank"]
    share = (total - rank) / (total - 1) if total > 1 else np.ones(1)
    contig, start, end = (columns[name].tolist() for name in ("contig", "start", "end"))
    names = (f"rank-{number}" for number in rank.tolist())
    write_bed6(out, contig, start, end, names, bed_scores(1000 * share).tolist())
