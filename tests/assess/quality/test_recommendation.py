"""Which setting is recommended, and what is said about it."""

import math

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.quality.recommendation import recommend, summarize_search


def trials(*rows: tuple[int, float], parameters: dict[int, int]) -> pd.DataFrame:
    """Return a table of trials from (deep dimension, Q-score) pairs."""
    return pd.DataFrame(
        {
            "model.deep_dimension": [deep for deep, _ in rows],
            "seed": range(len(rows)),
            "loss": 0.1,
            "epochs": 3,
            "parameters": [parameters[deep] for deep, _ in rows],
            "seconds": [np.nan if at else 1.0 for at in range(len(rows))],
            "q_score": [score for _, score in rows],
        }
    )


def test_recommend__fewest_parameters_within_a_standard_error() -> None:
    sizes = {8: 100, 32: 200, 128: 300}
    rows = [(8, 9.0), (8, 9.2), (32, 1.5), (32, 1.7), (128, 1.0), (128, 2.0)]
    table = trials(*rows, parameters=sizes)
    # The lowest is 1.5 with a standard error of 0.5: 1.6 of the smaller model is close, 9.1 is not.
    assert summarize_search(table)["q_error"][2] == pytest.approx(np.std([1, 2], ddof=1) / np.sqrt(2))
    chosen = recommend(table)
    assert chosen.setting == {"model.deep_dimension": 32}
    assert "within a standard error (0.5) of the lowest, 1.5 (model.deep_dimension 128)" in chosen.reason
    assert "200 parameters instead of 300" in chosen.reason


def test_recommend__one_seed_has_no_error() -> None:
    table = trials((8, 1.1), (32, 1.0), parameters={8: 100, 32: 200})
    assert math.isnan(summarize_search(table)["q_error"][0])
    chosen = recommend(table)
    assert chosen.setting == {"model.deep_dimension": 32}
    assert chosen.reason == "its mean Q-score, 1, is the lowest of 2"


def power_trials(*rows: tuple[int, float]) -> pd.DataFrame:
    """Return a table of trials of support from (filters, power) pairs; parameters are 10 for each filter."""
    return pd.DataFrame(
        {
            "support.filters": [filters for filters, _ in rows],
            "seed": range(len(rows)),
            "loss": 0.1,
            "validation_loss": [0.2 if at else np.nan for at in range(len(rows))],
            "epochs": 3,
            "parameters": [10 * filters for filters, _ in rows],
            "seconds": 1.0,
            "power": [power for _, power in rows],
            "folder": "setting",
        }
    )


def test_recommend__higher_power_is_better() -> None:
    table = power_trials((4, 0.9), (4, 0.9), (8, 0.93), (8, 0.94), (16, 0.93), (16, 0.95))
    summary = summarize_search(table)
    assert list(summary.columns) == [
        "support.filters", "seeds", "loss", "validation_loss", "epochs", "parameters", "seconds", "power",
        "power_error",
    ]  # fmt: skip
    assert summary["power"].tolist() == pytest.approx([0.9, 0.935, 0.94])
    assert summary["power_error"].tolist() == pytest.approx([0, 0.005, 0.01])
    # The seed without a validation loss is left out of the mean.
    assert summary["validation_loss"].tolist() == pytest.approx([0.2, 0.2, 0.2])
    # The highest is 0.94 with a standard error of 0.01: 0.935 of the smaller model is close, 0.9 is not.
    chosen = recommend(table)
    assert chosen.setting == {"support.filters": 8}
    assert chosen.reason == (
        "its mean power, 0.935, is within a standard error (0.01) of the highest, 0.94 (support.filters 16), "
        "with 80 parameters instead of 160"
    )
    chosen = recommend(power_trials((4, 0.9), (8, 0.93)))
    assert chosen.setting == {"support.filters": 8}
    assert chosen.reason == "its mean power, 0.93, is the highest of 2"
