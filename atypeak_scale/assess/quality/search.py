"""Train and assess a grid of settings with several seeds each, to choose one (article: the information
budget).

Each setting and seed is a separate task: a model, and its Q-score or its power on a sample. The folder of the
search keeps a small file for each finished task, so that a stopped search can continue.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from atypeak_scale.assess.quality.criteria import (
    JUDGEMENTS,
    Criterion,
    Grid,
    Judgement,
    PowerTrial,
    Trial,
    grid_configs,
)
from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.quality.sampled_power import sampled_power
from atypeak_scale.config import Config, Settings, for_support, with_objective, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import listener, told_apart
from atypeak_scale.model.halves import refuse_both_halves
from atypeak_scale.model.seeds import TRAINING_BYTES, SeedTask, is_trained, train_task
from atypeak_scale.provenance import MADE_FROM, fingerprint
from atypeak_scale.registry.model_columns import SEARCH
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.support.corroboration import FITTED, complete_placements
from atypeak_scale.scoring.support.placements import Placements
from atypeak_scale.storage.locations import Location, absolute, join, name_of
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.tables import COLUMNS_FILE, columns_of, file_name, write_dictionary, write_tsv

TRIALS = file_name(SEARCH)
PLACED = "placements.zarr"


@dataclass(frozen=True)
class TrialTask:
    """One setting and seed.

    folder: holds the setting's models; sampled: key of the settings of the sample that judges them;
    placements: for power, what all models are judged by.
    """

    cell_line: CellLine
    config: Config
    folder: Location
    sampled: str
    placements: Placements | None

    @property
    def seed(self) -> str:
        """Name of the model within the folder."""
        return f"seed-{self.config.training.seed}"

    @property
    def model(self) -> Location:
        """Where the model is, or will be."""
        return join(self.folder, self.seed)


def search(
    cell_line: CellLine,
    config: Config,
    out: Location,
    grid: Grid | None = None,
    seeds: int = 3,
    executor: Executor | None = None,
    criterion: Criterion = "q-score",
) -> pd.DataFrame:
    """Train every combination of the grid's values with several seeds, and judge each model.

    Parameters
    ----------
    cell_line
        The data.
    config
        All settings that are not searched, including the sample of the Q-score (`normalization`) and its
        crumbs (`scoring`), or the placements of power (`chance`). Seeds count up from `training.seed`.
    out
        Folder or URL for the models and what judges them, each combination in a folder of its own, and
        `search.tsv`, the table. A stopped search continues in the same folder, and a later search adds to it.
    grid
        Values by dotted key of the configuration: of `model` or `training` for the Q-score, of `support` for
        power. None takes four deep dimensions.
    seeds
        Number of models for each combination.
    executor
        Where the work runs, one task per model; None means this process.
    criterion
        What judges the models: `q-score` (method, section 6), or `power` of support (method, section 9.1) on
        about 1,000 peaks and 1,000 placements of each source with at least 300 peaks, or of all sources if
        none has so many. It decides what the models are trained for.

    Returns
    -------
    pandas.DataFrame
        One row per model, in the order of the grid, then of the seeds. Columns: the grid's keys, the fields
        of `Trial` or `PowerTrial`, and `folder`, the name of the setting's folder.

    Raises
    ------
    InputError
        Before anything is trained, if a key or a value is not valid, the configuration is for another cell
        line, or `out` holds models of another store. For power, if the store does not know its windows
        without a peak.

    Examples
    --------
    >>> trials = search(open_store("hela.zarr"), load_config("hela"), "hela-search")
    >>> recommend(trials).setting

    """
    executor = executor or InProcess()
    judgement, parent = JUDGEMENTS[criterion], absolute(out)
    _check(cell_line, config, judgement)
    target(parent).refuse_unwritable()
    placements = _placements(cell_line, config, parent) if criterion == "power" else None
    configs = grid_configs(with_objective(config, judgement.objective), grid or judgement.grid, criterion)
    tasks = _tasks(cell_line, configs, seeds, parent, placements)
    _check_models(cell_line, tasks)
    target(parent).make_folder()
    executor.require(TRAINING_BYTES)
    with sole_writer(parent, "search"):
        if placements is not None:
            complete_placements(placements, executor)
        found = {task.model: trial for task, trial in executor.map(_try_out, tasks, "search")}
        settings = [setting for setting, _ in configs for _ in range(seeds)]
        table = pd.DataFrame(
            [setting | asdict(found[task.model]) for setting, task in zip(settings, tasks, strict=True)]
        )
        table["folder"] = [name_of(task.folder) for task in tasks]
        with target(join(parent, TRIALS)).replacing_file() as file:
            write_tsv(table, judgement.table, cell_line.views, file)
        with target(join(parent, COLUMNS_FILE)).replacing_file() as file:
            write_dictionary({TRIALS: columns_of(table, judgement.table, cell_line.views)}, file)
        made_from = {
            "store": cell_line.made_from,
            "config": config.model_dump(mode="json"),
            "criterion": criterion,
            "settings": [setting for setting, _ in configs],
            "seeds": seeds,
        }
        with target(join(parent, MADE_FROM)).replacing_file() as file:
            file.write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8")
    return table


def _check(cell_line: CellLine, config: Config, judgement: Judgement) -> None:
    if config.cell_line != cell_line.name:
        raise InputError(
            f"the configuration is for cell line {config.cell_line!r}, the data for {cell_line.name!r}; "
            "use the same cell line for both"
        )
    if judgement.objective == "article" and config.training.objective == "support":
        raise InputError(
            "the configuration trains for support, which has no Q-score; search by the criterion power"
        )


def _placements(cell_line: CellLine, config: Config, parent: Location) -> Placements:
    """Return the placements of the store, or others beside the models: a search only reads the store."""
    cell_line.empty_windows()  # an error now, if the store lacks them
    of_store = Placements(cell_line, config.chance, cell_line.store)
    if of_store.exists() and of_store.is_marked(FITTED):
        return of_store
    return Placements(cell_line, config.chance, join(parent, PLACED))


def _tasks(
    cell_line: CellLine,
    configs: Sequence[tuple[dict[str, Any], Config]],
    seeds: int,
    parent: Location,
    placements: Placements | None,
) -> list[TrialTask]:
    """Return a task for every configuration and seed."""
    tasks = []
    for _, config in configs:
        each, judged_by = config, {"normalization": config.normalization, "scoring": config.scoring}
        if placements is not None:
            refuse_both_halves(config)
            each, judged_by = for_support(config), {"chance": config.chance}
        folder, sampled = join(parent, _name(each)), _key(judged_by)
        for number in range(seeds):
            of_seed = with_seed(each, each.training.seed + number)
            tasks.append(TrialTask(cell_line, of_seed, folder, sampled, placements))
    return tasks


def _check_models(cell_line: CellLine, tasks: Sequence[TrialTask]) -> None:
    made_from = fingerprint(cell_line.made_from)
    for task in tasks:
        description = is_trained(task.model)
        if description is not None and description["store"] != made_from:
            raise InputError(f"{task.model}: was trained on another store; name a new folder for this search")


def _name(config: Config) -> str:
    """Name the folder of a combination by all its settings except the seed, hashed: values choose no path."""
    settings: dict[str, Settings] = {"model": config.model, "training": with_seed(config, 0).training}
    if config.training.objective == "support":
        settings["support"] = config.support
    return f"setting-{_key(settings)}"


def _key(settings: Mapping[str, Settings]) -> str:
    plain = {name: section.model_dump(mode="json") for name, section in settings.items()}
    if plain.get("training", {}).get("objective") == "article":
        # Searches that began before there were objectives go on in the same folders.
        del plain["training"]["objective"]
    return fingerprint(plain)[:12]


def _try_out(task: TrialTask) -> Trial | PowerTrial:
    """Train one model and assess it, or read the result if there is one."""
    receipt = f"{task.seed}-{task.sampled}.json"
    if receipt in target(task.folder).names():
        found = json.loads(target(join(task.folder, receipt)).read_text())
        return Trial(**found) if task.placements is None else PowerTrial(**found)
    with told_apart(name_of(task.folder)):
        seconds = _train(task)
    trial = _assess(task, seconds)
    with target(join(task.folder, receipt)).new_file() as file:
        file.write_text(json.dumps(asdict(trial)) + "\n", encoding="utf-8")
    return trial


def _assess(task: TrialTask, seconds: float) -> Trial | PowerTrial:
    """Judge a trained model; seconds: what its training took."""
    from atypeak_scale.model.files import load_model
    from atypeak_scale.model.network import parameters

    loaded = load_model(task.model)
    training, seed, size = loaded.training, task.config.training.seed, parameters(loaded.network)
    assert training is not None
    if task.placements is not None:
        scores = open_scores(task.cell_line, task.model, crumbs=0.0)
        validation = training.kept_validation_loss
        power = sampled_power(scores, task.placements)
        return PowerTrial(
            seed, training.kept_loss, float("nan") if validation is None else validation, training.epochs,
            size, seconds, power,
        )  # fmt: skip
    # Kept beside the model: tasks of one search then share no group, and the store is only read.
    scores = open_scores(task.cell_line, task.model, results=join(task.folder, f"{task.seed}.zarr"))
    total = qscore(scores, task.config.normalization, executor=InProcess(listener()))["total"].item()
    return Trial(seed, training.kept_loss, training.epochs, size, seconds, total)


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
