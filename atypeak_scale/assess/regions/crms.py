"""One row for each CRM: its peaks, how typical they are, and its rank as a candidate CRE (article, Results).

blocks of rows   -> the part of each CRM that lies in them     (one file a block)
parts in order   -> CRMs; one that straddles blocks is joined  (of the regions of interest only)
sums of all CRMs -> ranks, and with them the files
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from atypeak_scale.assess.regions.crm_parts import Crms, join_parts, write_parts
from atypeak_scale.catalogue.bed import track_line, write_bed6
from atypeak_scale.catalogue.windows import read_regions
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Progress, connect, no_progress
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.scoring.export import MADE_FROM, bed_scores, made_from, open_normalized
from atypeak_scale.scoring.normalize import CENTRE
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema

CRM_TABLE, CRM_BED = "crms.parquet", "crms.bed"
BELOW = CENTRE / 2  # one standard deviation below the average of a label (SPEC 5.6)
CRMS_AT_ONCE = 16_384


@dataclass(frozen=True)
class CrmTable:
    """The files of a table of CRMs and what they hold."""

    folder: Location
    crms: int

    def files(self) -> list[tuple[Location, str]]:
        """Return each file with what it is."""
        return [
            (join(self.folder, CRM_TABLE), "every CRM: its peaks, their scores, its rank"),
            (join(self.folder, CRM_BED), "CRMs as candidate CREs, shaded and named by their rank"),
        ]


def crm_table(
    run: ScoreRun,
    out: Location,
    below: float = BELOW,
    regions: Location | None = None,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> CrmTable:
    """Write the files of `CrmTable` into the new folder `out`, whole or not at all.

    A peak counts once in every CRM that it overlaps, with its whole final score (SPEC 5.6, not clipped).
    `below`: the threshold of the column `share_below`. `regions`: a BED file; only CRMs that share a bp with
    one of its intervals are written and ranked. CRMs are in C order of their contig, then by start. In memory
    are one block of rows, the regions, and one number for every CRM.

    Raises
    ------
    InputError
        Where `out` exists, the scores are not normalized, or no CRM overlaps the regions.

    """
    target(out).refuse_existing(last=MADE_FROM)
    if not math.isfinite(below):
        raise InputError(
            f"--below {below}: expected a score; {BELOW:g} is one standard deviation below average"
        )
    data = schema.open_cell_line(run.store, run.cell_line)
    scores = open_normalized(data, run.results, run)
    of_interest = None if regions is None else read_regions(regions)
    with target(out).staging_folder() as work, target(out).new_folder(last=MADE_FROM) as folder:
        with connect(cluster, progress) as client:
            parts = write_parts(run, data, scores, below, work, client, progress)
        crms = join_parts(parts, data, of_interest and of_interest[0], work / "crms")
        if not crms.sums.size:
            raise InputError(
                f"{regions}: no CRM of {run.store} overlaps a region; "
                "check that both are of one genome assembly and spell contigs alike"
            )
        _write_files(crms, data, below, folder)
        settings = {"below": below, "regions": of_interest and asdict(of_interest[1])}
        made = json.dumps({**made_from(data, scores), "crms": settings}, indent=1) + "\n"
        (folder / MADE_FROM).write_text(made, encoding="utf-8")
    return CrmTable(join(out), crms.sums.size)


def _schema(view1: str, below: float) -> pa.Schema:
    """Columns of the table of CRMs."""
    described = [
        ("contig", pa.string(), "contig"),
        ("start", pa.int64(), "start of the CRM, bp, 0-based"),
        ("end", pa.int64(), "end of the CRM, bp, exclusive"),
        ("crm", pa.int64(), "row of the CRM in the CRM file, from 0"),
        ("peaks", pa.int64(), "number of peaks that overlap the CRM"),
        (f"{view1}s", pa.int32(), f"number of distinct labels of the view {view1} among them"),
        ("mean", pa.float64(), "mean of their final scores"),
        ("max", pa.float32(), "highest of their final scores"),
        ("sum", pa.float64(), "sum of their final scores"),
        ("share_below", pa.float64(), f"share of them with a final score under {below:g}, 0 to 1"),
        ("rank", pa.int64(), "1 + number of CRMs of this table with a greater sum"),
    ]
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in described])


def _write_files(crms: Crms, data: zarr.Group, below: float, folder: Path) -> None:
    cell_line, total = str(data.attrs["cell_line"]), crms.sums.size
    table_schema = _schema(schema.views_of(data)[1], below)
    contigs = schema.read_array(data, "contig").astype(object)
    ordered = np.sort(crms.sums)
    with (
        (folder / CRM_BED).open("w", encoding="utf-8", newline="") as bed,
        pq.ParquetWriter(folder / CRM_TABLE, table_schema, compression="zstd") as table,
    ):
        bed.write(
            track_line(f"{cell_line} CRMs", f"{cell_line} CRMs ranked by the sum of their peaks' scores")
        )
        for start in range(0, total, CRMS_AT_ONCE):
            records = np.fromfile(crms.file, crms.dtype, CRMS_AT_ONCE, offset=start * crms.dtype.itemsize)
            rank = 1 + total - np.searchsorted(ordered, records["sum"], side="right")
            columns = _columns(records, contigs, rank)
            table.write_table(pa.table(dict(zip(table_schema.names, columns, strict=True)), table_schema))
            _append_bed(bed, columns, rank, total)


def _columns(
    records: npt.NDArray[np.void], contigs: npt.NDArray[np.object_], rank: npt.NDArray[np.int64]
) -> list[npt.NDArray[Any]]:
    """Return the columns of `_schema`, in its order."""
    return [
        contigs[records["contig"]],
        *(records[name] for name in ("start", "end", "crm", "peaks")),
        np.unpackbits(records["labels"], axis=1).sum(axis=1, dtype=np.int32),
        records["sum"] / records["peaks"],
        records["highest"],
        records["sum"],
        records["below"] / records["peaks"],
        rank,
    ]


def _append_bed(
    out: TextIO, columns: list[npt.NDArray[Any]], rank: npt.NDArray[np.int64], total: int
) -> None:
    """Append BED6 lines; the score is the share of the other CRMs that rank behind, in thousandths."""
    share = (total - rank) / (total - 1) if total > 1 else np.ones(1)
    contig, start, end = (column.tolist() for column in columns[:3])
    names = (f"rank-{number}" for number in rank.tolist())
    write_bed6(out, contig, start, end, names, bed_scores(1000 * share).tolist())
