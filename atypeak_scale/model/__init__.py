"""The autoencoder: layers, training, files, and inference on windows.

The functions for models as objects are public; they are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atypeak_scale.model.files import load_model, model_from_arrays, save_model
    from atypeak_scale.model.seeds import train_seeds

_MODULES = {
    "load_model": "files",
    "model_from_arrays": "files",
    "save_model": "files",
    "train_seeds": "seeds",
}

__all__ = ["load_model", "model_from_arrays", "save_model", "train_seeds"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
