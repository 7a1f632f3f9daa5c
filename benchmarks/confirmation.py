"""Do scores tell the peaks that a replicate confirms? Real data, one dataset of a TR left out at a time.

For every TR with two or more datasets in HeLa and Jurkat, each of these in turn is left out of store and
training; of the TR's other peaks, those that share a bp with a peak of the left-out dataset are confirmed.
What each model scored is kept (`harness.kept_folder`), so that a run that was stopped goes on.
"""

import hashlib
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
from atypeak_scale.catalogue.names import split_source
from atypeak_scale.catalogue.overlaps import overlapping_pairs
from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.config import Config, Selection, dump_config, with_seed
from atypeak_scale.execution.dask_cluster import DISTRIBUTION
from atypeak_scale.registry.variables import FINAL, RAW
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.storage.atomic import hidden_sibling
from atypeak_scale.store.cell_line import CellLine
from benchmarks.baselines import overlap_counts, pca_scores, peak_table
from benchmarks.harness import SHARED, Row, kept_folder

CELL_LINES = ("hela", "jurkat")
SEEDS = (1, 2, 3)
SMALL_PCA = 8
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)
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
    """AUROC of each fold with bootstrap intervals, then means over folds; says on the way what is done."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} with the real data is absent")
    result, summaries = [], []
    for fold in folds():
        simple = simple_scores(fold)
        models = [model_scores(fold, seed) for seed in SEEDS]
        of_fold, summary = _compare(fold, simple, models)
        print(f"{fold.name}: raw {summary['raw'][0]:.3f}", flush=True)
        result += of_fold
        summaries.append(summary)
    return [*result, *_over_folds(summaries)]


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
    """Return `confirmed` (0 or 1) and the simple scores of the TR's peaks in the other datasets."""

    def make(folder: Path) -> Columns:
        cell_line = _build(fold.config, folder)
        table = peak_table(cell_line)
        model = fold.config.model
        sizes = (SMALL_PCA, model.filters, model.deep_dimension)
        columns = {"confirmed": _confirmed(cell_line, fold, folder).astype(np.float64)}
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


def _kept(name: str, config: Config, make: Callable[[Path], Columns]) -> Columns:
    """Return what was kept under a name, the same settings and the same version, or make and keep it."""
    made_by = f"{version(DISTRIBUTION)} {dump_config(config)}"
    key = hashlib.sha256(made_by.encode()).hexdigest()[:12]
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
    return SHARED / f"data/{config.cell_line}.published-raw.bed.xz"


def _of_tr(cell_line: CellLine, tr: str, columns: Columns) -> Columns:
    is_of_tr = np.array([label == tr for _, label in cell_line.sources])
    kept = is_of_tr[cell_line.peaks(0, cell_line.peak_count).source]
    return {name: values[kept] for name, values in columns.items()}


def _confirmed(cell_line: CellLine, fold: Fold, folder: Path) -> BoolArray:
    """Whether each catalogue peak shares a bp with a peak of the source that was left out."""
    spool_folder = folder / "left-out"
    spool_folder.mkdir()
    left_out = Selection(sources=(f"{fold.dataset}.{fold.tr}",))
    spool = spool_peaks(_peaks(fold.config), spool_folder, fold.config.cell_line, left_out)
    table = peak_table(cell_line)
    confirmed = np.zeros(len(table), bool)
    for contig, (first, stop) in contig_ranges(cell_line, "peaks").items():
        judges, part = spool.peaks(contig), table.iloc[first:stop]
        mine, _ = overlapping_pairs(
            part["start"].to_numpy(copy=True), part["end"].to_numpy(copy=True),
            judges["start"].copy(), judges["end"].copy(),
        )  # fmt: skip
        confirmed[first + mine] = True
    return confirmed


Summary = dict[str, tuple[float, int]]


def _compare(fold: Fold, simple: Columns, models: list[Columns]) -> tuple[list[Row], Summary]:
    """Return the rows of a fold, and by score its AUROC and whether raw is surely above (1) or below (-1)."""
    confirmed = simple["confirmed"] > 0
    scores = {name: [values] for name, values in simple.items() if name != "confirmed"}
    scores |= {name: [model[name] for model in models] for name in ("raw", "final")}
    drawn = bootstrap(confirmed, [values for several in scores.values() for values in several])
    bounds = np.cumsum([0, *map(len, scores.values())])
    # Of several seeds, the mean of their AUROCs, in every resample.
    resampled = {n: drawn[a:b].mean(axis=0) for n, a, b in zip(scores, bounds[:-1], bounds[1:], strict=True)}
    found = {
        name: float(np.mean([auroc(values[confirmed], values[~confirmed]) for values in several]))
        for name, several in scores.items()
    }
    rows = [Row(f"{fold.name}: confirmed", float(confirmed.mean()), None, f"of {len(confirmed):,} peaks")]
    summary = {}
    for name in scores:
        low, high = np.percentile(resampled["raw"] - resampled[name], INTERVAL)
        summary[name] = found[name], int(low > 0) - int(high < 0)
        if name != "raw":
            unit = f"AUROC and 95% interval; raw less it: {low:+.3f} to {high:+.3f}"
            interval = map(float, np.percentile(resampled["raw"], INTERVAL))
            rows.append(Row(f"{fold.name}: raw against {name}", found["raw"], found[name], unit, *interval))
    return rows, summary


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


def _over_folds(folds: list[Summary]) -> list[Row]:
    """Means over folds, and in how many the raw score is surely better, against how many it is worse."""
    result = []
    mean = {name: float(np.mean([fold[name][0] for fold in folds])) for name in folds[0]}
    for name in folds[0]:
        if name == "raw":
            continue
        signs = [fold[name][1] for fold in folds]
        unit = f"AUROC, mean of {len(folds)} folds"
        result.append(Row(f"all folds: raw against {name}", mean["raw"], mean[name], unit))
        unit = f"of {len(folds)} folds, ours better against worse, 95% interval of the difference"
        result.append(Row(f"all folds: raw against {name}", signs.count(1), signs.count(-1), unit))
    return result
