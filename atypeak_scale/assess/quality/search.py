"""Train and assess a grid of settings with several seeds each, to choose one (article: the information
budget).

Each setting and seed is a separate task: a model, and its Q-score on a sample of windows. The folder of the
search keeps a small file for each finished task, so that a stopped search can continue.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.config import Config, Settings, parse_config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import listener, told_apart
from atypeak_scale.model.seeds import TRAINING_BYTES, SeedTask, is_trained, train_task
from atypeak_scale.provenance import MADE_FROM, fingerprint
from atypeak_scale.registry.columns import SEARCH
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.storage.locations import Location, absolute, join, name_of
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.tables import file_name, write_tsv

TRIALS = file_name(SEARCH)
ARTICLE_GRID = {"model.deep_dimension": (8, 32, 128, 256)}
SECTIONS = ("model", "training")  # sections whose settings can differ between models of one store
NOT_SEARCHED = "training.seed"
Grid = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class TrialTask:
    """One setting and seed; folder: holds the setting's models; sampled: key of the Q-score's settings."""

    cell_line: CellLine
    config: Config
    folder: Location
    sampled: str

    @property
    def seed(self) -> str:
        """Name of the model within the folder."""
        return f"seed-{self.config.training.seed}"

    @property
    def model(self) -> Location:
        """Where the model is, or will be."""
        return join(self.folder, self.seed)


@dataclass(frozen=True)
class Trial:
    """What is known about one trained model.

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
class Recommendation:
    """The setting to use, by configuration key, and why."""

    setting: dict[str, Any]
    reason: str


def search(
    cell_line: CellLine,
    config: Config,
    out: Location,
    grid: Grid = ARTICLE_GRID,
    seeds: int = 3,
    executor: Executor | None = None,
) -> pd.DataFrame:
    """Train every combination of the grid's values with several seeds, and compute each model's Q-score.

    Parameters
    ----------
    cell_line
        The data.
    config
        All settings that are not searched, including the sample of the Q-score (`normalization`) and its
        crumbs (`scoring`). Seeds count up from `training.seed`.
    out
        Folder or URL for the models and Q-scores, each combination in a folder of its own, and `search.tsv`,
        the table. A stopped search continues in the same folder, and a later search adds to it.
    grid
        Values by dotted key of the configuration, of `model` or `training`.
    seeds
        Number of models for each combination.
    executor
        Where the work runs, one task per model; None means this process.

    Returns
    -------
    pandas.DataFrame
        One row per model, in the order of the grid, then of the seeds. Columns: the grid's keys, the fields
        of `Trial`, and `folder`, the name of the setting's folder.

    Raises
    ------
    InputError
        Before anything is trained, if a key or a value is not valid, the configuration is for another cell
        line, or `out` holds models of another store.

    Examples
    --------
    >>> trials = search(open_store("hela.zarr"), load_config("hela"), "hela-search")
    >>> recommend(trials).setting

    """
    executor = executor or InProcess()
    configs = grid_configs(config, grid)
    sampled = _key({"normalization": config.normalization, "scoring": config.scoring})
    parent = absolute(out)
    tasks = [
        TrialTask(
            cell_line, with_seed(each, config.training.seed + number), join(parent, _name(each)), sampled
        )
        for _, each in configs
        for number in range(seeds)
    ]
    _check(cell_line, config, tasks)
    target(parent).make_folder()
    executor.require(TRAINING_BYTES)
    with sole_writer(parent, "search"):
        found = {task.model: trial for task, trial in executor.map(_try_out, tasks, "search")}
        settings = [setting for setting, _ in configs for _ in range(seeds)]
        table = pd.DataFrame(
            [setting | asdict(found[task.model]) for setting, task in zip(settings, tasks, strict=True)]
        )
        table["folder"] = [name_of(task.folder) for task in tasks]
        with target(join(parent, TRIALS)).replacing_file() as file:
            write_tsv(table, SEARCH, cell_line.views, file)
        made_from = {
            "store": cell_line.made_from,
            "config": config.model_dump(mode="json"),
            "settings": [setting for setting, _ in configs],
            "seeds": seeds,
        }
        with target(join(parent, MADE_FROM)).replacing_file() as file:
            file.write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8")
    return table


