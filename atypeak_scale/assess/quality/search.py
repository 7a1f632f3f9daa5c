"""Train and assess a grid of settings, several seeds each, to choose one (article: the information budget).

Each setting and seed is a task of its own: a model, and its Q-score on a sample of windows. What is done is
kept in a folder of the search, a small file for each, so that a search that was stopped goes on.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from atypeak_scale.assess.description.statistics_tables import replace_table
from atypeak_scale.assess.quality.qscore import q_score
from atypeak_scale.config import Config, Settings, parse_config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.cluster import (
    IN_PROCESS,
    Cluster,
    Progress,
    connect,
    limit_threads,
    no_progress,
    run_blocks,
)
from atypeak_scale.model.seeds import TRAINING_BYTES, is_trained
from atypeak_scale.scoring.blocks import score_run
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.targets import target
from atypeak_scale.store import schema
from atypeak_scale.store.build import fingerprint

TRIALS = "search.tsv"
ARTICLE_GRID = {"model.deep_dimension": (8, 32, 128, 256)}
SECTIONS = ("model", "training")  # whose settings can differ between models of one store
NOT_SEARCHED = "training.seed"
Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Trial:
    """What is known of one trained model; seconds: of its training, NaN where a kill lost them."""

    seed: int
    loss: float
    epochs: int
    parameters: int
    seconds: float
    q_score: float


@dataclass(frozen=True)
class Recommendation:
    """The setting to use, by key of the configuration, and why."""

    setting: dict[str, Any]
    reason: str


def search(
    store: Location,
    config: Config,
    folder: Location,
    grid: Grid = ARTICLE_GRID,
    seeds: int = 3,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> pd.DataFrame:
    """Train every combination of the grid's values with several seeds, and compute each model's Q-score.

    grid: values by dotted key of the configuration, of `model` or `training`; the others are `config`'s, also
    the sample of the Q-score (`normalization`) and its crumbs (`scoring`). Seeds count from training.seed.
    In `folder`: models and Q-scores of each combination in a folder of its own, and `search.tsv`, the table.

    Returns
    -------
    One row a model, in order of the grid, then of the seed; columns: the grid's keys, the fields of `Trial`,
    and `folder`, the name of that of its setting.

    Raises
    ------
    InputError
        Before anything is trained: where a key or a value is none, or `folder` holds models of another store.

    """
    configs = grid_configs(config, grid)
    sampled = _key({"normalization": config.normalization, "scoring": config.scoring})
    here, place = locations.absolute(store), locations.absolute(folder)
    made_from = fingerprint(schema.open_cell_line(store, config.cell_line).attrs["made_from"])
    listener = None if cluster.is_elsewhere else progress  # epochs are told of here only
    blocks = [
        (here, with_seed(each, config.training.seed + number), join(place, _name(each)), sampled, listener)
        for _, each in configs
        for number in range(seeds)
    ]
    for _, of_seed, models, *_ in blocks:
        _refuse_other_store(made_from, of_seed, models)
    target(place).make_folder()
    with connect(cluster, progress, TRAINING_BYTES) as client, sole_writer(place, "search"):
        found = dict(run_blocks(_try_out, blocks, client, stage="search", progress=progress))
        settings = [setting for setting, _ in configs for _ in range(seeds)]
        table = pd.DataFrame([setting | asdict(found[row]) for row, setting in enumerate(settings)])
        table["folder"] = [locations.name_of(models) for _, _, models, *_ in blocks]
        replace_table(table, join(place, TRIALS))
    return table


def grid_configs(config: Config, grid: Grid) -> list[tuple[dict[str, Any], Config]]:
    """Return every combination of the grid's values with its configuration, the last key changing fastest.

    Values are as the configuration understands them; combinations that it takes for the same come once.

    Raises
    ------
    InputError
        Where a key is no setting of a model or of its training, or a value is refused.

    """
    keys = [_section_and_name(key) for key in grid]
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


def _section_and_name(key: str) -> tuple[str, str]:
    section, _, name = key.partition(".")
    if section not in SECTIONS or not name or key == NOT_SEARCHED:
        raise InputError(
            f"{key}: cannot be searched; expected a setting of a model or of its training, such as "
            "model.deep_dimension or training.learning_rate"
        )
    return section, name


def _name(config: Config) -> str:
    """Name the folder of a combination by all that makes its models, but the seed; values choose no path."""
    return f"setting-{_key({'model': config.model, 'training': with_seed(config, 0).training})}"


def _key(settings: Mapping[str, Settings]) -> str:
    plain = {name: section.model_dump(mode="json") for name, section in settings.items()}
    return fingerprint(plain)[:12]


def _refuse_other_store(made_from: str, config: Config, folder: Location) -> None:
    model = _model_of(folder, config)
    description = is_trained(model)
    if description is not None and description["store"] != made_from:
        raise InputError(f"{model}: was trained on another store; name a new folder for this search")


def _model_of(folder: Location, config: Config) -> Location:
    return join(folder, f"seed-{config.training.seed}")


def _try_out(
    store: Location, config: Config, folder: Location, sampled: str, progress: Progress | None
) -> Trial:
    """Train one model and assess it, or read what is known of it; sampled: key of how the Q-score is made."""
    model, seed = _model_of(folder, config), f"seed-{config.training.seed}"
    receipt, timing = f"{seed}-{sampled}.json", f"{seed}.json"
    if receipt in target(folder).names():
        return Trial(**json.loads(target(join(folder, receipt)).read_text()))
    limit_threads()
    from atypeak_scale.model.files import load_model
    from atypeak_scale.model.network import parameters
    from atypeak_scale.model.training.train import train_and_save

    seconds = float("nan")
    if is_trained(model) is None:
        started = time.perf_counter()
        train_and_save(store, config, model, progress or no_progress, keep_interrupted=False)
        seconds = time.perf_counter() - started
        with target(join(folder, timing)).replacing_file() as file:
            file.write_text(json.dumps(seconds), encoding="utf-8")
    elif timing in target(folder).names():
        seconds = float(json.loads(target(join(folder, timing)).read_text()))
    loaded = load_model(model)
    assert loaded.training is not None
    # Beside the model: tasks of one search share no group, and the store is only read.
    run = score_run(store, model, config.cell_line, results=join(folder, f"{seed}.zarr"))
    trial = Trial(
        config.training.seed,
        loaded.training.kept_loss,
        loaded.training.epochs,
        parameters(loaded.network),
        seconds,
        q_score(run, config.normalization)["total"].item(),
    )
    with target(join(folder, receipt)).new_file() as file:
        file.write_text(json.dumps(asdict(trial)) + "\n", encoding="utf-8")
    return trial


def summarize_search(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each setting: means over seeds, and the standard error of the Q-score.

    Columns: the settings, seeds, loss, epochs, parameters, seconds, q_score, q_error (NaN of a single seed).
    """
    keys = list(trials.columns[: trials.columns.get_loc("seed")])
    # As text, since a value may be a list or a mapping.
    grouped = trials.groupby([trials[key].map(str) for key in keys], sort=False)
    columns = {key: grouped[key].first() for key in keys} | {"seeds": grouped["seed"].count()}
    columns |= {name: grouped[name].mean() for name in ("loss", "epochs", "parameters", "seconds", "q_score")}
    columns["q_error"] = grouped["q_score"].sem()
    return pd.DataFrame(columns).reset_index(drop=True)


