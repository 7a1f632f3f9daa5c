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


def check_labels(
    of_model: Mapping[str, Sequence[str]],
    model_frame: tuple[int, int],
    of_store: tuple[Sequence[str], Sequence[str]],
    store_frame: tuple[int, int],
    store: str,
) -> None:
    """Refuse a store with labels or a frame that the model does not know, and name them (method, section
    7.6).

    The order of labels does not matter, and a store need not have them all. Other regions may hold no peak of
    a rare label, and the model knows windows in which the cells of that label are empty.

    Parameters
    ----------
    of_model : mapping of str to sequence of str
        Labels of the model by view.
    model_frame, store_frame : (int, int)
        Frame and bin, in bp.
    of_store : two sequences of str
        Labels of the store's views.
    store : str
        Name of the store for the message.

    Raises
    ------
    InputError
        If the frames differ, or a label of the store is unknown to the model.

    """
    if model_frame != store_frame:
        has, wants = (f"{frame} bp in bins of {bin_} bp" for frame, bin_ in (store_frame, model_frame))
        raise InputError(f"{store}: has frames of {has}; the model was trained on {wants}")
    for (view, known), found in zip(of_model.items(), of_store, strict=True):
        unknown, absent = sorted(set(found) - set(known)), sorted(set(known) - set(found))
        if unknown:
            only = f"only in the store: {', '.join(unknown)}"
            only += f"; only in the model: {', '.join(absent)}" if absent else ""
            raise InputError(
                f"{store}: not all its labels of view {view!r} are among those the model was trained on "
                f"({only}); train a model on this store, or build it with the model's selection"
            )


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
