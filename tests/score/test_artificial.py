"""Does the model learn the groups that were planted? Article, Validation using artificial data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from atypeak_scale import load_config, load_model, open_store, run_pipeline
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate

KEY = ["contig", "start", "end", "name"]
WINDOWS = 600
DATASETS = TRS = 8


@dataclass(frozen=True)
class Demo:
    folder: Path
    peaks: pd.DataFrame


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the main job on 8 x 8 artificial data of two groups; return every peak with score and truth."""
    folder = tmp_path_factory.mktemp("artificial")
    settings = ArtificialSettings(crms=3000, datasets=DATASETS, trs=TRS, seed=5)
    files = simulate(settings, folder / "catalogue")
    run_pipeline(load_config("artificial"), folder / "work", files.peaks, files.crms)
    scores = pd.read_parquet(folder / "work/scores/peaks.parquet")
    truth = pd.read_csv(files.truth, sep="\t").drop_duplicates(KEY)
    return Demo(folder, scores.merge(truth, on=KEY, validate="many_to_one"))


def common_language(high: np.ndarray, low: np.ndarray) -> tuple[float, float]:
    """Return the probability that one of `high` exceeds one of `low`, and the one-sided Mann-Whitney p."""
    test = mannwhitneyu(high, low, alternative="greater")
    return float(test.statistic) / (len(high) * len(low)), float(test.pvalue)


@pytest.mark.parametrize("score", ["raw", "final"])
def test_scores__noise_is_below_stacks(demo: Demo, score: str) -> None:
    kinds = demo.peaks.groupby("kind")[score]
    stack, noise = (kinds.get_group(kind).to_numpy() for kind in ("stack", "noise"))
    effect, p = common_language(stack, noise)
    d = (stack.mean() - noise.mean()) / np.sqrt((stack.var() + noise.var()) / 2)
    print(
        f"{score}: stack over noise {effect:.3f}, Cohen's d {d:.2f}, p {p:.1e}, {len(stack)} and {len(noise)}"
    )
    assert effect > 0.85
    assert d > 1.5
    assert p < 1e-50


def test_phantoms__of_the_same_group_exceed_those_of_the_other(demo: Demo) -> None:
    opened = open_store(demo.folder / "work/store.zarr")
    model = load_model(demo.folder / "work/model")
    X = opened.tensor.isel(window=slice(WINDOWS)).values.astype(np.float32)
    h = model.network(X, training=False).numpy()
    of_crm = demo.peaks[demo.peaks["kind"] == "stack"].groupby("crm")["group"].first()
    crm = opened.data["crm"].values[:WINDOWS]
    same, other = [], []
    for window in range(WINDOWS):
        if crm[window] not in of_crm.index:
            continue
        group = int(of_crm[crm[window]])
        reliable = X[window, :, DATASETS // 2 :]
        half = TRS // 2
        in_group = slice(group * half, (group + 1) * half)
        in_other = slice((1 - group) * half, (2 - group) * half)
        # Bins where the stack is, cells where nothing is: what is rebuilt there are phantoms.
        bins = reliable[:, :, in_group].any(axis=(1, 2))
        rebuilt = h[window, bins][:, DATASETS // 2 :]
        empty = ~reliable.any(axis=0)
        same += rebuilt[:, :, in_group][:, empty[:, in_group]].mean(axis=0).tolist()
        other += rebuilt[:, :, in_other][:, empty[:, in_other]].mean(axis=0).tolist()
    effect, p = common_language(np.array(same), np.array(other))
    print(
        f"phantoms: same group {np.mean(same):.3f}, other group {np.mean(other):.3f}, "
        f"same over other {effect:.3f}, p {p:.1e}, {len(same)} and {len(other)} cells"
    )
    assert np.mean(same) > 4 * abs(np.mean(other))
    assert effect > 0.9
    assert p < 1e-50
