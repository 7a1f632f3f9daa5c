"""Scored and newer peaks, counted in every CRM by blocks of CRMs (article, Fig. S7)."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from atypeak_scale.catalogue.overlaps import candidates, overlapping_pairs, sort_intervals
from atypeak_scale.catalogue.peaks import PeakSpool, map_peaks
from atypeak_scale.catalogue.streams import InputFile
from atypeak_scale.catalogue.windows import Regions
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.registry.variables import DOUBT, FINAL
from atypeak_scale.scoring.export import PEAKS_FILE
from atypeak_scale.scoring.named_scores import NamedScore, score_of_table
from atypeak_scale.storage.locations import Location, is_url, join
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import Block

CRMS_PER_BLOCK = 2048
PEAKS_AT_ONCE = 65_536

SCORED = np.dtype(
    [
        ("start", np.int64),
        ("end", np.int64),
        ("furthest", np.int64),
        ("label", np.int32),
        ("score", np.float32),
    ]
)
CRM = np.dtype([("start", np.int64), ("end", np.int64)])
COUNT = np.dtype(
    [
        ("region", np.int64),  # place of the CRM in the Regions
        ("label", np.int32),
        ("peaks", np.int64),
        ("new_peaks", np.int64),
        ("mean", np.float64),
        ("crm_mean", np.float64),
        ("unjudged_peaks", np.int64),  # of `peaks`, those without a score
    ]
)


@dataclass(frozen=True)
class ExportedScores:
    """What the exported scores say about themselves; `labels` are those of the second view, sorted.

    score: the one that is compared.
    """

    file: Path
    made_from: dict[str, Any]
    cell_line: str
    views: tuple[str, str]
    labels: list[str]
    min_crm_peaks: int
    crms: InputFile
    score: NamedScore

    @property
    def view1(self) -> str:
        """Name of the second view."""
        return self.views[1]


@dataclass(frozen=True)
class CountTask:
    """CRMs of one contig, by their place in the file of CRM records, and the peaks of that contig.

    scored: file of SCORED records; new: file of PEAK records, None if there are none.
    label_of_source: index into the labels, for each source of the new peaks; counts: the file to write.
    """

    crms: Path
    block: Block
    scored: Path
    new: Path | None
    label_of_source: npt.NDArray[np.int32]
    labels: int
    counts: Path


@contextmanager
def reading_scores(folder: Location, score: str | None = None) -> Iterator[ExportedScores]:
    """Yield what an exported folder says about itself; its table is local and has the columns needed.

    score: which one is compared; None takes the final score, or else trust.

    Raises
    ------
    InputError
        If `export` did not write the folder, or the table does not hold the score.

    """
    with ExitStack() as stack:
        try:
            table = stack.enter_context(target(join(folder, PEAKS_FILE)).local_copy())
            scores = _described(
                table, json.loads(target(join(folder, MADE_FROM)).read_text()), score, str(folder)
            )
        except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
            if is_url(folder) and isinstance(problem, OSError) and not isinstance(problem, FileNotFoundError):
                raise  # a lost connection says nothing about the folder
            raise InputError(
                f"{folder}: not a folder of scores; expected what 'atypeak-scale export' writes "
                f"({PEAKS_FILE} and {MADE_FROM})"
            ) from None
        yield scores


def _described(file: Path, made: dict[str, Any], score: str | None, folder: str) -> ExportedScores:
    store = made["store"]
    view0, view1 = store["store"]["views"]
    with pq.ParquetFile(file) as table:
        names = set(table.schema_arrow.names)
        needed = {"contig", "start", "end", view1}
        if not names.issuperset(needed) or names.isdisjoint({FINAL.name, DOUBT.name}):
            raise KeyError(*needed)
        named = score_of_table(names, score, folder)
        batches = table.iter_batches(PEAKS_AT_ONCE, columns=[view1])
        labels = sorted(set().union(*(batch[view1].unique().to_pylist() for batch in batches)))
    return ExportedScores(
        file, made, store["cell_line"], (view0, view1), labels, store["store"]["min_crm_peaks"],
        InputFile(**store["crms"]), named,
    )  # fmt: skip


def _spool_scored(scores: ExportedScores, work: Path) -> dict[str, Path]:
    """Write the scored peaks to one file of SCORED records per contig, sorted by start."""
    code_of = {label: code for code, label in enumerate(scores.labels)}
    files: dict[str, Path] = {}
    columns = ["contig", "start", "end", scores.view1, scores.score.variable.name]
    with pq.ParquetFile(scores.file) as table:
        for batch in table.iter_batches(PEAKS_AT_ONCE, columns=columns):
            contigs = batch["contig"].dictionary_encode()
            label = batch[scores.view1].dictionary_encode()
            records = np.empty(len(batch), SCORED)
            codes = np.array([code_of[name] for name in label.dictionary.to_pylist()], np.int32)
            records["label"] = codes[label.indices.to_numpy()]
            for name in ("start", "end"):
                records[name] = batch[name].to_numpy()
            records["score"] = scores.score.of(batch[scores.score.variable.name].to_numpy())
            for code, contig in enumerate(contigs.dictionary.to_pylist()):
                # Numbered, because names must not choose a path.
                file = files.setdefault(contig, work / f"scored-{len(files)}")
                with file.open("ab") as out:
                    records[contigs.indices.to_numpy() == code].tofile(out)
    for contig, file in files.items():
        records = np.fromfile(file, SCORED)
        file.unlink()
        files[contig] = file.with_suffix(".npy")
        np.save(files[contig], sort_intervals(records))
    return files


def write_counts(
    origin: ExportedScores, new: PeakSpool, regions: Regions, work: Path, executor: Executor
) -> list[Path]:
    """Count by blocks of CRMs; return the blocks' files in the order of the regions."""
    crms = np.empty(len(regions.start), CRM)
    crms["start"], crms["end"] = regions.start, regions.end
    np.save(work / "crms.npy", crms)
    label_of_source = np.array([origin.labels.index(label) for _, label in new.sources], np.int32)
    scored = _spool_scored(origin, work)
    tasks: list[CountTask] = []
    for contig in (name for name in regions.contigs if name in scored):
        place = regions.on(contig)
        for start in range(place.start, place.stop, CRMS_PER_BLOCK):
            block = Block(start, min(start + CRMS_PER_BLOCK, place.stop))
            tasks.append(
                CountTask(
                    work / "crms.npy", block, scored[contig], new.contigs.get(contig), label_of_source,
                    len(origin.labels), work / f"counts-{len(tasks)}.npz",
                )
            )  # fmt: skip
    executor.run(count_peaks, tasks, "count")
    return [task.counts for task in tasks]