def recommend(trials: pd.DataFrame) -> Recommendation:
    """Choose the setting of fewest parameters whose Q-score is the lowest, or hardly higher.

    Hardly: by no more than the standard error of the lowest, which is as much as seeds differ. Among settings
    of as many parameters, the lower Q-score.
    """
    table = summarize_search(trials).astype(object)  # a row must not turn whole numbers into others
    best = table.sort_values("q_score", kind="stable").iloc[0]
    error = 0.0 if np.isnan(best["q_error"]) else float(best["q_error"])
    close = table[table["q_score"] <= best["q_score"] + error]
    chosen = close.sort_values(["parameters", "q_score"], kind="stable").iloc[0]
    keys = list(trials.columns[: trials.columns.get_loc("seed")])
    reason = f"its mean Q-score, {chosen['q_score']:.4g}, is the lowest of {len(table)}"
    if chosen.name != best.name:
        of_best = ", ".join(f"{key} {best[key]}" for key in keys)
        reason = (
            f"its mean Q-score, {chosen['q_score']:.4g}, is within a standard error ({error:.2g}) of the "
            f"lowest, {best['q_score']:.4g} ({of_best}), with {chosen['parameters']:,.0f} parameters instead "
            f"of {best['parameters']:,.0f}"
        )
    return Recommendation({key: chosen[key] for key in keys}, reason)
