"""Is a source that lies at random found out? HeLa, one real source replaced or mixed by random intervals.

Replaced: as many intervals of the same widths, at random places of the CRMs. Its share like random must then
be almost 1, and those of the other sources must stay within their intervals. Mixed: 30% of its peaks are
replaced. The share must then rise by about as much. Everything is kept (`benchmarks.kept`).
"""

import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from atypeak_scale import load_config
from atypeak_scale.catalogue.names import peak_name, source_name
from atypeak_scale.config import with_seed
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine
from benchmarks.harness import SHARED, Row, kept_folder
from benchmarks.kept import kept_real_store, kept_scores, kept_store, published_peaks

CELL_LINE = "hela"
SOURCES = ("GSE20303.phf8", "GSE31417.znf143", "GSE31417.gabpa")
SHARE_MIXED = 0.3
SEED = 1


@dataclass(frozen=True)
class Shares:
    """Shares like random by source: (sources,) each; names: of the sources."""

    names: list[str]
    found: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def of(self, name: str) -> tuple[float, float, float]:
        """Return the share of a source and its interval."""
        at = self.names.index(name)
        return float(self.found[at]), float(self.low[at]), float(self.high[at])


def rows() -> list[Row]:
    """Share like random before and after, and the moves of all other sources, for some sources."""
    real = _shares(_scores("real", 0.0))
    result = []
    for source in SOURCES:
        for what, share in (("replaced", 1.0), (f"{SHARE_MIXED:.0%} random", SHARE_MIXED)):
            broken = _shares(_scores(source, share))
            before, (after, low, high) = real.of(source)[0], broken.of(source)
            print(f"{source} {what}: {before:.3f} to {after:.3f}", flush=True)
            unit = f"share like random, against that of the real one; expected {_expected(before, share):.3f}"
            result.append(Row(f"{source} {what}", after, before, unit, low, high))
            result += _others(f"{source} {what}", source, real, broken)
    return result


def _expected(before: float, share: float) -> float:
    """Return the share like random if a part of what was like random before and what was not is replaced."""
    return share + (1 - share) * before


def _others(case: str, source: str, real: Shares, broken: Shares) -> Iterator[Row]:
    """Compare the moves of the shares of the other sources with their intervals."""
    others = [name for name in real.names if name != source]
    found = np.array([real.of(name) for name in others])
    after = np.array([broken.of(name)[0] for name in others])
    move, width = np.abs(after - found[:, 0]), found[:, 2] - found[:, 1]
    unit = f"largest change of a share, against the widths of the {len(others)} intervals, mean"
    yield Row(f"{case}: other sources", float(move.max()), float(width.mean()), unit)
    # A share of 0 in every resample has an interval without width.
    relative = np.divide(move, width, out=np.where(move > 0, np.inf, 0.0), where=width > 0)
    unit = "largest change of a share over the width of its interval"
    yield Row(f"{case}: other sources", float(relative.max()), None, unit)
    left = [
        f"{name} ({before:.3f}, {low:.3f} to {high:.3f}, now {now:.3f})"
        for name, (before, low, high), now in zip(others, found.tolist(), after.tolist(), strict=True)
        if not low <= now <= high
    ]
    unit = f"sources that left their intervals{': ' if left else ''}{', '.join(left)}"
    yield Row(f"{case}: other sources", float(len(left)), None, unit)


def _scores(source: str, share: float) -> Scores:
    """Return support of the real data, or of those with a share of a source's peaks replaced."""
    config = with_seed(load_config(CELL_LINE), SEED)
    real = kept_real_store(config)
    if not share:
        return kept_scores(CELL_LINE, real, config, "support")
    name = f"{CELL_LINE}, {source} {share:g} random"
    peaks = kept_folder("catalogues") / f"{name}.bed"
    if not peaks.exists():
        written = peaks.with_suffix(".part")
        write_broken(published_peaks(CELL_LINE), written, real, source, share)
        written.rename(peaks)
    cell_line = kept_store(name, config, peaks, SHARED / "data/crm.bed.xz")
    return kept_scores(name, cell_line, config, "support")


def write_broken(peaks: Path, out: Path, cell_line: CellLine, source: str, share: float) -> None:
    """Copy a catalogue; of the peaks of a source in its store, replace a share by random intervals.

    A random interval has the width of the peak that it replaces, and its centre is uniform over the bp of the
    windows of all CRMs used. Peaks of the source outside of the CRMs are left out.
    """
    rng = np.random.default_rng(SEED)
    full_name = next(
        peak_name(one, cell_line.name) for one in cell_line.sources if source_name(one) == source
    )
    lines = [line for line in _lines(peaks) if full_name not in line.split("\t")]
    contig, start, end = _peaks_of(cell_line, source)
    is_random = rng.permutation(len(start)) < round(share * len(start))
    crm_contig, crm_start, crm_end = _crms(SHARED / "data/crm.bed.xz", cell_line)
    chosen, centre = draw_places(rng, crm_start, crm_end, int(is_random.sum()))
    width = (end - start)[is_random]
    contig[is_random] = crm_contig[chosen]
    start[is_random] = np.maximum(centre - width // 2, 0)
    end[is_random] = start[is_random] + width
    lines += [
        f"{one}\t{left}\t{right}\t{full_name}\t0\t."
        for one, left, right in zip(contig.tolist(), start.tolist(), end.tolist(), strict=True)
    ]
    out.write_text("\n".join(lines) + "\n")


def draw_places(
    rng: np.random.Generator, start: npt.NDArray[np.int64], end: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw the CRM and the bp of some places, uniform over the bp of all CRMs: (count,) each."""
    ends: npt.NDArray[np.int64] = np.cumsum(end - start)
    place = rng.integers(0, int(ends[-1]), count)
    crm = np.searchsorted(ends, place, side="right")
    return crm.astype(np.int64), end[crm] - (ends[crm] - place)


def _lines(file: Path) -> Iterator[str]:
    with lzma.open(file, "rt") as lines:
        for line in lines:
            yield line.rstrip("\n")


def _peaks_of(
    cell_line: CellLine, source: str
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return contig, start and end of the peaks of a source in the store."""
    peaks = cell_line.peaks(0, cell_line.peak_count)
    mine = peaks.source == [source_name(one) for one in cell_line.sources].index(source)
    contigs = np.array(cell_line.contigs, object)
    return contigs[peaks.contig[mine]], peaks.start_bp[mine].copy(), peaks.end_bp[mine].copy()


def _crms(
    file: Path, cell_line: CellLine
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return contig, start and end of the CRMs used: those of some window, with or without peaks."""
    used = np.zeros(sum(1 for _ in _lines(file)), bool)
    used[cell_line.windows(0, cell_line.shape.windows).crm] = True
    used[cell_line.empty_windows()[0]] = True
    fields = [line.split("\t", 3)[:3] for line, is_used in zip(_lines(file), used, strict=True) if is_used]
    contig, start, end = zip(*fields, strict=True)
    return np.array(contig, object), np.array(start, np.int64), np.array(end, np.int64)


def _shares(scores: Scores) -> Shares:
    names = [source_name(one) for one in scores.cell_line.sources]
    return Shares(
        names, *(scores.read(one) for one in (v.SHARE_RANDOM, v.SHARE_RANDOM_LOW, v.SHARE_RANDOM_HIGH))
    )