def count_peaks(task: CountTask) -> None:
    """Write the COUNT records for a block of CRMs and their pairs."""
    start, stop = task.block
    crms = np.array(np.load(task.crms, mmap_mode="r")[start:stop])
    cells = len(crms), task.labels
    crm, scored = _inside(crms, np.load(task.scored, mmap_mode="r"))
    peaks, new_peaks, judged = (np.zeros(cells, np.int64) for _ in range(3))
    total = np.zeros(cells)
    np.add.at(peaks, (crm, scored["label"]), 1)
    has_score = ~np.isnan(scored["score"])
    at = crm[has_score], scored["label"][has_score]
    np.add.at(judged, at, 1)
    np.add.at(total, at, scored["score"][has_score].astype(np.float64))
    crm, new = _inside(crms, map_peaks(task.new))
    np.add.at(new_peaks, (crm, task.label_of_source[new["source"]]), 1)
    has_peaks = np.flatnonzero(peaks.any(axis=1))
    by_crm = [number.sum(axis=1)[has_peaks] for number in (peaks, new_peaks, judged)]
    of_crms = _records(by_crm, total.sum(axis=1)[has_peaks])
    of_crms["region"] = start + has_peaks
    of_crms["crm_mean"] = of_crms["mean"]
    crm, label = np.nonzero(peaks)
    of_pairs = _records([number[crm, label] for number in (peaks, new_peaks, judged)], total[crm, label])
    of_pairs["region"], of_pairs["label"] = start + crm, label
    of_pairs["crm_mean"] = of_crms["mean"][np.searchsorted(has_peaks, crm)]
    np.savez(task.counts, crms=of_crms, pairs=of_pairs)


def _records(counts: list[npt.NDArray[np.int64]], total: npt.NDArray[np.float64]) -> npt.NDArray[np.void]:
    """Return COUNT records without their place, (units,); the mean is NaN if no peak has a score.

    counts: of peaks, of newer peaks, and of peaks with a score; total: sum of the scores, (units,) each.
    """
    peaks, new_peaks, judged = counts
    records = np.zeros(len(peaks), COUNT)
    records["peaks"], records["new_peaks"], records["unjudged_peaks"] = peaks, new_peaks, peaks - judged
    records["mean"] = total / np.where(judged, judged, np.nan)
    return records


def _inside(
    crms: npt.NDArray[np.void], peaks: npt.NDArray[np.void]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.void]]:
    """Return (CRM, peak record) for every peak in every CRM; peaks are sorted by start."""
    place = candidates(peaks["start"], peaks["furthest"], crms["start"].min(), crms["end"].max())
    near = np.array(peaks[place])
    crm, peak = overlapping_pairs(crms["start"], crms["end"], near["start"], near["end"])
    return crm, near[peak]
