"""What CRMs hold, found by blocks of rows and joined where a CRM straddles blocks (DESIGN 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.catalogue.windows import Regions
from atypeak_scale.cluster import Progress, run_blocks
from atypeak_scale.score.blocks import ScoreRun
from atypeak_scale.store import schema

ROW_CHUNKS_PER_TASK = 8


def part_dtype(labels: int) -> np.dtype[np.void]:
    """Return the record of the part of a CRM that lies in a block; `labels` of the second view, as bits.

    peaks, below, sum and highest are of the peaks that the block is the first to meet in this CRM.
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
        (run.store, data.path, scores.path, start, start + length, below, part)
        for start, part in zip(starts, parts, strict=True)
    ]
    for _ in run_blocks(_part_block, blocks, client, stage="crms", progress=progress):
        pass
    return parts


def _part_block(
    store: Path, data_path: str, scores_path: str, start: int, stop: int, below: float, out: Path
) -> int:
    """Write the records of the CRMs that rows [start, stop) lie in, in order; returns their number."""
    data = zarr.open_group(store, path=data_path, mode="r", use_consolidated=False)
    scores = zarr.open_group(store, path=scores_path, mode="r", use_consolidated=False)
    window, peak, source = (
        schema.read_array(data, name, start, stop)
        for name in ("peak_window", "peak_catalogue", "peak_source")
    )
    low, high = int(window[0]), int(window[-1]) + 1
    windows = {
        name: schema.read_array(data, name, low, high)
        for name in ("crm", "crm_start", "crm_end", "window_start", "window_contig")
    }
    window = window - low
    new_crm = np.diff(windows["crm"], prepend=-1) != 0
    # Windows of a CRM follow each other, so a peak is in an earlier one of them if it starts before this one.
    # That is known without looking there: each (CRM, peak) is counted by exactly one row of one block.
    is_first = windows["window_start"] == windows["crm_start"]
    peak_start = schema.read_elements(data, "catalogue_start", peak)
    counted = is_first[window] | (peak_start >= windows["window_start"][window])
    crm = (np.cumsum(new_crm) - 1)[window][counted]
    final = schema.read_elements(scores, "final", peak[counted])
    view1 = schema.views_of(data)[1]
    label = schema.read_array(data, f"source_{view1}")[source[counted]]
    np.save(
        out, _part_records(windows, new_crm, crm, label, final, below, schema.array(data, view1).shape[0])
    )
    return int(new_crm.sum())


def _part_records(
    windows: dict[str, npt.NDArray[Any]],
    new_crm: npt.NDArray[np.bool_],
    crm: npt.NDArray[np.int64],
    label: npt.NDArray[np.int32],
    final: npt.NDArray[np.float32],
    below: float,
    labels: int,
) -> npt.NDArray[np.void]:
    """Return the records of a block; crm, label, final: of each counted peak, CRMs numbered in the block."""
    count = int(new_crm.sum())
    records = np.zeros(count, part_dtype(labels))
    for field, name in (
        ("crm", "crm"),
        ("contig", "window_contig"),
        ("start", "crm_start"),
        ("end", "crm_end"),
    ):
        records[field] = windows[name][new_crm]
    records["peaks"] = np.bincount(crm, minlength=count)
    records["below"] = np.bincount(crm[final < below], minlength=count)
    records["sum"] = np.bincount(crm, final.astype(np.float64), count)
    records["highest"] = -np.inf
    np.maximum.at(records["highest"], crm, final)
    has_label = np.zeros((count, labels), bool)
    has_label[crm, label] = True
    records["labels"] = np.packbits(has_label, axis=1)
    return records


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
