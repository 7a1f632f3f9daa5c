"""By what a search judges models, and which settings it may vary for that (method, sections 6 and 9.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from atypeak_scale.config import Config, Objective, parse_config
from atypeak_scale.errors import InputError
from atypeak_scale.registry.model_columns import SEARCH, SEARCH_POWER
from atypeak_scale.registry.table import Table

Criterion = Literal["q-score", "power"]
Grid = Mapping[str, Sequence[Any]]
ARTICLE_GRID: Grid = {"model.deep_dimension": (8, 32, 128, 256)}
SUPPORT_GRID: Grid = {"support.deep_dimension": (16, 32, 64, 128)}
NOT_SEARCHED = ("training.seed", "training.objective")


@dataclass(frozen=True)
class Trial:
    """What is known about one model of the article's objective.

    Attributes
    ----------
    seed : int
        Training seed.
    loss : float
        Loss of the epoch that was kept.
    epochs : int
        Epochs run.
    parameters : int
        Trainable parameters.
    seconds : float
        Training time, NaN if the process was killed before it was noted.
    q_score : float
        On the sample of windows; lower is better.

    """

    seed: int
    loss: float
    epochs: int
    parameters: int
    seconds: float
    q_score: float


@dataclass(frozen=True)
class PowerTrial:
    """What is known about one model of support; fields that `Trial` has are the same.

    Attributes
    ----------
    validation_loss : float
        Loss on windows that were kept out of training, NaN if there are none.
    power : float
        Mean over sources, on a sample of peaks and placements; higher is better.

    """

    seed: int
    loss: float
    validation_loss: float
    epochs: int
    parameters: int
    seconds: float
    power: float


@dataclass(frozen=True)
class Judgement:
    """What a criterion is called, which models it judges, and which settings they may differ in.

    measure: name of the column; error: that of its standard error; best: how the best value is described;
    sign: 1 if lower is better, -1 if higher; sections: whose settings can differ between models of one store.
    """

    name: str
    measure: str
    error: str
    best: str
    sign: int
    objective: Objective
    trial: type[Trial] | type[PowerTrial]
    table: Table
    grid: Grid
    sections: tuple[str, ...]
    searched: str


JUDGEMENTS: Mapping[Criterion, Judgement] = {
    "q-score": Judgement(
        name="Q-score",
        measure="q_score",
        error="q_error",
        best="lowest",
        sign=1,
        objective="article",
        trial=Trial,
        table=SEARCH,
        grid=ARTICLE_GRID,
        sections=("model", "training"),
        searched="a setting of a model or of its training, such as model.deep_dimension or "
        "training.learning_rate",
    ),
    "power": Judgement(
        name="power",
        measure="power",
        error="power_error",
        best="highest",
        sign=-1,
        objective="support",
        trial=PowerTrial,
        table=SEARCH_POWER,
        grid=SUPPORT_GRID,
        sections=("support",),
        searched="a setting of support, such as support.filters or support.epochs",
    ),
}


def grid_configs(
    config: Config, grid: Grid, criterion: Criterion = "q-score"
) -> list[tuple[dict[str, Any], Config]]:
    """Return every combination of the grid's values with its configuration; the last key changes fastest.

    Values are as the configuration reads them; combinations that it reads as the same appear once.

    Raises
    ------
    InputError
        If a key is not a setting that the criterion can judge, or a value is refused.

    """
    keys = [_section_and_name(key, JUDGEMENTS[criterion]) for key in grid]
    found: list[tuple[dict[str, Any], Config]] = []
    for values in product(*grid.values()):
        changed = config.model_dump(mode="json")
        for (section, name), value in zip(keys, values, strict=True):
            changed[section][name] = value
        each = parse_config(changed, "search")
        if all(each != other for _, other in found):
            parsed = each.model_dump(mode="json")
            found.append(({f"{section}.{name}": parsed[section][name] for section, name in keys}, each))
    return found


def _section_and_name(key: str, judgement: Judgement) -> tuple[str, str]:
    section, _, name = key.partition(".")
    if section not in judgement.sections or not name or key in NOT_SEARCHED:
        raise InputError(f"{key}: cannot be searched by {judgement.name}; expected {judgement.searched}")
    return section, name
