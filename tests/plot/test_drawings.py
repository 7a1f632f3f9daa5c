"""Every drawing has a name of its own, a command that exists, and draws what its data allow."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from atypeak_scale.cli.commands import commands
from matplotlib.figure import Figure
from plot.test_artificial import truth_of
from plot.test_budgets import trials

from atypeak_scale.execution.executor import InProcess
from atypeak_scale.plot.drawings import all_drawings
from atypeak_scale.plot.figure_data import FigureData
from atypeak_scale.scoring.scores import Scores

OF_SUPPORT = {"random-shares", "p-values", "crm-size-trust"}
OF_ARTICLE = {"crm-size-final", "normalizations"}
KEPT = {"qscore", "groups", "ur-examples"}
ELSEWHERE = {"kinds", "rebuilt", "search", "releases"}


def drawn(data: FigureData) -> set[str]:
    names = set()
    for drawing in all_drawings(data):
        figure = drawing.draw(data)
        if figure is not None:
            assert isinstance(figure, Figure)
            figure.draw_without_rendering()
            names.add(drawing.name)
    return names


@pytest.fixture(scope="module")
def everything(kept: Scores, supported: Scores, tmp_path_factory: pytest.TempPathFactory) -> FigureData:
    folder = tmp_path_factory.mktemp("folders")
    trials().to_csv(folder / "search.tsv", sep="\t", index=False)
    rng = np.random.default_rng(1)
    pd.DataFrame({"mean": rng.random(50), "ratio": rng.random(50)}).to_parquet(folder / "crms.parquet")
    return FigureData(kept, supported, truth_of(kept), folder, folder, InProcess())


def test_drawings__names_and_commands(everything: FigureData) -> None:
    found = all_drawings(everything)
    names = [drawing.name for drawing in found]
    assert len(set(names)) == len(names)
    assert all(Path(name).name == name for name in names)
    assert {drawing.command for drawing in found} <= set(commands.commands)


def test_drawings__all_of_them(everything: FigureData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        names = drawn(everything)
    assert names == {drawing.name for drawing in all_drawings(everything)}


def test_drawings__of_one_kind_of_scores(article: Scores, supported: Scores) -> None:
    of_article = drawn(FigureData(article, None, None, None, None, InProcess()))
    assert not of_article & (KEPT | ELSEWHERE | OF_SUPPORT)
    assert (
        OF_ARTICLE | {"module-best", "tracks-worst", "mean-crm", "correlation-source", "jaccard-tr"}
        <= of_article
    )
    of_support = drawn(FigureData(None, supported, None, None, None, InProcess()))
    assert of_support >= OF_SUPPORT
    assert not of_support & (KEPT | ELSEWHERE | OF_ARTICLE)
