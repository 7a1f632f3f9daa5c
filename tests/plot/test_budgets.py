"""The search against its table."""

import numpy as np
import pandas as pd
import pytest
from plot.drawn import labels, lines

from atypeak_scale.assess import recommend
from atypeak_scale.plot.budgets import cut_lines, search


def trials(measure: str = "q_score") -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = [
        {"model.deep_dimension": deep, "seed": seed, "loss": 0.1, "validation_loss": 0.2, "epochs": 5,
         "seconds": 1.0, "parameters": 100 * deep, measure: rng.random() + 8 / deep,
         "folder": f"setting-{deep}"}
        for deep in (8, 64, 256) for seed in (1, 2, 3)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame if measure == "power" else frame.drop(columns="validation_loss")


@pytest.mark.parametrize("measure", ["q_score", "power"])
def test_search__every_model_and_the_means(measure: str) -> None:
    table = trials(measure)
    ax = search(table)
    drawn = lines(ax)
    means = table.groupby("model.deep_dimension", sort=False)[measure].mean()
    np.testing.assert_allclose(drawn["mean"][:, 1], means)
    assert labels(ax, "x") == [f"deep_dimension {deep}" for deep in means.index]
    np.testing.assert_array_equal(drawn["one model"][:, 0], np.repeat([0, 1, 2], 3))
    np.testing.assert_array_equal(drawn["one model"][:, 1], table[measure])
    chosen = recommend(table).setting["model.deep_dimension"]
    place = list(means.index).index(chosen)
    np.testing.assert_allclose(drawn["recommended"], [[place, means[chosen]]])
    assert ("higher" if measure == "power" else "lower") in ax.get_ylabel()


def test_search__of_several_settings() -> None:
    table = trials()
    table.insert(1, "training.learning_rate", [1e-3, 1e-4, 1e-4] * 3)
    ax = search(table)
    assert labels(ax, "x")[:2] == [
        "deep_dimension 8\nlearning_rate 0.001",
        "deep_dimension 8\nlearning_rate 0.0001",
    ]
    assert len(lines(ax)["mean"]) == 6


def test_cut__every_line() -> None:
    assert cut_lines("a" * 60 + "\nb") == "…" + "a" * 39 + "\nb"
