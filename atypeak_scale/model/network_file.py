"""The network of a model as a Keras file, which may come from a stranger."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from atypeak_scale.errors import InputError, quoted
from atypeak_scale.model import layers
from atypeak_scale.model.keras_backend import keras
from atypeak_scale.storage.locations import Location

ARCHITECTURE = "config.json"  # in the archive
LARGEST_ARCHITECTURE = 1_000_000  # bytes; ours have some 10 KB
# All that our networks are made of. Anything else in a file could run code while it is loaded.
CLASSES = {
    "DTypePolicy", "Dense", "Dropout", "Functional", "GlorotUniform", "InputLayer", "L2", "Reshape", "Zeros",
    "__keras_tensor__",
    *(one.__name__ for one in (
        layers.DeepConvolution, layers.FirstViewConvolution, layers.SecondViewConvolution,
        layers.SourceConvolution,
    )),
}  # fmt: skip
ACTIVATIONS = {"relu", "linear"}


def load_network(file: Path, name: Location) -> keras.Model:
    """Load a network; `name` is what messages call the file.

    Raises
    ------
    InputError
        If the file is damaged, or holds what no network of this program holds. Nothing of it was run then.

    """
    damaged = InputError(f"{name}: is damaged, or not a network of this program; train the model again")
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(ARCHITECTURE).file_size > LARGEST_ARCHITECTURE:
                raise damaged
            architecture = json.loads(archive.read(ARCHITECTURE))
        foreign = next(_foreign(architecture), None)
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile):
        raise damaged from None
    if foreign is not None:
        raise InputError(
            f"{name}: holds {quoted(foreign)}, which no network of this program has; train the model again"
        )
    try:
        return keras.models.load_model(file, compile=False)
    except Exception:
        raise damaged from None


def _foreign(part: Any) -> Iterator[str]:
    """Yield the classes and activations in a part of an architecture that are none of ours."""
    if isinstance(part, dict):
        for what, ours in (("class_name", CLASSES), ("activation", ACTIVATIONS)):
            found = part.get(what)
            if what in part and not (isinstance(found, str) and found in ours):
                yield str(found)
    for inside in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _foreign(inside)
