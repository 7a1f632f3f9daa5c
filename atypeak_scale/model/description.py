"""What a model folder says of itself, readable without loading TensorFlow."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from atypeak_scale.errors import InputError

NETWORK, CONFIG, HISTORY, DESCRIPTION = "model.keras", "config.yaml", "history.csv", "model.json"
KEYS = {"fingerprint", "views", "training", "store"}
# Why a training ended.
SETTLED, LOW, LAST, INTERRUPTED = "settled", "stop_at_loss", "max_epochs", "interrupted"


def describe_model(folder: str | Path) -> dict[str, Any]:
    """Read model.json, without loading the network.

    Raises
    ------
    InputError
        Where the folder is not a model.

    """
    try:
        description: Any = json.loads((Path(folder) / DESCRIPTION).read_text(encoding="utf-8"))
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
    """Refuse, by name, a store whose labels or frame are not those of the model, order aside (SPEC 7.6).

    Frames: (frame, bin) in bp.
    """
    if model_frame != store_frame:
        has, wants = (f"{frame} bp in bins of {bin_} bp" for frame, bin_ in (store_frame, model_frame))
        raise InputError(f"{store}: has frames of {has}; the model was trained on {wants}")
    for (view, known), found in zip(of_model.items(), of_store, strict=True):
        differences = (
            ("only in the store", sorted(set(found) - set(known))),
            ("only in the model", sorted(set(known) - set(found))),
        )
        if any(names for _, names in differences):
            parts = [f"{what}: {', '.join(names)}" for what, names in differences if names]
            raise InputError(
                f"{store}: its labels of view {view!r} are not those that the model was trained on "
                f"({'; '.join(parts)}); train a model on this store, or build it with the same selection"
            )
