"""Which settings a search may vary, and their combinations."""

from dataclasses import fields
from typing import get_args

import pytest

from atypeak_scale.assess.quality.criteria import JUDGEMENTS, Criterion, grid_configs
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError


def test_grid__values_that_are_the_same_setting_come_once(config: Config) -> None:
    found = grid_configs(config, {"training.learning_rate": [0.0001, "1e-4"]})
    assert [setting for setting, _ in found] == [{"training.learning_rate": 0.0001}]


def test_grid__last_key_changes_fastest(config: Config) -> None:
    found = grid_configs(config, {"model.filters": [1, 2], "training.crumbs": [0.0, 0.1]})
    assert [tuple(setting.values()) for setting, _ in found] == [(1, 0.0), (1, 0.1), (2, 0.0), (2, 0.1)]
    assert [(each.model.filters, each.training.crumbs) for _, each in found] == [
        tuple(setting.values()) for setting, _ in found
    ]


@pytest.mark.parametrize(
    "criterion, key, expected",
    [
        ("q-score", "support.filters", "Q-score; expected a setting of a model or of its training"),
        ("q-score", "training.objective", "Q-score; expected a setting of a model"),
        ("power", "model.filters", r"power; expected a setting of support, such as support\.filters"),
        ("power", "training.seed", "power; expected a setting of support"),
        ("power", "chance.placements", "power; expected a setting of support"),
        ("power", "support", "power; expected a setting of support"),
    ],
)
def test_grid__only_what_the_criterion_can_judge(
    config: Config, criterion: Criterion, key: str, expected: str
) -> None:
    with pytest.raises(InputError, match=rf"^{key}: cannot be searched by {expected}"):
        grid_configs(config, {key: [1]}, criterion)


def test_grid__of_support(config: Config) -> None:
    found = grid_configs(config, {"support.filters": [8, 16], "support.epochs": [8]}, "power")
    assert [setting for setting, _ in found] == [
        {"support.filters": 8, "support.epochs": 8}, {"support.filters": 16, "support.epochs": 8}
    ]  # fmt: skip
    assert [(each.support.filters, each.support.epochs) for _, each in found] == [(8, 8), (16, 8)]


@pytest.mark.parametrize("criterion", get_args(Criterion))
def test_judgement__its_trials_fit_its_table_and_its_grid_is_allowed(
    config: Config, criterion: Criterion
) -> None:
    judgement = JUDGEMENTS[criterion]
    names = [field.name for field in fields(judgement.trial)]
    assert [column.name for column in judgement.table.columns] == [*names, "folder"]
    assert names[-1] == judgement.measure
    assert len(grid_configs(config, judgement.grid, criterion)) == 4
