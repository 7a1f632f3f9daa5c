"""The artificial catalogue, in which the reason for every peak is known.

Method, section 8; article, "Artificial data".

CRMs are drawn in chunks, each with its own seed, so that memory does not grow with their number.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TextIO

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from atypeak_scale.catalogue.bed import write_bed6
from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.catalogue.repeats import repeated
from atypeak_scale.config import Settings
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.storage.atomic import new_folder
from atypeak_scale.storage.local import LocalTarget
from atypeak_scale.storage.locations import local_path

CELL_LINE = "artificial"
CRMS_PER_CONTIG = 20_000
GAP = 1000  # bp before each CRM
MOST_SOURCES = 1_000_000
CRMS_PER_CHUNK = 16_384
PEAKS_PER_CHUNK = 1 << 18  # expected; high rates make the chunks shorter

WATERMARK, NOISE, STACK = 0, 1, 2  # kind of a peak; a peak of group g has the code STACK + g
WATERMARK_SOURCE = 0  # of the first dataset and the first TR; a source is dataset * trs + TR
PEAK = np.dtype([(name, np.int64) for name in ("crm", "start", "end", "source", "kind")])

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
PeakArray = npt.NDArray[np.void]
Probability = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0, le=100)]


class ArtificialSettings(Settings):
    """The numbers of an artificial catalogue (method, section 8).

    Rules for groups of TRs: `halves`; `equal`: as many equal groups as `groups` says; `fours`: the first
    `groups` groups of 4 (later TRs occur only as noise); `overlapping`: the first half, and all.
    """

    crms: Annotated[int, Field(ge=1)] = 10_000
    datasets: Annotated[int, Field(ge=1)] = 8
    trs: Annotated[int, Field(ge=1)] = 8
    seed: Annotated[int, Field(ge=0)] = 1
    crm_length: Annotated[int, Field(ge=1, le=1_000_000, description="bp")] = 3200
    watermark_probability: Probability = 0.75
    group_rule: Literal["halves", "equal", "fours", "overlapping"] = "halves"
    groups: Annotated[int, Field(ge=1)] | None = Field(None, description="with equal and fours: how many")
    odds: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] | None = Field(
        None, description="of drawing each group; equal by default"
    )
    reliable_datasets: Annotated[int, Field(ge=1)] | None = Field(
        None, description="how many, from the last; half by default, rounded up"
    )
    stack_rate: Rate = Field(1.0, description="Poisson rate of datasets, rounds and TRs a round")
    false_negative_probability: Probability = Field(0.25, description="of dropping a stack peak")
    jitter: Annotated[int, Field(ge=0, description="bp, to either side of the stack's centre")] = 200
    length_median: Annotated[int, Field(ge=1, description="bp, to either side of the peak's centre")] = 250
    length_sigma: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.25
    noise_rate: Rate = 1.0

    @property
    def tr_groups(self) -> list[range]:
        """Return the TRs of each group, as indices from 0."""
        if self.group_rule == "overlapping":
            return [range(self.trs // 2), range(self.trs)]
        count = 2 if self.group_rule == "halves" else self.groups or 1
        size = 4 if self.group_rule == "fours" else self.trs // count
        return [range(group * size, (group + 1) * size) for group in range(count)]

    @property
    def reliable(self) -> range:
        """Return the datasets that stacks are drawn from, as indices from 0."""
        count = self.reliable_datasets or -(-self.datasets // 2)
        return range(self.datasets - count, self.datasets)

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        sources = self.datasets * self.trs
        if not 2 <= sources <= MOST_SOURCES:
            raise ValueError(
                f"datasets ({self.datasets}) times trs ({self.trs}) must be from 2, the watermark and "
                f"something else, to {MOST_SOURCES:,}"
            )
        if self.reliable_datasets is not None and self.reliable_datasets > self.datasets:
            raise ValueError(
                f"reliable_datasets ({self.reliable_datasets}) must be at most datasets ({self.datasets})"
            )
        if self.jitter > self.crm_length:
            raise ValueError(
                f"jitter ({self.jitter} bp) must be at most crm_length ({self.crm_length} bp), "
                "or most stack peaks would fall outside their CRM"
            )
        return self

    @model_validator(mode="after")
    def _check_groups(self) -> Self:
        rule, trs, groups = self.group_rule, self.trs, self.groups
        if rule in {"halves", "overlapping"}:
            if groups is not None:
                raise ValueError(f"group_rule {rule!r} makes two groups; leave out groups ({groups})")
            if trs % 2:
                raise ValueError(f"group_rule {rule!r} needs an even number of trs, found {trs}")
        elif groups is None:
            raise ValueError(f"group_rule {rule!r} needs groups, the number of groups")
        elif rule == "equal" and trs % groups:
            raise ValueError(f"trs ({trs}) cannot be divided into {groups} equal groups")
        elif rule == "fours" and 4 * groups > trs:
            raise ValueError(f"{groups} groups of 4 need {4 * groups} trs, found {trs}")
        return self

    @model_validator(mode="after")
    def _check_odds(self) -> Self:
        if self.odds is None:
            return self
        if len(self.odds) != len(self.tr_groups):
            raise ValueError(
                f"odds must be one number for each group: {len(self.tr_groups)}, found {len(self.odds)}"
            )
        if not 0 < sum(self.odds) < math.inf:
            raise ValueError("odds must have a finite sum, greater than 0")
        return self


@dataclass(frozen=True)
class ArtificialFiles:
    """Files of an artificial catalogue, and how many CRMs and peaks of each kind they hold.

    truth: tab-separated with a header, one row per peak in the order of `peaks`: contig, start, end, name,
    kind (watermark, stack or noise), group (index from 0; -1 if the kind is not stack).
    """

    peaks: Path
    crms: Path
    truth: Path
    crm_count: int
    watermark_count: int
    stack_count: int
    noise_count: int


def simulate(
    settings: ArtificialSettings, out: str | Path, executor: Executor | None = None
) -> ArtificialFiles:
    """Write an artificial catalogue to a new folder, which appears whole or not at all.

    peaks.bed, BED6 of cell line `CELL_LINE`; crms.bed, with the CRM's number of peaks in column 5; truth.tsv,
    see ArtificialFiles. Peaks are sorted by contig, start and end. The same settings give the same bytes
    (method, section 8).

    Parameters
    ----------
    settings
        What to draw.
    out
        The new folder.
    executor
        Receives the progress; the drawing itself runs in this process.

    Returns
    -------
    ArtificialFiles
        The three files, and what is in them.

    Raises
    ------
    InputError
        If `out` exists.

    """
    target = local_path(out)
    LocalTarget(target).refuse_existing(last="")
    with new_folder(target) as folder:
        kinds = _write_files(settings, folder, executor or InProcess())
    return ArtificialFiles(
        peaks=target / "peaks.bed",
        crms=target / "crms.bed",
        truth=target / "truth.tsv",
        crm_count=settings.crms,
        watermark_count=int(kinds[WATERMARK]),
        stack_count=int(kinds[STACK:].sum()),
        noise_count=int(kinds[NOISE]),
    )


def _write_files(settings: ArtificialSettings, folder: Path, executor: Executor) -> IntArray:
    """Write the three files and return the number of peaks by kind."""
    kinds = np.zeros(STACK + len(settings.tr_groups), np.int64)
    names = _peak_names(settings)
    length = _crms_per_chunk(settings)
    with (
        _new_text(folder / "peaks.bed") as peaks_file,
        _new_text(folder / "crms.bed") as crms_file,
        _new_text(folder / "truth.tsv") as truth_file,
    ):
        truth_file.write("contig\tstart\tend\tname\tkind\tgroup\n")
        executor.tell("simulate", 0, settings.crms)
        for chunk, first in enumerate(range(0, settings.crms, length)):
            count = min(length, settings.crms - first)
            rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(chunk,)))
            peaks = _draw_peaks(rng, settings, count)
            crm = np.arange(first, first + count)
            contigs = [f"chr{number}" for number in (crm // CRMS_PER_CONTIG + 1).tolist()]
            starts = GAP + crm % CRMS_PER_CONTIG * (settings.crm_length + GAP)
            _write_crms(crms_file, contigs, starts, settings.crm_length, peaks)
            _write_peaks(peaks_file, truth_file, contigs, starts, peaks, names)
            kinds += np.bincount(peaks["kind"], minlength=len(kinds))
            executor.tell("simulate", first + count, settings.crms)
    return kinds


def _new_text(file: Path) -> TextIO:
    return file.open("x", encoding="utf-8", newline="\n")


def _peak_names(settings: ArtificialSettings) -> list[str]:
    """Return the name column by source, padded so that names sort as their indices do."""
    datasets, trs = (
        [f"{label}{index:0{max(2, len(str(count - 1)))}}" for index in range(count)]
        for label, count in (("dataset", settings.datasets), ("tr", settings.trs))
    )
    return [peak_name((dataset, tr), CELL_LINE) for dataset in datasets for tr in trs]


def _crms_per_chunk(settings: ArtificialSettings) -> int:
    rate = 1 + settings.stack_rate
    peaks = rate**2 * min(rate, len(settings.reliable)) + 2 + settings.noise_rate
    return max(1, min(CRMS_PER_CHUNK, int(PEAKS_PER_CHUNK / peaks)))


def _write_crms(out: TextIO, contigs: list[str], starts: IntArray, crm_length: int, peaks: PeakArray) -> None:
    ends = starts + crm_length
    counts = np.bincount(peaks["crm"], minlength=len(starts))
    out.writelines(
        f"{contig}\t{start}\t{end}\tcrm\t{count}\n"
        for contig, start, end, count in zip(
            contigs, starts.tolist(), ends.tolist(), counts.tolist(), strict=True
        )
    )


def _write_peaks(
    peaks_file: TextIO, truth_file: TextIO, contigs: list[str], crm_starts: IntArray, peaks: PeakArray,
    names: list[str],
) -> None:  # fmt: skip
    offset = crm_starts[peaks["crm"]]
    contig = [contigs[crm] for crm in peaks["crm"].tolist()]
    start, end = (peaks["start"] + offset).tolist(), (peaks["end"] + offset).tolist()
    name = [names[source] for source in peaks["source"].tolist()]
    write_bed6(peaks_file, contig, start, end, name, [0] * len(name))
    truths = {WATERMARK: "watermark\t-1", NOISE: "noise\t-1"}
    truths |= {kind: f"stack\t{kind - STACK}" for kind in np.unique(peaks["kind"]).tolist() if kind >= STACK}
    kind = [truths[kind] for kind in peaks["kind"].tolist()]
    truth_file.writelines(map("{}\t{}\t{}\t{}\t{}\n".format, contig, start, end, name, kind))


def _draw_peaks(rng: np.random.Generator, settings: ArtificialSettings, crms: int) -> PeakArray:
    """Return the PEAK records of `crms` CRMs, sorted by CRM, start and end; bp from the start of the CRM."""
    peaks = np.concatenate(
        [
            _draw_watermark(rng, settings, crms),
            _draw_stacks(rng, settings, crms),
            _draw_noise(rng, settings, crms),
        ]
    )
    return peaks[np.lexsort((peaks["end"], peaks["start"], peaks["crm"]))]


def _draw_watermark(rng: np.random.Generator, settings: ArtificialSettings, crms: int) -> PeakArray:
    crm = np.flatnonzero(rng.random(crms) < settings.watermark_probability)
    return _records(crm, 0, settings.crm_length, WATERMARK_SOURCE, WATERMARK)


def _draw_stacks(rng: np.random.Generator, settings: ArtificialSettings, crms: int) -> PeakArray:
    """Draw one stack for each CRM: rounds, TRs in each round, each TR's peak in every dataset of the CRM."""
    rate, groups = settings.stack_rate, settings.tr_groups
    odds = np.array(settings.odds or [1.0] * len(groups))
    group = rng.choice(len(groups), crms, p=odds / odds.sum())
    stack_centre = rng.uniform(0, settings.crm_length, crms)
    datasets = np.minimum(1 + rng.poisson(rate, crms), len(settings.reliable))
    chosen = _draw_without_replacement(rng, datasets, len(settings.reliable))

    crm_of_round = np.repeat(np.arange(crms), 1 + rng.poisson(rate, crms))
    crm = np.repeat(crm_of_round, 1 + rng.poisson(rate, len(crm_of_round)))
    first_tr, size = (np.array([[trs.start, len(trs)] for trs in groups])[group[crm]]).T
    tr = first_tr + rng.integers(0, size)
    move = rng.uniform(-settings.jitter, settings.jitter, len(crm))
    start, end = _draw_extent(rng, settings, stack_centre[crm] + move)

    row, copy = repeated(datasets[crm])
    kept = rng.random(len(row)) >= settings.false_negative_probability
    row, copy = row[kept], copy[kept]
    dataset = settings.reliable.start + chosen[crm[row], copy]
    return _records(crm[row], start[row], end[row], dataset * settings.trs + tr[row], STACK + group[crm[row]])


