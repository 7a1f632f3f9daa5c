"""What CRMs hold, found by blocks of rows; a CRM that straddles blocks is joined."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from atypeak_scale.assess.crm_members import ROW_CHUNKS_PER_TASK, MembersTask, members_of_rows
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.catalogue.windows import Regions
from atypeak_scale.execution.executor import Executor
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block, CellLine


@dataclass(frozen=True)
class PartTask:
    """A block of rows of some scores; below: threshold for low peaks; file: gets the records of its CRMs.

    A peak counts with the score that the objective of the scores is about.
    """

    scores: Scores
    block: Block
    below: float
    file: Path


@dataclass(frozen=True)
class Crms:
    """File of the joined records, in order, and the sum of each: float64 (CRMs,)."""

    file: Path
    dtype: np.dtype[np.void]
    sums: npt.NDArray[np.float64]


def part_dtype(labels: int) -> np.dtype[np.void]:
    """Return the dtype of the part of a CRM in one block; `labels` of the second view are stored as bits.

    peaks counts those that enter the CRM in that block, judged those of them that have a score; below, sum
    and highest describe the scores.
    """
    return np.dtype(
        [
            ("crm", np.int64),
            ("contig", np.int32),
            ("start", np.int64),
            ("end", np.int64),
            ("peaks", np.int64),
            ("judged", np.int64),
            ("below", np.int64),
            ("sum", np.float64),
            ("highest", np.float32),
            ("labels", np.uint8, (-(-labels // 8),)),
        ]
    )


def write_parts(scores: Scores, below: float, work: Path, executor: Executor) -> list[Path]:
    """Find what each block of rows holds of its CRMs; return the blocks' files in the order of the rows."""
    blocks = scores.cell_line.blocks("rows", ROW_CHUNKS_PER_TASK)
    tasks = [
        PartTask(scores, block, below, work / f"part-{number}.npy") for number, block in enumerate(blocks)
    ]
    executor.run(write_part, tasks, "crms")
    return [task.file for task in tasks]


def write_part(task: PartTask) -> None:
    """Write the records of the CRMs that the rows of a block lie in, in order."""
    cell_line = task.scores.cell_line
    window = cell_line.rows(*task.block).window
    windows = cell_line.windows(int(window[0]), int(window[-1]) + 1)
    first = np.flatnonzero(np.diff(windows.crm, prepend=-1))
    labels = len(cell_line.labels[1])
    records = np.zeros(len(first), part_dtype(labels))
    records["crm"] = windows.crm[first]
    records["contig"] = windows.contig[first]
    records["start"] = windows.crm_start[first]
    records["end"] = windows.crm_end[first]
    # A peak enters a CRM in exactly one row, in whichever block, so parts are added and never compared.
    _count(records, members_of_rows(MembersTask(task.scores, task.block)), labels, task.below)
    np.save(task.file, records)


def _count(records: npt.NDArray[np.void], members: npt.NDArray[np.void], labels: int, below: float) -> None:
    """Fill in the counts of a block's CRMs from its members."""
    count, order = len(records), np.argsort(records["crm"])
    crm = order[np.searchsorted(records["crm"], members["crm"], sorter=order)]
    judged = ~np.isnan(members["score"])
    score, of_score = members["score"][judged], crm[judged]
    records["peaks"] = np.bincount(crm, minlength=count)
    records["judged"] = np.bincount(of_score, minlength=count)
    records["below"] = np.bincount(of_score[score < below], minlength=count)
    records["sum"] = np.bincount(of_score, score.astype(np.float64), count)
    records["highest"] = -np.inf
    np.maximum.at(records["highest"], of_score, score)
    has_label = np.zeros((count, labels), bool)
    has_label[crm, members["label"]] = True
    records["labels"] = np.packbits(has_label, axis=1)


def join_parts(parts: list[Path], cell_line: CellLine, regions: Regions | None, file: Path) -> Crms:
    """Join the parts of each CRM, keep those that overlap the regions, and write them to `file`."""
    dtype = part_dtype(len(cell_line.labels[1]))
    sums = []
    with file.open("wb") as out:
        for records in joined(map(np.load, parts)):
            kept = records if regions is None else records[_overlaps(records, cell_line.contigs, regions)]
            kept.tofile(out)
            sums.append(kept["sum"].copy())
    return Crms(file, dtype, np.concatenate(sums))


def joined(parts: Iterable[npt.NDArray[np.void]]) -> Iterator[npt.NDArray[np.void]]:
    """Yield the records of all parts in order; the last record of a part waits for the next part."""
    waiting: npt.NDArray[np.void] | None = None
    for part in parts:
        records = part
        if waiting is not None:
            if waiting["crm"][0] == records["crm"][0]:
                _add(records, waiting)
            else:
                records = np.concatenate([waiting, records])
        yield records[:-1]
        waiting = records[-1:].copy()
    assert waiting is not None  # a store always has rows
    yield waiting


def _add(records: npt.NDArray[np.void], earlier: npt.NDArray[np.void]) -> None:
    """Add the earlier part of the first CRM of `records` to it."""
    for field, join in (
        ("peaks", np.add), ("judged", np.add), ("below", np.add), ("sum", np.add), ("highest", np.maximum),
        ("labels", np.bitwise_or),
    ):  # fmt: skip
        records[field][0] = join(earlier[field][0], records[field][0])


def _overlaps(
    records: npt.NDArray[np.void], contigs: tuple[str, ...], regions: Regions
) -> npt.NDArray[np.bool_]:
    """Whether each CRM shares a bp with a region, (CRMs,)."""
    found = np.zeros(len(records), bool)
    for code in np.unique(records["contig"]):
        crms, on_contig = np.flatnonzero(records["contig"] == code), regions.on(contigs[code])
        start, end = (records[name][crms] for name in ("start", "end"))
        crm, _ = overlapping_pairs(start, end, regions.start[on_contig], regions.end[on_contig])
        found[crms[crm]] = True
    return found
