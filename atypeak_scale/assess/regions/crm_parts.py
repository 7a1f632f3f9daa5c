"""What CRMs hold, found by blocks of rows and joined where a CRM straddles blocks (DESIGN 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.assess.crm_members import ROW_CHUNKS_PER_TASK, members_of_rows
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.catalogue.windows import Regions
from atypeak_scale.execution.cluster import Progress, run_blocks
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.storage.locations import Location
from atypeak_scale.store import schema


def part_dtype(labels: int) -> np.dtype[np.void]:
    """Return the record of the part of a CRM that lies in a block; `labels` of the second view, as bits.

    peaks, below, sum and highest are of the peaks that enter the CRM in that block.
    """
    return np.dtype(
        [
            ("crm", np.int64),
            ("contig", np.int32),
            ("start", np.int64),
            ("end", np.int64),
            ("peaks", np.int64),
            ("below", np.int64),
            ("sum", np.float64),
            ("highest", np.float32),
            ("labels", np.uint8, (-(-labels // 8),)),
        ]
    )


def write_parts(
    run: ScoreRun, data: zarr.Group, scores: zarr.Group, below: float, work: Path, client: Any,
    progress: Progress,
) -> list[Path]:  # fmt: skip
    """Find what each block of rows holds of its CRMs; returns the blocks' files in order of the rows."""
    rows = schema.array(data, "peak_window")
    length = rows.chunks[0] * ROW_CHUNKS_PER_TASK
    starts = range(0, rows.shape[0], length)
    parts = [work / f"part-{number}.npy" for number in range(len(starts))]
    blocks = [
        (run.store, data.path, run.results, scores.path, start, start + length, below, part)
        for start, part in zip(starts, parts, strict=True)
    ]
    for _ in run_blocks(_part_block, blocks, client, stage="crms", progress=progress):
        pass
    return parts


def _part_block(
    store: Location, data_path: str, results: Location, scores_path: str, start: int, stop: int, below: float,
    out: Path,
) -> int:  # fmt: skip
    """Write the records of the CRMs that rows [start, stop) lie in, in order; returns their number."""
    data = schema.open_group(store, data_path)
    window = schema.read_array(data, "peak_window", start, stop)
    low, high = int(window[0]), int(window[-1]) + 1
    first = np.flatnonzero(np.diff(schema.read_array(data, "crm", low, high), prepend=-1))
    labels = schema.array(data, schema.views_of(data)[1]).shape[0]
    records = np.zeros(len(first), part_dtype(labels))
    for field, name in (
        ("crm", "crm"), ("contig", "window_contig"), ("start", "crm_start"), ("end", "crm_end"),
    ):  # fmt: skip
        records[field] = schema.read_array(data, name, low, high)[first]
    # A peak enters a CRM in one row, whichever block that lies in: parts are added, never compared.
    _count(records, members_of_rows(store, data_path, results, scores_path, start, stop), labels, below)
    np.save(out, records)
    return len(records)


def _count(records: npt.NDArray[np.void], members: npt.NDArray[np.void], labels: int, below: float) -> None:
    """Fill the counts of the CRMs of a block from its members."""
    count, order = len(records), np.argsort(records["crm"])
    crm = order[np.searchsorted(records["crm"], members["crm"], sorter=order)]
    final = members["final"]
    records["peaks"] = np.bincount(crm, minlength=count)
    records["below"] = np.bincount(crm[final < below], minlength=count)
    records["sum"] = np.bincount(crm, final.astype(np.float64), count)
    records["highest"] = -np.inf
    np.maximum.at(records["highest"], crm, final)
    has_label = np.zeros((count, labels), bool)
    has_label[crm, members["label"]] = True
    records["labels"] = np.packbits(has_label, axis=1)


@dataclass(frozen=True)
class Crms:
    """File of the joined records, in order, and the sum of each: float64 (CRMs,)."""

    file: Path
    dtype: np.dtype[np.void]
    sums: npt.NDArray[np.float64]


def join_parts(parts: list[Path], data: zarr.Group, regions: Regions | None, file: Path) -> Crms:
    """Join the parts of each CRM, keep those that overlap the regions, and write them to `file`."""
    contigs = schema.read_array(data, "contig").tolist()
    dtype = part_dtype(schema.array(data, schema.views_of(data)[1]).shape[0])
    sums = []
    with file.open("wb") as out:
        for records in _whole_crms(parts):
            kept = records if regions is None else records[_overlaps(records, contigs, regions)]
            kept.tofile(out)
            sums.append(kept["sum"].copy())
    return Crms(file, dtype, np.concatenate(sums))


def _whole_crms(parts: list[Path]) -> Iterator[npt.NDArray[np.void]]:
    """Yield the records of all parts in order; the last one of a part waits for the next part."""
    waiting: npt.NDArray[np.void] | None = None
    for part in parts:
        records = np.load(part)
        if waiting is not None:
            if waiting["crm"][0] == records["crm"][0]:
                _add(records, waiting)
            else:
                records = np.concatenate([waiting, records])
        yield records[:-1]
        waiting = records[-1:].copy()
    assert waiting is not None  # a store without rows is not built
    yield waiting


def _add(records: npt.NDArray[np.void], earlier: npt.NDArray[np.void]) -> None:
    """Add the earlier part of the first CRM of `records` to it."""
    for field, join in (
        ("peaks", np.add), ("below", np.add), ("sum", np.add), ("highest", np.maximum),
        ("labels", np.bitwise_or),
    ):  # fmt: skip
        records[field][0] = join(earlier[field][0], records[field][0])


def _overlaps(records: npt.NDArray[np.void], contigs: list[str], regions: Regions) -> npt.NDArray[np.bool_]:
    """Whether each CRM shares a bp with a region, (CRMs,)."""
    found = np.zeros(len(records), bool)
    for code in np.unique(records["contig"]):
        crms, there = np.flatnonzero(records["contig"] == code), regions.on(contigs[code])
        start, end = (records[name][crms] for name in ("start", "end"))
        crm, _ = overlapping_pairs(start, end, regions.start[there], regions.end[there])
        found[crms[crm]] = True
    return found