def _draw_noise(rng: np.random.Generator, settings: ArtificialSettings, crms: int) -> PeakArray:
    crm = np.repeat(np.arange(crms), 1 + rng.poisson(settings.noise_rate, crms))
    start, end = _draw_extent(rng, settings, rng.uniform(0, settings.crm_length, len(crm)))
    source = rng.integers(WATERMARK_SOURCE + 1, settings.datasets * settings.trs, len(crm))
    return _records(crm, start, end, source, NOISE)


def _draw_without_replacement(rng: np.random.Generator, counts: IntArray, total: int) -> IntArray:
    """Draw counts[i] different numbers below `total` for each row i; later cells of the row mean nothing.

    This is Floyd's algorithm for all rows at once; its memory does not depend on `total`.
    """
    chosen = np.empty((len(counts), int(counts.max())), np.int64)
    for step in range(chosen.shape[1]):
        last = np.minimum(total - counts + step, total - 1)
        drawn = rng.integers(0, last + 1)
        taken = (chosen[:, :step] == drawn[:, None]).any(axis=1)
        chosen[:, step] = np.where(taken, last, drawn)
    return chosen


def _draw_extent(
    rng: np.random.Generator, settings: ArtificialSettings, centre: FloatArray
) -> tuple[IntArray, IntArray]:
    """Return start and end of peaks: a drawn length on either side of the centre, clipped to the CRM."""
    length = rng.lognormal(math.log(settings.length_median), settings.length_sigma, len(centre))
    # A stack at the border can be moved out of the CRM by more than its length; it then keeps the outermost
    # bp.
    start = np.clip(np.rint(centre - length), 0, settings.crm_length - 1)
    end = np.clip(np.rint(centre + length), start + 1, settings.crm_length)
    return start.astype(np.int64), end.astype(np.int64)


def _records(
    crm: IntArray, start: IntArray | int, end: IntArray | int, source: IntArray | int, kind: IntArray | int
) -> PeakArray:
    peaks = np.empty(len(crm), PEAK)
    for name, values in (("crm", crm), ("start", start), ("end", end), ("source", source), ("kind", kind)):
        peaks[name] = values
    return peaks
