"""Does the model learn the groups that were planted? Article, Validation using artificial data."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from atypeak_scale.assess.evidence.artificial import noise_detection, scored_truth
from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind, summarize_rebuilt
from atypeak_scale.assess.interpretation.clusters import adjusted_rand_index
from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.catalogue.truth import read_truth
from atypeak_scale.config import load_config
from atypeak_scale.pipeline import run
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.ranking import auroc
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import open_store


@dataclass(frozen=True)
class Demo:
    scores: Scores
    truth: Path
    rebuilt: pd.DataFrame


@pytest.fixture(scope="module")
def demo(short_report: None, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the main job on 8 x 8 artificial data of two groups."""
    folder = tmp_path_factory.mktemp("artificial")
    files = simulate(ArtificialSettings(crms=3000, datasets=8, trs=8, seed=5), folder / "catalogue")
    run(load_config("artificial"), folder / "work", files.peaks, files.crms, objectives=["article"])
    scores = open_scores(open_store(folder / "work/store.zarr"), folder / "work/model")
    return Demo(scores, files.truth, rebuilt_by_kind(scores, files.truth))


@pytest.mark.parametrize("score", ["raw", "final"])
def test_scores__noise_is_below_stacks(demo: Demo, score: str) -> None:
    peaks = scored_truth(demo.scores, demo.truth)
    stack, noise = (
        peaks.loc[peaks["kind"] == kind, score].to_numpy(np.float64) for kind in ("stack", "noise")
    )
    d = (stack.mean() - noise.mean()) / np.sqrt((stack.var() + noise.var()) / 2)
    p = mannwhitneyu(stack, noise, alternative="greater").pvalue
    found = noise_detection(demo.scores, demo.truth).loc[(score, "all")]
    print(f"{score}: Cohen's d {d:.2f}, p {p:.1e}\n{found.to_string()}")
    assert found["auroc"] == auroc(stack, noise) > 0.85
    assert found["average_precision"] > 2 * found["share"]
    assert d > 1.5
    assert p < 1e-50


def test_rebuilt__as_the_article_found(demo: Demo) -> None:
    """Additional file 1, Fig. S1, for a model whose budget is adequate."""
    mean = summarize_rebuilt(demo.rebuilt)["mean"]
    print(summarize_rebuilt(demo.rebuilt).to_string())
    stack = mean["stack", "reliable", "same"]
    # Stacks and the watermark are rebuilt; noise is less, and least where datasets are unreliable.
    assert mean["watermark", "watermark", "none"] > 0.8
    assert mean["noise", "reliable", "other"] < 0.75 * stack
    assert mean["noise", "unreliable", "same"] < 0.2 * stack
    assert mean["noise", "unreliable", "other"] < 0.2 * stack
    # Phantoms are of the stack's group, in the datasets that stacks are in.
    phantom = mean["phantom", "reliable"]
    assert phantom["same"] > 0.4 * stack
    assert phantom["same"] > 2 * phantom["other"]
    assert mean["phantom", "unreliable"].max() < 0.2 * stack


def test_rebuilt__grows_with_related_peaks(demo: Demo) -> None:
    """A peak's value says how complete its group is."""
    by_related = summarize_rebuilt(demo.rebuilt, ("kind", "related")).loc["stack"]
    many = by_related[by_related["peaks"] >= 200]["mean"]
    print(by_related.to_string())
    rank = np.corrcoef(many.index.to_numpy(), many.rank())[0, 1]
    assert len(many) >= 5
    assert rank > 0.8


def test_groups__are_those_that_were_planted(demo: Demo) -> None:
    """Sources of reliable datasets have a planted group; noise-only datasets and the watermark have none."""
    found, truth = groups(demo.scores), read_truth(demo.truth)
    planted = {tr: group for group, trs in truth.groups.items() for tr in trs}
    datasets, trs = found["source_dataset"].to_numpy(), found["source_tr"].to_numpy()
    compared = np.isin(datasets, sorted(truth.reliable))
    group = found["group"].to_numpy()
    agreement = adjusted_rand_index(group[compared], np.array([planted[tr] for tr in trs[compared]]))
    print(f"{found.attrs['groups']} groups, sizes {np.bincount(group)}, adjusted Rand index {agreement:.3f}")
    assert compared.sum() == 32
    assert agreement >= 0.9
    # What the model does not rebuild is in no group with what it does.
    assert not set(group[compared]) & set(group[~compared])
