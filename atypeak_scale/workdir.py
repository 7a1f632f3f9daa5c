"""The folder of a run: what lies where in it."""

from collections.abc import Iterable

from atypeak_scale.config import Objective
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

STORE, EXPORTED, REPORT = "store.zarr", "scores", "report"
MODELS: dict[Objective, str] = {"article": "model", "support": "support-model"}
# The stages of a run, and what each does in the words of a user.
STAGES = {
    "build-store": "build the store from peaks and CRMs",
    "train": "train the network of the article",
    "score": "score every peak as the article does",
    "normalize": "normalize these scores",
    "train-support": "train the network of support",
    "support": "compare every peak with random placements",
    "export": "write the scored peaks as files",
    "report": "make the report",
}


def is_workdir(folder: Location) -> bool:
    """Return whether a folder or URL holds a store, as the folder of a run does."""
    return target(join(folder, STORE)).exists()


def store_of(workdir: Location) -> Location:
    """Return the store of a run.

    Raises
    ------
    InputError
        If there is none.

    """
    if not is_workdir(workdir):
        raise InputError(f"{workdir}: has no {STORE}, so it is no folder that 'run' made", argument="workdir")
    return join(workdir, STORE)


def models_of(workdir: Location, objectives: Iterable[Objective]) -> list[Location]:
    """Return the models of a run that exist, in the order of the objectives asked for."""
    folders = (join(workdir, MODELS[objective]) for objective in objectives)
    return [folder for folder in folders if target(folder).exists()]
