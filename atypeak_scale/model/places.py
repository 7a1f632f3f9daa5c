"""Where models lie: of which cell line a folder holds one, and where an interrupted one goes."""

from atypeak_scale.config import load_config
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED, describe_model
from atypeak_scale.model.seeds import members_of
from atypeak_scale.storage.locations import Location, beside, join, name_of
from atypeak_scale.storage.targets import target


def model_cell_line(folder: Location) -> str | None:
    """Return the cell line that the models of a folder were trained on, None if there is no model."""
    one = next(iter(members_of(folder)), folder)
    if not target(one).is_there(DESCRIPTION):
        return None
    return load_config(join(one, CONFIG)).cell_line


def place_of_model(folder: Location, interrupted: bool) -> Location:
    """Return where a new model goes: the folder, or beside it if it is interrupted and that one is finished.

    A finished model is worth more. Raises InputError if the folder holds something else.
    """
    finished = bool(members_of(folder))  # one that was interrupted is no member
    if not finished:
        if not target(folder).is_there(DESCRIPTION):
            return folder
        before = describe_model(folder)["training"]
        finished = before is not None and before["stopped"] != INTERRUPTED
    return beside(folder, f"{name_of(folder)}-interrupted") if interrupted and finished else folder
