"""What a model folder says of itself, readable without loading TensorFlow."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import Location, join, read_text

NETWORK, CONFIG, HISTORY, DESCRIPTION = "model.keras", "config.yaml", "history.csv", "model.json"
KEYS = {"fingerprint", "views", "training", "store"}
# Why a training ended.
SETTLED, LOW, LAST, INTERRUPTED = "settled", "stop_at_loss", "max_epochs", "interrupted"


def describe_model(folder: Location) -> dict[str, Any]:
    """Read model.json, without loading the network.

    Raises
    ------
    InputError
        Where the folder is not a model, or cannot be reached.

    """
    try:
        description: Any = json.loads(read_text(join(folder, DESCRIPTION)))
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
    """Refuse, by name, a store with labels or a frame that the model does not know (SPEC 7.6).

    The order of labels does not matter. Nor need a store have them all: other regions may hold no peak of a
    rare label, and windows in which its cells are empty are windows that the model knows.
    Frames: (frame, bin) in bp.
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
                f"{store}: its labels of view {view!r} are not all among those that the model was trained on "
                f"({only}); train a model on this store, or build it with the model's selection"
            )


def absent_labels(
    of_model: Mapping[str, Sequence[str]], of_store: tuple[Sequence[str], Sequence[str]]
) -> dict[str, list[str]]:
    """Return, for each view that has some, the labels of the model without a peak in the store."""
    absent = {
        view: sorted(set(known) - set(found))
        for (view, known), found in zip(of_model.items(), of_store, strict=True)
    }
    return {view: labels for view, labels in absent.items() if labels}
