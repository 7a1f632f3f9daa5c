"""Train the same configuration with several seeds, each a task of its own (SPEC 3.4)."""

import re
from typing import TYPE_CHECKING, Any

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
from atypeak_scale.storage.locations import Location, absolute, is_there, join, names_in, refuse_existing

if TYPE_CHECKING:
    from atypeak_scale.model.files import Training

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
    """Train `seeds` models, from the seed of the configuration upwards, one a task.

    Each is written to `folder`/seed-N, whole or not at all; those that are there already are kept, so that a
    run that was stopped goes on with the missing ones. Returns the folders.

    Raises
    ------
    InputError
        Where a folder of that name holds something else than a finished model of this seed.

    """
    place = absolute(folder)
    numbers = range(config.training.seed, config.training.seed + seeds)
    folders = {number: join(place, f"seed-{number}") for number in numbers}
    missing = [(number, path) for number, path in folders.items() if is_trained(path) is None]
    listener = None if cluster.is_elsewhere else progress  # epochs are told of here only
    blocks = [(absolute(store), with_seed(config, n), path, listener) for n, path in missing]
    with connect(cluster, progress, TRAINING_BYTES) as client:
        for _ in run_blocks(_train, blocks, client, stage="seeds", progress=progress):
            pass
    return list(folders.values())


def members_of(folder: Location) -> list[Location]:
    """Return the models in a folder that `train_seeds` made, by seed; none where it is anything else."""
    names = names_in(folder)
    if DESCRIPTION in names:
        return []
    return [join(folder, name) for name in sorted(filter(MEMBER.fullmatch, names), key=_seed)]


def _seed(name: str) -> int:
    return int(name.rpartition("-")[2])


def is_trained(folder: Location) -> dict[str, Any] | None:
    """Return what a model that was trained to its end says of itself; None where nothing is there.

    Raises
    ------
    InputError
        Where something else is there.

    """
    if not is_there(folder, DESCRIPTION):
        return None
    description = describe_model(folder)
    training = description["training"]
    if training is None or training["stopped"] == INTERRUPTED:
        raise InputError(f"{folder}: is not a model that was trained to its end; remove it")
    return description


def _train(store: Location, config: Config, folder: Location, progress: Progress | None) -> int:
    """Train one seed; returns its number of epochs."""
    limit_threads()
    return train_to_the_end(store, config, folder, progress or no_progress).epochs


def train_to_the_end(store: Location, config: Config, folder: Location, progress: Progress) -> "Training":
    """Train and write one of several models; what Ctrl-C stopped is not kept, so that it is trained again."""
    refuse_existing(folder, last=DESCRIPTION)
    from atypeak_scale.model.files import save_model
    from atypeak_scale.model.training.train import train

    model = train(store, config, progress)
    assert model.training is not None
    if model.training.stopped == INTERRUPTED:
        raise KeyboardInterrupt
    save_model(model, folder)
    return model.training
