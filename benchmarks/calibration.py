"""Are p, the share like random and doubt what they say they are? Artificial catalogues (method, section 9.5).

There the reason for every peak is known. The peaks of the watermark, which are neither noise nor of a stack,
are left out. Figures: p of noise by tenths; the share like random of a source against its share of noise;
doubt by tenths against the share of noise there. Everything is kept (`benchmarks.kept`).

The catalogues themselves are not quite what p and the share take for granted. The generator cuts peaks at the
border of their CRM. Placements, whose widths are those of cut peaks, are cut again, so they are a little
narrower than noise. And some stacks have lost all peaks but those of one source, which the other sources can
hardly tell from random ones. Figures that count these lone peaks as noise stand beside. So does doubt where
the support of every noise peak is that of a random placement: noise that lies as the null says.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from atypeak_scale import load_config
from atypeak_scale.assess.evidence.artificial import contig_ranges, peak_truth, reliability_of
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.catalogue.truth import KINDS, read_truth
from atypeak_scale.config import with_seed
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.chance import doubt_of_rank, p_by_rank, rank_among
from benchmarks.harness import Row, over_seeds
from benchmarks.kept import kept_artificial, kept_scores

CRMS = 10_000
DEFAULT = "two groups, 8 x 8"
SEEDS = {DEFAULT: (1, 2, 3)}  # of the others one
CATALOGUES: dict[str, dict[str, Any]] = {
    DEFAULT: {},
    "four groups, 8 x 8": {"group_rule": "equal", "groups": 4},
    "overlapping groups, 8 x 8": {"group_rule": "overlapping"},
    "two groups, 16 x 16": {"datasets": 16, "trs": 16},
}
TENTHS = 10
FEWEST_OF_TENTH = 200  # peaks
TRUTHS = {"noise": "noise", "alone": "noise and lone peaks of stacks"}
WATERMARK, NOISE, STACK = range(len(KINDS))


def rows() -> list[Row]:
    """For every catalogue: the worst tenths, means over sources, and every tenth, over seeds."""
    result = []
    for name, choice in CATALOGUES.items():
        seeds: list[Figures] = []
        for seed in SEEDS.get(name, (1,)):
            settings = ArtificialSettings.model_validate({"crms": CRMS, "seed": seed, **choice})
            config = with_seed(load_config("artificial"), seed)
            cell_line, truth = kept_artificial(settings, config)
            scores = kept_scores(f"{name}, {CRMS}, {seed}", cell_line, config, "support")
            peaks = known_peaks(scores, truth)
            ideal = doubt_of_tenths(with_random_noise(peaks, scores, np.random.default_rng(seed)))
            seeds.append({**figures(peaks, scores), **_doubt(ideal, "noise at random places: ")})
            worst = seeds[-1]["p of noise: tenth that is off most", "points"]
            print(f"{name}, seed {seed}: p of noise off by {worst[0]:.3f}", flush=True)
        result += list(_rows(name, seeds))
    return result


def _rows(name: str, seeds: list["Figures"]) -> Iterator[Row]:
    for what, unit in seeds[0]:
        if not all((what, unit) in seed for seed in seeds):
            continue  # a tenth of too few peaks in one of them
        ours, baseline = zip(*(seed[what, unit] for seed in seeds), strict=True)
        told = f"{unit}; mean and range of {len(seeds)} seeds"
        yield over_seeds(f"{name}: {what}", ours, None if None in baseline else baseline, told)


Figures = Mapping[tuple[str, str], tuple[float, float | None]]  # (what, unit) -> found, expected


def known_peaks(scores: Scores, truth_file: Path) -> pd.DataFrame:
    """Return source, place, p, doubt and bins of every peak, and whether it is noise.

    Those of the watermark are left out. place: index into `RELIABILITY`, of the source. is_alone: whether it
    is noise, or all that is left of its stack, other peaks of its source aside.
    """
    cell_line, truth = scores.cell_line, read_truth(truth_file)
    spans = contig_ranges(cell_line, "peaks")
    kind = np.concatenate([peak_truth(truth, cell_line, *span)[0] for span in spans.items()])
    peaks = cell_line.peaks(0, cell_line.peak_count)
    rows = cell_line.rows(0, cell_line.row_count)
    first, last = rows.first_bin[peaks.first_row], rows.last_bin[peaks.last_row]
    table = pd.DataFrame(
        {
            "source": peaks.source,
            "is_noise": kind == NOISE,
            "place": reliability_of(truth, cell_line.sources)[peaks.source],
            "is_alone": (kind == NOISE)
            | is_left_alone(cell_line.crms_of_peaks(0, cell_line.peak_count), peaks.source, kind),
            "p": scores.read(v.P_RANDOM),
            "doubt": scores.read(v.DOUBT),
            "bins": last - first + 1,
            "support": scores.read(v.SUPPORT),
        }
    )
    known: pd.DataFrame = table[kind != WATERMARK]
    return known


def with_random_noise(peaks: pd.DataFrame, scores: Scores, rng: np.random.Generator) -> pd.DataFrame:
    """Return the peaks of sources that are judged, with other doubt: every noise peak lies as the null says.

    Half of the placements of a source, drawn at random, lend their support to its noise peaks; the other half
    judges all its peaks.
    """
    changed: list[pd.DataFrame] = []
    placed_support = scores.read(v.PLACED_SUPPORT)
    judged = peaks[peaks["doubt"].notna()]
    for source in np.unique(judged["source"]).tolist():
        some = judged[judged["source"] == source]
        placed = rng.permutation(placed_support[source])
        lent, judging = placed[: len(placed) // 2], np.sort(placed[len(placed) // 2 :])
        support = some["support"].to_numpy(np.float32, copy=True)
        support[some["is_noise"]] = rng.choice(lent, int(some["is_noise"].sum()))
        rank = rank_among(support, judging)
        share_random = min(1.0, 2 * float((p_by_rank(len(judging))[rank] > 0.5).mean()))
        doubt = doubt_of_rank(np.bincount(rank, minlength=len(judging) + 1), share_random)
        changed.append(some.assign(doubt=doubt[rank]))
    table: pd.DataFrame = pd.concat(changed)
    return table


def is_left_alone(
    crm: npt.NDArray[np.int64], source: npt.NDArray[np.int32], kind: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """Return which peaks (peaks,) are of a stack of which no other source has a peak; a CRM has one stack."""
    stack = kind == STACK
    pairs = np.unique(np.stack([crm[stack], source[stack]]), axis=1)
    of_crm = np.bincount(pairs[0], minlength=int(crm.max()) + 1)
    alone: npt.NDArray[np.bool_] = stack & (of_crm[crm] == 1)
    return alone


def figures(peaks: pd.DataFrame, scores: Scores) -> Figures:
    """Return everything that is told of one catalogue."""
    noise = peaks[peaks["is_noise"]]
    cases = {
        "": noise,
        " in sources of stacks": noise[noise["place"] == 0],
        " in other sources": noise[noise["place"] == 1],
    }
    found: dict[tuple[str, str], tuple[float, float | None]] = {}
    for case, some in cases.items():
        off = np.abs(shares_of_tenths(some["p"]) - 1 / TENTHS).max()
        found[f"p of noise{case}: tenth that is off most", "points"] = float(100 * off), None
    for tenth, share in enumerate(shares_of_tenths(noise["p"]).tolist()):
        case = f"p of noise from {tenth / TENTHS:.1f} to {(tenth + 1) / TENTHS:.1f}"
        found[case, "share of noise peaks"] = share, 1 / TENTHS
    case, placed = "width of noise peaks against that of their sources' placements", scores.placements
    width = placed.read(v.PLACED_LAST_BIN) - placed.read(v.PLACED_FIRST_BIN) + 1
    of_source = np.bincount(placed.read(v.PLACED_SOURCE), width) / placed.settings.placements
    found[case, "bins"] = float(noise["bins"].mean()), float(of_source[noise["source"]].mean())
    found |= _shares(sources(peaks, scores))
    found |= _doubt(doubt_of_tenths(peaks))
    return found


def shares_of_tenths(p: "pd.Series[float]") -> npt.NDArray[np.float64]:
    """Return the share of p in (0, 0.1], (0.1, 0.2], ...: float64 (10,)."""
    tenth = np.clip(np.ceil(p.to_numpy(np.float64) * TENTHS) - 1, 0, TENTHS - 1).astype(np.int64)
    shares: npt.NDArray[np.float64] = np.bincount(tenth, minlength=TENTHS) / len(p)
    return shares


def sources(peaks: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """Return for every source that can be judged share like random, interval and share of noise."""
    shares = peaks.groupby("source")[["is_noise", "is_alone"]].mean()
    table = pd.DataFrame(
        {
            "found": scores.read(v.SHARE_RANDOM), "low": scores.read(v.SHARE_RANDOM_LOW),
            "high": scores.read(v.SHARE_RANDOM_HIGH), "verdict": scores.read(v.VERDICT),
        }
    )  # fmt: skip
    table = table.join(shares.rename(columns={"is_noise": "noise", "is_alone": "alone"}))
    # That of the watermark has no other peak.
    return table[(table["verdict"] == "judged") & table["noise"].notna()]


def _shares(table: pd.DataFrame) -> Figures:
    found: dict[tuple[str, str], tuple[float, float | None]] = {
        ("sources that can be judged", "sources"): (float(len(table)), None)
    }
    for column, truth in TRUTHS.items():
        off = (table["found"] - table[column]).abs()
        inside = (table["low"] <= table[column]) & (table[column] <= table["high"])
        case, unit = f"share like random against share of {truth}", "of the sources that can be judged"
        found[case, "mean over sources"] = float(table["found"].mean()), float(table[column].mean())
        found[case, "mean absolute difference"] = float(off.mean()), None
        found[case, "largest difference"] = float(off.max()), None
        found[f"{case}: within 0.05", unit] = float((off <= 0.05).mean()), None
        found[f"{case}: within its interval", unit] = float(inside.mean()), 0.95
    return found


def doubt_of_tenths(peaks: pd.DataFrame) -> pd.DataFrame:
    """Return peaks, mean doubt, and the shares of what is noise and what is alone, by tenth of doubt."""
    judged = peaks[peaks["doubt"].notna()]
    tenth = np.minimum((judged["doubt"] * TENTHS).astype(int), TENTHS - 1)
    return judged.groupby(tenth).agg(
        peaks=("doubt", "size"),
        doubt=("doubt", "mean"),
        noise=("is_noise", "mean"),
        alone=("is_alone", "mean"),
    )


def _doubt(table: pd.DataFrame, catalogue: str = "") -> Figures:
    known = table[table["peaks"] >= FEWEST_OF_TENTH]
    off = float((known["doubt"] - known["noise"]).abs().max())
    unit = f"largest difference, tenths of at least {FEWEST_OF_TENTH} peaks"
    found: dict[tuple[str, str], tuple[float, float | None]] = {
        (f"{catalogue}doubt against share of noise", unit): (off, None)
    }
    for tenth, doubt, noise, alone in zip(
        known.index.tolist(), known["doubt"], known["noise"], known["alone"], strict=True
    ):
        case = f"where doubt is {tenth / TENTHS:.1f} to {(tenth + 1) / TENTHS:.1f}"
        found[f"{catalogue}share of noise {case}", "against mean doubt"] = float(noise), float(doubt)
        if tenth == TENTHS - 1:
            case = f"{catalogue}share of {TRUTHS['alone']} {case}"
            found[case, "against mean doubt"] = float(alone), float(doubt)
    return found
