"""Do scores tell the peaks that a replicate confirms? Real data, one dataset of a TR left out at a time.

For every TR with two or more datasets in HeLa and Jurkat, each of these in turn is left out of store and
training; of the TR's other peaks, those that share a bp with a peak of the left-out dataset are confirmed.
Scores are compared within each judged source; pairs of a left-out and a judged source with too few confirmed
or other peaks are not compared. Pairs in which one of the two has fewer than 300 peaks are told apart. What
each model scored is kept (`harness.kept_folder`), so that a run that was stopped goes on.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from atypeak_scale import build_store, load_config, normalize, open_store, score, train
from atypeak_scale.assess.evidence.artificial import contig_ranges
from atypeak_scale.assess.evidence.resampling import MANY_PEAKS
from atypeak_scale.catalogue.names import split_source
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.config import Config, Selection, dump_config, with_objective, with_seed
from atypeak_scale.execution.dask_cluster import DISTRIBUTION
from atypeak_scale.registry.variables import FINAL, NETWORK, RAW, REGRESSION, SUPPORT
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.scoring.support.chance import FEWEST_TO_COMPARE
from atypeak_scale.storage.atomic import hidden_sibling
from atypeak_scale.store.cell_line import CellLine
from benchmarks.baselines import overlap_counts, pca_scores, peak_table
from benchmarks.harness import SHARED, Row, kept_folder
from benchmarks.kept import key_of, published_peaks, support_code
from benchmarks.trees import boosted_trees

CELL_LINES = ("hela", "jurkat")
SEEDS = (1, 2, 3)
SMALL_PCA = 8
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)
COUNTS = "overlapping sources"
TREES = "boosted trees"
OURS = ("raw", "support")  # scores that every other is compared with
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]
Columns = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Fold:
    """A cell line without one source, which is then the judge of the other peaks of its TR."""

    config: Config
    dataset: str
    tr: str

    @property
    def name(self) -> str:
        """For people and files; labels are those of configurations that ship with the program."""
        return f"{self.config.cell_line} {self.tr} without {self.dataset}"


def rows() -> list[Row]:
    """AUROC of each pair with bootstrap intervals, then means over pairs; says on the way what is done."""
    result = []
    summaries: dict[bool, list[Summary]] = {True: [], False: []}
    for fold in folds():
        simple = simple_scores(fold)
        models = [model_scores(fold, seed) | support_scores(fold, seed) for seed in SEEDS]
        for pair, columns, of_pair in pairs(fold, simple, models):
            is_large = least_peaks(columns) >= MANY_PEAKS
            scored = {name: columns[name] for name in columns if name not in ("source", "judges")}
            rows_of_pair, summary = _compare(pair, scored, of_pair)
            told = ", ".join(f"{name} {summary[name].auroc:.3f}" for name in (*OURS, COUNTS))
            print(f"{pair}{'' if is_large else ' (few peaks)'}: {told}", flush=True)
            result += rows_of_pair
            summaries[is_large].append(summary)
    every = [*summaries[True], *summaries[False]]
    return [
        *result,
        *_over_pairs("all pairs", every),
        *_over_pairs(f"pairs of sources of at least {MANY_PEAKS} peaks", summaries[True]),
        *_over_pairs("the other pairs", summaries[False]),
    ]


def pairs(fold: Fold, simple: Columns, models: list[Columns]) -> Iterator[tuple[str, Columns, list[Columns]]]:
    """Yield name and columns of every source that a fold judges: scores compare only within one."""
    for number in np.unique(simple["source"]).tolist():
        mine = simple["source"] == number
        confirmed = int(simple["confirmed"][mine].sum())
        others = int(mine.sum()) - confirmed
        # Codes follow the sorted sources, and those of shipped configurations all have peaks.
        judged = sorted(fold.config.selection.sources or (), key=split_source)[int(number)]
        name = f"{fold.name}, {judged}"
        if min(confirmed, others) < FEWEST_TO_COMPARE:
            print(f"{name}: {confirmed} confirmed, {others} others: too few to compare", flush=True)
            continue
        of_source, *of_models = (
            {column: values[mine] for column, values in one.items()} for one in (simple, *models)
        )
        yield name, of_source, of_models


def folds() -> Iterator[Fold]:
    """Yield every fold: each dataset of each TR that has several."""
    for cell_line in CELL_LINES:
        config = load_config(cell_line)
        sources = config.selection.sources or ()
        datasets = Counter(split_source(source)[1] for source in sources)
        for source in sources:
            dataset, tr = split_source(source)
            if datasets[tr] > 1:
                others = tuple(other for other in sources if other != source)
                selection = config.selection.model_copy(update={"sources": others})
                yield Fold(config.model_copy(update={"selection": selection}), dataset, tr)


def simple_scores(fold: Fold) -> Columns:
    """Return `confirmed` (0 or 1) and the simple scores of the TR's peaks in the other datasets.

    And source of each peak, and how many peaks (in each element) the source that was left out has.
    """

    def make(folder: Path) -> Columns:
        cell_line = _build(fold.config, folder)
        table = peak_table(cell_line)
        model = fold.config.model
        sizes = (SMALL_PCA, model.filters, model.deep_dimension)
        confirmed, judges = _confirmed(cell_line, fold, folder)
        columns = {"confirmed": confirmed.astype(np.float64)}
        columns |= {
            "source": table["source"].to_numpy(np.float64),
            "judges": np.full(len(table), float(judges)),
        }
        columns |= overlap_counts(cell_line)
        columns["length of the peak"] = (table["end"] - table["start"]).to_numpy(np.float64)
        pca = pca_scores(cell_line, sizes, seed=1)
        columns |= {f"PCA of {size}": values for size, values in pca.items()}
        return _of_tr(cell_line, fold.tr, columns)

    return _kept(f"{fold.name}, simple", fold.config, make)


def model_scores(fold: Fold, seed: int) -> Columns:
    """Return raw and final scores of the same peaks, by a model that was trained without the dataset."""
    config = with_seed(fold.config, seed)

    def make(folder: Path) -> Columns:
        cell_line = _build(config, folder)
        train(cell_line, config, folder / "model")
        scores = normalize(score(cell_line, folder / "model"))
        columns = {variable.name: scores.read(variable).astype(np.float64) for variable in (RAW, FINAL)}
        return _of_tr(cell_line, fold.tr, columns)

    return _kept(f"{fold.name}, seed {seed}", config, make)


def support_scores(fold: Fold, seed: int) -> Columns:
    """Return support, its two parts and boosted trees of the same peaks, likewise."""
    config = with_objective(with_seed(fold.config, seed), "support")

    def make(folder: Path) -> Columns:
        cell_line = _build(config, folder)
        train(cell_line, config, folder / "model")
        scores = score(cell_line, folder / "model")
        columns = {
            variable.name: scores.read(variable).astype(np.float64)
            for variable in (SUPPORT, NETWORK, REGRESSION)
        }
        of_tr = [number for number, (_, tr) in enumerate(cell_line.sources) if tr == fold.tr]
        columns[TREES] = boosted_trees(scores, of_tr).peaks
        return _of_tr(cell_line, fold.tr, columns)

    return _kept(f"{fold.name}, support, seed {seed}", config, make, support_code())


def least_peaks(simple: Columns) -> int:
    """Return the number of peaks of the smallest source of a fold: judged, or left out."""
    judged = np.unique(simple["source"], return_counts=True)[1]
    return int(min(judged.min(), simple["judges"][0]))


def _kept(name: str, config: Config, make: Callable[[Path], Columns], *code: str) -> Columns:
    """Return what was kept under a name, the same settings, version and code, or make and keep it."""
    key = key_of(f"{version(DISTRIBUTION)} {dump_config(config)}", *code)
    file = kept_folder("confirmation") / f"{name}, {key}.npz"
    if not file.exists():
        with hidden_sibling(file) as folder:
            columns = make(folder)
            np.savez(folder / "columns.npz", **columns)  # type: ignore[arg-type]
            (folder / "columns.npz").rename(file)
    with np.load(file) as arrays:
        return {column: arrays[column] for column in arrays.files}


def _build(config: Config, folder: Path) -> CellLine:
    store = folder / "store.zarr"
    build_store(_peaks(config), SHARED / "data/crm.bed.xz", store, config)
    return open_store(store, config.cell_line)


def _peaks(config: Config) -> Path:
    return published_peaks(config.cell_line)


def _of_tr(cell_line: CellLine, tr: str, columns: Columns) -> Columns:
    is_of_tr = np.array([label == tr for _, label in cell_line.sources])
    kept = is_of_tr[cell_line.peaks(0, cell_line.peak_count).source]
    return {name: values[kept] for name, values in columns.items()}


def _confirmed(cell_line: CellLine, fold: Fold, folder: Path) -> tuple[BoolArray, int]:
    """Whether each catalogue peak shares a bp with a peak of the source left out; the number of its peaks."""
    spool_folder = folder / "left-out"
    spool_folder.mkdir()
    left_out = Selection(sources=(f"{fold.dataset}.{fold.tr}",))
    spool = spool_peaks(_peaks(fold.config), spool_folder, fold.config.cell_line, left_out)
    table = peak_table(cell_line)
    confirmed, count = np.zeros(len(table), bool), 0
    for contig, (first, stop) in contig_ranges(cell_line, "peaks").items():
        judges, part = spool.peaks(contig), table.iloc[first:stop]
        count += len(judges["start"])
        mine, _ = overlapping_pairs(
            part["start"].to_numpy(copy=True), part["end"].to_numpy(copy=True),
            judges["start"].copy(), judges["end"].copy(),
        )  # fmt: skip
        confirmed[first + mine] = True
    return confirmed, count


@dataclass(frozen=True)
class Found:
    """AUROC of a score in a fold, and which of OURS is surely above (1) or below it (-1), or neither (0).

    over_counts: whether it is surely above the number of overlapping sources.
    """

    auroc: float
    below: dict[str, int]
    over_counts: int


Summary = dict[str, Found]


def _compare(pair: str, simple: Columns, models: list[Columns]) -> tuple[list[Row], Summary]:
    """Return the rows of a pair, and what was found of every score.

    simple: `confirmed` and scores that have no seed; models: scores of each seed.
    """
    confirmed = simple["confirmed"] > 0
    scores = {name: [values] for name, values in simple.items() if name != "confirmed"}
    scores |= {name: [model[name] for model in models] for name in models[0]}
    drawn = bootstrap(confirmed, [values for several in scores.values() for values in several])
    bounds = np.cumsum([0, *map(len, scores.values())])
    # Of several seeds, the mean of their AUROCs, in every resample.
    resampled = {n: drawn[a:b].mean(axis=0) for n, a, b in zip(scores, bounds[:-1], bounds[1:], strict=True)}
    found = {
        name: float(np.mean([auroc(values[confirmed], values[~confirmed]) for values in several]))
        for name, several in scores.items()
    }
    rows = [Row(f"{pair}: confirmed", float(confirmed.mean()), None, f"of {len(confirmed):,} peaks")]
    for ours in OURS:
        interval = [float(bound) for bound in np.percentile(resampled[ours], INTERVAL)]
        for name in scores:
            if name == ours:
                continue
            low, high = np.percentile(resampled[ours] - resampled[name], INTERVAL)
            unit = f"AUROC and 95% interval; {ours} less it: {low:+.3f} to {high:+.3f}"
            rows.append(Row(f"{pair}: {ours} against {name}", found[ours], found[name], unit, *interval))
    summary = {
        name: Found(
            found[name],
            {ours: _sign(resampled[ours] - resampled[name]) for ours in OURS},
            _sign(resampled[name] - resampled[COUNTS]),
        )
        for name in scores
    }
    return rows, summary


def _sign(differences: FloatArray) -> int:
    """Return 1 if the 95% interval of the differences is above 0, -1 if it is below, else 0."""
    low, high = np.percentile(differences, INTERVAL)
    return int(low > 0) - int(high < 0)


def bootstrap(confirmed: BoolArray, scores: list[FloatArray]) -> FloatArray:
    """Return AUROCs of each score in resamples of the peaks, drawn with replacement: (scores, RESAMPLES)."""
    rng = np.random.default_rng(1)
    ranks = [rankdata(score, "dense").astype(np.int64) - 1 for score in scores]
    result = np.empty((len(scores), RESAMPLES))
    for resample in range(RESAMPLES):
        times = np.bincount(rng.integers(0, len(confirmed), len(confirmed)), minlength=len(confirmed))
        for at, rank in enumerate(ranks):
            result[at, resample] = weighted_auroc(rank, confirmed, times)
    return result


def weighted_auroc(rank: npt.NDArray[np.int64], high: BoolArray, times: npt.NDArray[np.int64]) -> float:
    """Return the AUROC of peaks that are there so many `times` each; rank: dense, from 0."""
    of_high, of_low = np.bincount(rank, times * high), np.bincount(rank, times * ~high)
    below = np.cumsum(of_low) - of_low / 2
    return float(of_high @ below / (of_high.sum() * of_low.sum()))


def _over_pairs(case: str, found: list[Summary]) -> list[Row]:
    """Means over pairs, and in how many a score is surely better, against how many it is worse."""
    if not found:
        return []
    result = []
    mean = {name: float(np.mean([pair[name].auroc for pair in found])) for name in found[0]}
    unit = f"AUROC, mean of {len(found)} pairs"
    signs_unit = f"of {len(found)} pairs, better against worse, 95% interval of the difference"
    for ours in OURS:
        for name in (name for name in mean if name != ours):
            label = f"{case}: {ours} against {name}"
            signs = [pair[name].below[ours] for pair in found]
            result.append(Row(label, mean[ours], mean[name], unit))
            result.append(Row(label, signs.count(1), signs.count(-1), signs_unit))
    for name in (name for name in mean if name not in (*OURS, COUNTS)):
        label = f"{case}: {name} against {COUNTS}"
        signs = [pair[name].over_counts for pair in found]
        result.append(Row(label, mean[name], mean[COUNTS], unit))
        result.append(Row(label, signs.count(1), signs.count(-1), signs_unit))
    return result
