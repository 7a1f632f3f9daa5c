"""The model in the folder of a run: whether it is the one that the settings ask for, and training it."""

from typing import Any

from atypeak_scale.config import Config, for_support, load_config
from atypeak_scale.errors import InterruptedStageError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.model.halves import parts_of, with_trained_on
from atypeak_scale.model.places import place_of_model
from atypeak_scale.model.seeds import members_of, members_to_train, seed_number_of, train_seeds
from atypeak_scale.provenance import fingerprint
from atypeak_scale.storage.locations import Location, join, name_of
from atypeak_scale.storage.targets import target
from atypeak_scale.store.cell_line import CellLine


def is_trained_as(folder: Location, config: Config, cell_line: CellLine) -> bool:
    """Return whether a folder holds what settings ask for, trained to the end on the data.

    It may hold several seeds, the one asked for among them. Where `support.trained_on` is `auto`, each is one
    network, or two of halves.
    """
    data = fingerprint(cell_line.made_from)
    there = {str(name_of(member)): member for member in members_of(folder)}
    if not there:
        return len(parts_of(config)) == 1 and _is_one(folder, config, data)
    seeds = set(map(seed_number_of, there.values()))
    may_be_halves = config.training.objective == "support" and config.support.trained_on == "auto"
    for asked in [config, *([with_trained_on(config, "halves")] if may_be_halves else [])]:
        wanted = members_to_train(asked, seeds)
        if wanted.keys() == there.keys() and config.training.seed in seeds:
            return all(_is_one(there[name], one, data) for name, one in wanted.items())
    return False


def _made_by(config: Config) -> tuple[Any, ...]:
    """Return the settings that another model of support is made for.

    Not the number of placements, which every command that reads support can be told. A network is the same
    whether or not a run may go over to halves.
    """
    is_whole = config.support.trained_on == "auto"
    support = with_trained_on(config, "all").support if is_whole else config.support
    return support, config.model.cells, config.chance.folds, config.chance.seed


def _is_one(folder: Location, config: Config, data: str) -> bool:
    if not target(folder).is_there(DESCRIPTION):
        return False
    description, found = describe_model(folder), load_config(join(folder, CONFIG))
    is_support = config.training.objective == "support"
    wanted = for_support(config) if is_support else config
    if is_support and _made_by(found) != _made_by(wanted):
        return False
    return (
        description["store"] == data
        and description["training"]["stopped"] != INTERRUPTED
        and (found.model, found.training) == (wanted.model, wanted.training)
    )


def train_into(folder: Location, config: Config, cell_line: CellLine, executor: Executor) -> None:
    """Train in this process what settings ask for, and replace what a folder holds by it.

    Raises
    ------
    InterruptedStageError
        If Ctrl-C stopped the training of one network, whose weights so far are kept.

    """
    if len(parts_of(config)) > 1:
        with target(folder).replacing(last=DESCRIPTION) as new:
            train_seeds(cell_line, config, 1, new, InProcess(executor.progress, executor.process_bytes))
        return
    from atypeak_scale.model.files import save_model
    from atypeak_scale.model.training.train import train

    model = train(cell_line, config, executor=executor)
    training = model.training
    assert training is not None
    interrupted = training.stopped == INTERRUPTED
    place = place_of_model(folder, interrupted)
    with target(place).replacing(last=DESCRIPTION) as new:
        save_model(model, new)
    if interrupted:
        raise InterruptedStageError(
            f"training was interrupted; its weights so far (epoch {training.kept_epoch}, loss "
            f"{training.kept_loss:.6f}) are in {place}: use them with 'atypeak-scale score', "
            "or run the same command again to train to the end"
        )
