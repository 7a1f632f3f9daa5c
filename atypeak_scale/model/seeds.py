"""Train the same configuration with several seeds, each as a separate task (method, section 3.4)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from atypeak_scale.config import Config, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import told_apart
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.model.halves import HALF, parts_of
from atypeak_scale.storage.locations import Location, absolute, join, name_of
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine

SEED = "seed-"  # before its number, in the name of a folder
MEMBER = re.compile(rf"{SEED}(\d+)({HALF}[12])?")
TRAINING_BYTES = 2_000_000_000  # roughly what a worker needs for one training at the article's sizes


@dataclass(frozen=True)
class SeedTask:
    """One training, the place for its model, and the bytes that it may take."""

    cell_line: CellLine
    config: Config
    folder: Location
    memory_limit: int | None = None


def train_seeds(
    cell_line: CellLine, config: Config, seeds: int, out: Location, executor: Executor | None = None
) -> list[Location]:
    """Train several models that differ only in their seed, one per task (method, section 3.4).

    Each is written whole or not at all. Models that exist are kept, so a run that was stopped continues with
    the missing ones.

    Parameters
    ----------
    cell_line
        The data.
    config
        Settings; their seed is the first one.
    seeds
        Number of models.
    out
        Folder or URL; seed N goes to `out`/seed-N, or to `out`/seed-N-half-1 and -half-2 for support that is
        trained on halves. The folder itself is an ensemble, which is a model too.
    executor
        Where to train; None means this process.

    Returns
    -------
    list of str or Path
        The folders of the models.

    Raises
    ------
    InputError
        If a folder of that name holds anything but a finished model, `out` is itself a model, or it holds
        networks of halves and others are asked for, or the reverse.

    """
    executor = executor or InProcess()
    parent = absolute(out)
    target(parent).refuse_unwritable()
    if DESCRIPTION in target(parent).names():
        raise InputError(f"{out}: is one model; name another folder for several")
    numbers = range(config.training.seed, config.training.seed + seeds)
    wanted = {join(parent, name): one for name, one in members_to_train(config, numbers).items()}
    _refuse_other_parts(out, wanted)
    missing = {folder: one for folder, one in wanted.items() if is_trained(folder) is None}
    executor.require(TRAINING_BYTES)
    limit = executor.process_bytes
    tasks = [SeedTask(cell_line, one, folder, limit) for folder, one in missing.items()]
    executor.run(train_task, tasks, "seeds")
    return list(wanted)


def _refuse_other_parts(out: Location, wanted: Iterable[Location]) -> None:
    """Raise InputError if a folder holds networks of halves, and others are to be trained, or the reverse."""
    asked, there = ({_is_of_half(one) for one in some} for some in (wanted, members_of(out)))
    if there - asked:
        what = "networks of halves of the CRMs" if True in there else "networks of all CRMs"
        raise InputError(f"{out}: holds {what}; name another folder")


def members_to_train(config: Config, seeds: Iterable[int]) -> dict[str, Config]:
    """Return the models of an ensemble: the name of the folder of each, and its settings."""
    return {
        f"{SEED}{seed}{half}": part
        for seed in seeds
        for half, part in parts_of(with_seed(config, seed)).items()
    }


def train_task(task: SeedTask) -> None:
    """Train and write one of several models; if Ctrl-C stops it, it is not kept and will be trained again."""
    target(task.folder).refuse_existing(last=DESCRIPTION)
    from atypeak_scale.model.files import save_model
    from atypeak_scale.model.training.train import fit

    with told_apart(name_of(task.folder)):
        model = fit(task.cell_line, task.config, task.memory_limit)
    assert model.training is not None
    if model.training.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    save_model(model, task.folder)


def members_of(folder: Location) -> list[Location]:
    """Return the models in a folder that `train_seeds` made.

    Parameters
    ----------
    folder : str or Path
        Any folder.

    Returns
    -------
    list of str or Path
        Their folders, by seed; empty if the folder is anything else.

    """
    names = target(folder).names()
    if DESCRIPTION in names:
        return []
    found = sorted(filter(None, map(MEMBER.fullmatch, names)), key=lambda match: (int(match[1]), match[0]))
    return [join(folder, match[0]) for match in found]


def seed_of(member: Location) -> str:
    """Return the name of a member's seed, such as seed-1, which both networks of halves share."""
    return str(name_of(member)).partition(HALF)[0]


def seed_number_of(member: Location) -> int:
    """Return the seed of a member, by the name of its folder."""
    return int(seed_of(member).removeprefix(SEED))


def _is_of_half(member: Location) -> bool:
    return HALF in str(name_of(member))


def is_trained(folder: Location) -> dict[str, Any] | None:
    """Look for a model that was trained to the end.

    Parameters
    ----------
    folder : str or Path
        Where it may be.

    Returns
    -------
    dict or None
        What the model says about itself, as `describe_model` returns it; None if nothing is there.

    Raises
    ------
    InputError
        If anything else is there.

    """
    if not target(folder).is_there(DESCRIPTION):
        return None
    description = describe_model(folder)
    training = description["training"]
    if training is None or training["stopped"] == INTERRUPTED:
        raise InputError(f"{folder}: is not a model that was trained to the end; remove it")
    return description
