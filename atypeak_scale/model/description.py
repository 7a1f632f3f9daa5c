"""What a model folder says about itself, readable without TensorFlow."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.storage.targets import target

NETWORK, CONFIG, HISTORY, DESCRIPTION = "model.keras", "config.yaml", "history.csv", "model.json"
KEYS = {"fingerprint", "views", "training", "store"}
# Why training ended.
SETTLED, LOW, LAST, INTERRUPTED = "settled", "stop_at_loss", "max_epochs", "interrupted"


def describe_model(folder: Location) -> dict[str, Any]:
    """Read what a model says about itself, without loading the network.

    Parameters
    ----------
    folder : str or Path
        The model.

    Returns
    -------
    dict
        What model.json holds: `fingerprint`, `views` (labels by view), `training`, `store`, `versions`.

    Raises
    ------
    InputError
        If the folder is not a model, or cannot be reached.

    """
    try:
        description: Any = json.loads(target(join(folder, DESCRIPTION)).read_text())
    except (OSError, ValueError):
        description = None
    if not (isinstance(description, dict) and description.keys() >= KEYS and len(description["views"]) == 2):
        raise InputError(f"{folder}: not a trained model; make one with 'atypeak-scale train'")
    return description


def knows(description: Mapping[str, Any], source: tuple[str, str]) -> bool:
    """Return whether a model knows a source, by both its labels.

    Parameters
    ----------
    description : mapping
        What `describe_model` returns.
    source : (str, str)
        First and second label.

    Returns
    -------
    bool
        False as well if the last layer has filters for other sources alone (method, section 3.6).

    """
    first, second = description["views"].values()
    if source[0] not in first or source[1] not in second:
        return False
    cells = description.get("cells")
    return cells is None or first.index(source[0]) * len(second) + second.index(source[1]) in cells


def check_frame(model_frame: tuple[int, int], store_frame: tuple[int, int], store: str) -> None:
    """Raise InputError if a store has another frame than the model; (frame, bin) in bp."""
    if model_frame != store_frame:
        has, wants = (f"{frame} bp in bins of {bin_} bp" for frame, bin_ in (store_frame, model_frame))
        raise InputError(f"{store}: has frames of {has}; the model was trained on {wants}")


def absent_labels(
    of_model: Mapping[str, Sequence[str]], of_store: tuple[Sequence[str], Sequence[str]]
) -> dict[str, list[str]]:
    """Return the labels of the model without a peak in the store.

    Parameters
    ----------
    of_model : mapping of str to sequence of str
        Labels of the model by view.
    of_store : two sequences of str
        Labels of the store's views.

    Returns
    -------
    dict of str to list of str
        The sorted labels, for each view that has such labels.

    """
    absent = {
        view: sorted(set(known) - set(found))
        for (view, known), found in zip(of_model.items(), of_store, strict=True)
    }
    return {view: labels for view, labels in absent.items() if labels}
