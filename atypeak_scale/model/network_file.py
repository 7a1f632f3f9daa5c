"""The network of a model as a Keras file, which may come from a stranger."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atypeak_scale.errors import InputError, quoted
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target

if TYPE_CHECKING:
    from atypeak_scale.keras_backend import keras

ARCHITECTURE = "config.json"  # in the archive
LARGEST_ARCHITECTURE = 1_000_000  # bytes; ours have some 10 KB
# All that our networks are made of. Anything else in a file could run code while it is loaded.
CLASSES = {
    "DTypePolicy", "Dense", "Dropout", "Functional", "GlorotUniform", "InputLayer", "L2", "Reshape", "Zeros",
    "__keras_tensor__",
    "DeepConvolution", "FirstViewConvolution", "SecondViewConvolution", "SourceConvolution",  # layers.py
}  # fmt: skip
ACTIVATIONS = {"relu", "linear"}


def check_network(file: Path, name: Location) -> None:
    """Look at what a network is made of, without TensorFlow; `name` is what messages call the file.

    Raises
    ------
    InputError
        If the file is damaged, or holds what no network of this program holds.

    """
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.getinfo(ARCHITECTURE).file_size > LARGEST_ARCHITECTURE:
                raise _damaged(name)
            architecture = json.loads(archive.read(ARCHITECTURE))
        foreign = next(_foreign(architecture), None)
    except InputError:
        raise
    except Exception:
        raise _damaged(name) from None
    if foreign is not None:
        raise InputError(
            f"{name}: holds {quoted(foreign)}, which no network of this program has; train the model again"
        )


def check_saved(network: Location) -> None:
    """Do the same with the file of a network at a location; raise InputError if there is none."""
    if not target(network).exists():
        raise InputError(f"{network}: cannot be loaded: no such file")
    with target(network).local_copy() as file:
        check_network(file, network)


def load_network(file: Path, name: Location) -> "keras.Model":
    """Load a network that `check_network` takes; nothing of any other is run.

    Raises
    ------
    InputError
        As `check_network`.

    """
    from atypeak_scale.keras_backend import keras
    from atypeak_scale.model import layers  # noqa: F401 registers our layers

    check_network(file, name)
    try:
        return keras.models.load_model(file, compile=False)
    except Exception:
        raise _damaged(name) from None


def _damaged(name: Location) -> InputError:
    return InputError(f"{name}: is damaged, or not a network of this program; train the model again")


def _foreign(part: Any) -> Iterator[str]:
    """Yield the classes and activations in a part of an architecture that are none of ours."""
    if isinstance(part, dict):
        for what, ours in (("class_name", CLASSES), ("activation", ACTIVATIONS)):
            found = part.get(what)
            if what in part and not (isinstance(found, str) and found in ours):
                yield str(found)
    for inside in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _foreign(inside)
