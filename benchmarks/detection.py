"""Noise among the stacks of default artificial data: our scores against simple ones, and what is rebuilt.

The article's Additional file 1 and "Validation using artificially generated data". Every seed draws its own
catalogue and its own first weights. Only the best size of the PCA is chosen by the truth.
"""

import tempfile
from pathlib import Path
from statistics import mean

import pandas as pd

from atypeak_scale import build_store, load_config, normalize, open_store, score, simulate, train
from atypeak_scale.assess.evidence.artificial import detection_of, scored_truth
from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind, summarize_rebuilt
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import with_seed
from atypeak_scale.scoring.scores import Scores
from benchmarks.baselines import overlap_counts, pca_scores, scaled_by_label
from benchmarks.harness import Row, over_seeds

CRMS = 4000
SEEDS = (1, 2, 3)
PCA_SIZES = (2, 4, 8, 16, 32, 64, 128)
SCALED = " by TR"
METRICS = {"auroc": "AUROC", "average_precision": "average precision"}
FIGURE_S1 = {"8 x 8": (8, 8), "6 x 4": (6, 4)}


def rows() -> list[Row]:
    """AUROC and average precision of three seeds, then the mean rebuilt value of each kind of peak."""
    detections, rebuilt = [], {}
    for shape, (datasets, trs) in FIGURE_S1.items():
        summaries = []
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                scores, truth = _scored(Path(folder), datasets, trs, seed)
                summaries.append(summarize_rebuilt(rebuilt_by_kind(scores, truth))["mean"])
                if shape == "8 x 8":
                    detections.append(_detection(scores, truth, seed))
        rebuilt[shape] = summaries
    return [*_detection_rows(detections), *_rebuilt_rows(rebuilt)]


def _scored(folder: Path, datasets: int, trs: int, seed: int) -> tuple[Scores, Path]:
    settings = ArtificialSettings(crms=CRMS, datasets=datasets, trs=trs, seed=seed)
    files = simulate(settings, folder / "catalogue")
    config, store = with_seed(load_config("artificial"), seed), folder / "store.zarr"
    build_store(files.peaks, files.crms, store, config)
    cell_line = open_store(store)
    train(cell_line, config, folder / "model")
    return normalize(score(cell_line, folder / "model")), files.truth


def _detection(scores: Scores, truth: Path, seed: int) -> pd.DataFrame:
    """Return the figures of every score; each simple one also scaled by TR, as final scores are."""
    peaks, cell_line = scored_truth(scores, truth), scores.cell_line
    simple = overlap_counts(cell_line)
    simple |= {f"PCA of {size}": values for size, values in pca_scores(cell_line, PCA_SIZES, seed).items()}
    for name, values in simple.items():
        peaks[name], peaks[name + SCALED] = values, scaled_by_label(cell_line, values)
    return detection_of(peaks, ("raw", "final", *simple, *(name + SCALED for name in simple)))


def _detection_rows(seeds: list[pd.DataFrame]) -> list[Row]:
    """Compare raw scores with the simple ones, and final scores with the simple ones scaled by TR."""
    return [
        row
        for metric in METRICS
        for ours, scaled in (("raw", ""), ("final", SCALED))
        for noise in (("all", "reliable", "unreliable") if metric == "auroc" else ("all",))
        for row in _case_rows(seeds, metric, ours, scaled, noise)
    ]


def _case_rows(seeds: list[pd.DataFrame], metric: str, ours: str, scaled: str, noise: str) -> list[Row]:
    def values(score: str) -> list[float]:
        found: list[float] = [seed[metric].to_dict()[score, noise] for seed in seeds]
        return found

    sizes = load_config("artificial").model
    best = max(PCA_SIZES, key=lambda size: mean(values(f"PCA of {size}{scaled}")))
    baselines = {
        "overlapping peaks": "",
        "overlapping sources": "",
        f"PCA of {sizes.filters}": ", our filters",
        f"PCA of {sizes.deep_dimension}": ", our deep dimension",
    }
    baselines[f"PCA of {best}"] = baselines.get(f"PCA of {best}", "") + ", its best size"
    label, result = METRICS[metric], []
    for name, note in baselines.items():
        of_baseline = values(name + scaled)
        better = sum(a > b for a, b in zip(values(ours), of_baseline, strict=True))
        unit = f"{label}, mean and range of {len(seeds)} seeds; higher in {better}"
        case = f"{label}, {noise} noise: {ours} against {name}{scaled}{note}"
        result.append(over_seeds(case, values(ours), of_baseline, unit))
    return result


def _rebuilt_rows(rebuilt: dict[str, list[pd.Series]]) -> list[Row]:
    """Give the mean rebuilt value of each kind of peak, the baseline being that of stack peaks."""
    result = []
    for shape, seeds in rebuilt.items():
        stack = [float(seed["stack", "reliable", "same"]) for seed in seeds]
        for kind, place, group in seeds[0].index:
            if group == "none" and place != "watermark":
                continue  # CRMs that lost their whole stack
            values = [float(seed[kind, place, group]) for seed in seeds]
            where = " of the watermark" if place == "watermark" else f" in {place} datasets, {group} group"
            what = kind if kind in {"stack", "watermark"} else kind + where
            case = f"rebuilt, {shape}: {what}, against stacks"
            result.append(over_seeds(case, values, stack, f"mean h(X), mean and range of {len(seeds)} seeds"))
    return result
