"""Noise among the stacks of default artificial data: our scores against simple ones, and what is rebuilt.

The article's Additional file 1 and "Validation using artificially generated data". Every seed draws its own
catalogue and its own first weights. Only the best size of the PCA is chosen by the truth. Catalogues, models
and scores are kept (`benchmarks.kept`).
"""

from pathlib import Path
from statistics import mean

import pandas as pd

from atypeak_scale import load_config
from atypeak_scale.assess.evidence.artificial import detection_of, scored_truth
from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind, summarize_rebuilt
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import with_seed
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from benchmarks.baselines import overlap_counts, pca_scores, scaled_by_label
from benchmarks.harness import Row, over_seeds
from benchmarks.kept import kept_artificial, kept_scores
from benchmarks.trees import kept_trees

CRMS = 4000
SEEDS = (1, 2, 3)
PCA_SIZES = (2, 4, 8, 16, 32, 64, 128)
SCALED = " by TR"
SUPPORT, NETWORK, REGRESSION, TREES = "support", "network", "regression", "boosted trees"
TRUST = "1 - doubt"
COUNTS = "overlapping sources"
METRICS = {"auroc": "AUROC", "average_precision": "average precision"}
FIGURE_S1 = {"8 x 8": (8, 8), "6 x 4": (6, 4)}


def rows() -> list[Row]:
    """AUROC and average precision of three seeds, then the mean rebuilt value of each kind of peak."""
    detections, judged, rebuilt = [], [], {}
    for shape, (datasets, trs) in FIGURE_S1.items():
        summaries = []
        for seed in SEEDS:
            article, support, truth = _scored(datasets, trs, seed)
            summaries.append(summarize_rebuilt(rebuilt_by_kind(article, truth))["mean"])
            if shape == "8 x 8":
                peaks, scores = _peaks(article, support, truth, seed)
                detections.append(detection_of(peaks, scores))
                judged.append(_of_judged(peaks))
                told = detections[-1]["auroc"].to_dict()
                print(
                    f"seed {seed}: support {told[SUPPORT, 'all']:.3f}, raw {told['raw', 'all']:.3f}",
                    flush=True,
                )
        rebuilt[shape] = summaries
    return [*_detection_rows(detections), *_judged_rows(judged), *_rebuilt_rows(rebuilt)]


def _scored(datasets: int, trs: int, seed: int) -> tuple[Scores, Scores, Path]:
    """Return the article's scores, support, and the truth."""
    settings = ArtificialSettings(crms=CRMS, datasets=datasets, trs=trs, seed=seed)
    config = with_seed(load_config("artificial"), seed)
    cell_line, truth = kept_artificial(settings, config)
    name = f"two groups, {datasets} x {trs}, {CRMS}, {seed}"
    article = kept_scores(name, cell_line, config, "article")
    return article, kept_scores(name, cell_line, config, "support"), truth


def _peaks(article: Scores, support: Scores, truth: Path, seed: int) -> tuple[pd.DataFrame, list[str]]:
    """Return kind and scores of every peak, and the names of the scores; simple ones also scaled by TR."""
    peaks, cell_line = scored_truth(article, truth), article.cell_line
    simple = overlap_counts(cell_line)
    simple |= {f"PCA of {size}": values for size, values in pca_scores(cell_line, PCA_SIZES, seed).items()}
    for name, values in simple.items():
        peaks[name], peaks[name + SCALED] = values, scaled_by_label(cell_line, values)
    names = {SUPPORT: v.SUPPORT, NETWORK: v.NETWORK, REGRESSION: v.REGRESSION}
    for name, variable in names.items():
        peaks[name] = support.read(variable)
    peaks[TREES], peaks[TRUST] = (
        kept_trees(f"8 x 8, {CRMS}, {seed}", support).peaks,
        1 - support.read(v.DOUBT),
    )
    return peaks, ["raw", "final", *names, TREES, *simple, *(name + SCALED for name in simple)]


def _of_judged(peaks: pd.DataFrame) -> dict[str, float]:
    """Return AUROCs among the peaks of sources that can be judged, and the shares that are not there."""
    noise = peaks["kind"] == "noise"
    is_judged = peaks[TRUST].notna()
    found = detection_of(peaks[is_judged], (TRUST, SUPPORT, "raw", COUNTS))["auroc"].to_dict()
    shares = {
        "noise": float((~is_judged)[noise].mean()),
        "stack": float((~is_judged)[peaks["kind"] == "stack"].mean()),
    }
    return {name: found[name, "all"] for name in (TRUST, SUPPORT, "raw", COUNTS)} | shares


def _judged_rows(seeds: list[dict[str, float]]) -> list[Row]:
    """Doubt against other scores where there is a doubt; where there is none, whose peaks that are."""
    told = f"mean and range of {len(seeds)} seeds"

    def values(name: str) -> list[float]:
        return [seed[name] for seed in seeds]

    case = "AUROC, sources that can be judged"
    result = [
        over_seeds(f"{case}: {TRUST} against {name}", values(TRUST), values(name), f"AUROC, {told}")
        for name in (SUPPORT, "raw", COUNTS)
    ]
    case = "share in sources that cannot be judged: noise against stacks"
    return [*result, over_seeds(case, values("noise"), values("stack"), told)]


def _detection_rows(seeds: list[pd.DataFrame]) -> list[Row]:
    """Compare raw scores and support with the simple ones, and final scores with those scaled by TR."""
    return [
        row
        for metric in METRICS
        for ours, scaled in (("raw", ""), ("final", SCALED), (SUPPORT, ""))
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
    if ours == SUPPORT:
        baselines |= {NETWORK: ", its part", REGRESSION: ", its part", TREES: "", "raw": ""}
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
