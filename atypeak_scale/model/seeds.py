"""Train the same configuration with several seeds, each a task of its own (method, section 3.4)."""

import re
from typing import Any

from atypeak_scale.config import Config, with_seed
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
from atypeak_scale.model.description import DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.storage.locations import Location, absolute, join
from atypeak_scale.storage.targets import target

MEMBER = re.compile(r"seed-(\d+)")
TRAINING_BYTES = 2_000_000_000  # what a worker needs for one training at the sizes of the article, about


def train_seeds(
    store: Location,
    config: Config,
    seeds: int,
    folder: Location,
    cluster: Cluster = IN_PROCESS,
    progress: Progress = no_progress,
) -> list[Location]:
    """Train several models that differ only in their seed, one a task (method, section 3.4).

    Each is written whole or not at all. Those that are there already are kept, so that a run that was stopped
    goes on with the missing ones.

    Parameters
    ----------
    store : str or Path
        Store of the cell line.
    config : Config
        Settings; its seed is the first.
    seeds : int
        How many models.
    folder : str or Path
        Seed N goes to `folder`/seed-N.
    cluster : Cluster
        Where they are trained.
    progress : function
        Told of the models done, and of their epochs if they are trained in this process.

    Returns
    -------
    list of str or Path
        The folders of the models.

    Raises
    ------
    InputError
        If a folder of that name holds anything but a finished model.

    """
    parent = absolute(folder)
    numbers = range(config.training.seed, config.training.seed + seeds)
    folders = {number: join(parent, f"seed-{number}") for number in numbers}
    missing = [(number, path) for number, path in folders.items() if is_trained(path) is None]
    listener = None if cluster.is_elsewhere else progress
    blocks = [(absolute(store), with_seed(config, n), path, listener) for n, path in missing]
    with connect(cluster, progress, TRAINING_BYTES) as client:
        for _ in run_blocks(_train, blocks, client, stage="seeds", progress=progress):
            pass
    return list(folders.values())


def members_of(folder: Location) -> list[Location]:
    """Return the models in a folder that `train_seeds` made.

    Parameters
    ----------
    folder : str or Path
        Any folder.

    Returns
    -------
    list of str or Path
        Their folders, by seed; none if the folder is anything else.

    """
    names = target(folder).names()
    if DESCRIPTION in names:
        return []
    return [join(folder, name) for name in sorted(filter(MEMBER.fullmatch, names), key=_seed)]


def _seed(name: str) -> int:
    return int(name.rpartition("-")[2])


def is_trained(folder: Location) -> dict[str, Any] | None:
    """Look for a model that was trained to its end.

    Parameters
    ----------
    folder : str or Path
        Where it may be.

    Returns
    -------
    dict or None
        What the model says of itself, as `describe_model` returns it; None if nothing is there.

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
        raise InputError(f"{folder}: is not a model that was trained to its end; remove it")
    return description


def _train(store: Location, config: Config, folder: Location, progress: Progress | None) -> int:
    """Train one seed; returns its number of epochs."""
    limit_threads()
    from atypeak_scale.model.training.train import train_and_save

    # One that was interrupted is not kept, so that it is trained again.
    return train_and_save(store, config, folder, progress or no_progress, keep_interrupted=False).epochs