def _check(cell_line: CellLine, config: Config, tasks: Sequence[TrialTask]) -> None:
    if config.cell_line != cell_line.name:
        raise InputError(
            f"the configuration is for cell line {config.cell_line!r}, the data for {cell_line.name!r}; "
            "use the same cell line for both"
        )
    made_from = fingerprint(cell_line.made_from)
    for task in tasks:
        description = is_trained(task.model)
        if description is not None and description["store"] != made_from:
            raise InputError(f"{task.model}: was trained on another store; name a new folder for this search")


def grid_configs(config: Config, grid: Grid) -> list[tuple[dict[str, Any], Config]]:
    """Return every combination of the grid's values with its configuration; the last key changes fastest.

    Values are as the configuration reads them; combinations that it reads as the same appear once.

    Raises
    ------
    InputError
        If a key is not a setting of a model or of its training, or a value is refused.

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
    """Name the folder of a combination by all its settings except the seed, hashed: values choose no path."""
    return f"setting-{_key({'model': config.model, 'training': with_seed(config, 0).training})}"


def _key(settings: Mapping[str, Settings]) -> str:
    plain = {name: section.model_dump(mode="json") for name, section in settings.items()}
    return fingerprint(plain)[:12]


def _try_out(task: TrialTask) -> Trial:
    """Train one model and assess it, or read the result if there is one."""
    receipt = f"{task.seed}-{task.sampled}.json"
    if receipt in target(task.folder).names():
        return Trial(**json.loads(target(join(task.folder, receipt)).read_text()))
    from atypeak_scale.model.files import load_model
    from atypeak_scale.model.network import parameters

    with told_apart(name_of(task.folder)):
        seconds = _train(task)
    loaded = load_model(task.model)
    assert loaded.training is not None
    # Kept beside the model: tasks of one search then share no group, and the store is only read.
    scores = open_scores(task.cell_line, task.model, results=join(task.folder, f"{task.seed}.zarr"))
    trial = Trial(
        task.config.training.seed,
        loaded.training.kept_loss,
        loaded.training.epochs,
        parameters(loaded.network),
        seconds,
        qscore(scores, task.config.normalization, executor=InProcess(listener()))["total"].item(),
    )
    with target(join(task.folder, receipt)).new_file() as file:
        file.write_text(json.dumps(asdict(trial)) + "\n", encoding="utf-8")
    return trial


def _train(task: TrialTask) -> float:
    """Train the model if it is not trained yet; return the seconds that it took, NaN if they were lost."""
    timing = f"{task.seed}.json"
    if is_trained(task.model) is None:
        started = time.perf_counter()
        train_task(SeedTask(task.cell_line, task.config, task.model))
        seconds = time.perf_counter() - started
        with target(join(task.folder, timing)).replacing_file() as file:
            file.write_text(json.dumps(seconds), encoding="utf-8")
        return seconds
    if timing in target(task.folder).names():
        return float(json.loads(target(join(task.folder, timing)).read_text()))
    return float("nan")


def summarize_search(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each setting: means over seeds, and the standard error of the Q-score.

    Parameters
    ----------
    trials
        What `search` returned.

    Returns
    -------
    pandas.DataFrame
        Columns: the settings, seeds, loss, epochs, parameters, seconds, q_score, q_error (NaN for a single
        seed).

    """
    keys = list(trials.columns[: trials.columns.get_loc("seed")])
    # As text, because a value may be a list or a mapping.
    grouped = trials.groupby([trials[key].map(str) for key in keys], sort=False)
    columns = {key: grouped[key].first() for key in keys} | {"seeds": grouped["seed"].count()}
    columns |= {name: grouped[name].mean() for name in ("loss", "epochs", "parameters", "seconds", "q_score")}
    columns["q_error"] = grouped["q_score"].sem()
    return pd.DataFrame(columns).reset_index(drop=True)


def recommend(trials: pd.DataFrame) -> Recommendation:
    """Choose the setting with the fewest parameters whose Q-score is the lowest, or hardly higher.

    "Hardly" means by no more than the standard error of the lowest, which is how much seeds differ. If
    settings have equally many parameters, the lower Q-score wins.

    Parameters
    ----------
    trials
        What `search` returned.

    Returns
    -------
    Recommendation
        The setting, and why.

    """
    table = summarize_search(trials).astype(object)  # so that a row keeps whole numbers as they are
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
