"""The choice of the model: Q-score, search and seeds, against what was kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from atypeak_scale.assess.quality.recommendation import recommend
from atypeak_scale.config import with_seed
from atypeak_scale.model.files import save_model
from atypeak_scale.model.training.train import train
from atypeak_scale.registry.results import QSCORE
from atypeak_scale.report.page import Figure, Listing, Missing, Text
from atypeak_scale.report.results import Results
from atypeak_scale.report.sections.choices import choice_blocks
from atypeak_scale.scoring.open_scores import open_scores
from tests.report.conftest import CONFIG
from tests.report.sections.test_together import values_of


def test_choice_blocks__qscore_matrices(results: Results) -> None:
    found = results.kept(QSCORE)
    assert found is not None
    blocks = list(choice_blocks(results))
    figures = {one.name: one for one in blocks if isinstance(one, Figure)}
    for view in results.views:
        said = figures[f"qscore-{view}"].model.tags[0]["matrix"]
        for (row, column), value in values_of(figures[f"qscore-{view}"]).items():
            if row == column:
                assert np.isnan(value)
                continue
            expected = float(found["contribution"].sel(dimension=f"{view}:{row}", other=f"{view}:{column}"))
            np.testing.assert_allclose(value, expected, atol=said["high"] / 254)
    listing = {one.name: one for one in blocks if isinstance(one, Listing)}["qscore-pairs"]
    np.testing.assert_allclose(listing.frame["contribution"].sum(), float(found["total"]))


def test_choice_blocks__search_shows_every_model(results: Results, workdir: Path) -> None:
    blocks = list(choice_blocks(results))
    trials = pd.read_csv(workdir / "search" / "search.tsv", sep="\t")
    listing = {one.name: one for one in blocks if isinstance(one, Listing)}["search"]
    pd.testing.assert_frame_equal(listing.frame, trials)
    dots = {one.name: one for one in blocks if isinstance(one, Figure)}["search"].model.renderers[0]
    np.testing.assert_array_equal(dots.data_source.data["y"], trials["q_score"])
    texts = [text for one in blocks if isinstance(one, Text) for text in one.paragraphs]
    assert any(recommend(trials).reason in text for text in texts)


def test_choice_blocks__say_how_to_run_what_was_not(of_article: Results, results: Results) -> None:
    alone = Results(None, results.support)
    stages = [
        [one.stage for one in choice_blocks(each) if isinstance(one, Missing)] for each in (of_article, alone)
    ]
    assert stages == [["search", "stability"], ["search", "stability"]]


def test_choice_blocks__compare_the_seeds_of_an_ensemble(results: Results, tmp_path: Path) -> None:
    for seed in (1, 2):
        config = with_seed(CONFIG, seed)
        save_model(train(results.cell_line, config), tmp_path / "models" / f"seed-{seed}")
    several = open_scores(results.cell_line, tmp_path / "models")
    blocks = list(choice_blocks(replace(results, article=several, support=None)))
    figure = {one.name: one for one in blocks if isinstance(one, Figure)}["seeds"]
    listing = {one.name: one for one in blocks if isinstance(one, Listing)}["stability"]
    lowest = listing.frame.groupby(["dataset", "tr"])["spearman"].min().sort_values()
    np.testing.assert_allclose(figure.model.renderers[0].data_source.data["value"], lowest)
    assert "stability" not in [one.stage for one in blocks if isinstance(one, Missing)]
