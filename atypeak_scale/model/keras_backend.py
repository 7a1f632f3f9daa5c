"""Keras with the backend that this package needs, whatever the environment asks for.

Import `keras` from here. Its other settings (`floatx`, `image_data_format`) belong to the user: layers name
dtype and format themselves.
"""

import os
import sys

from atypeak_scale.errors import InputError

BACKEND = "KERAS_BACKEND"


def _refuse_other_backend() -> None:
    """Raise InputError if this process has imported Keras with another backend, which cannot be changed."""
    import keras

    found = keras.config.backend()
    if found != "tensorflow":
        raise InputError(
            f"Keras was imported with the backend {found!r}; this program needs tensorflow: set {BACKEND} to "
            "tensorflow before Keras is imported"
        )


if "keras" in sys.modules:
    _refuse_other_backend()
    import keras
else:
    _before = os.environ.get(BACKEND)
    os.environ[BACKEND] = "tensorflow"
    try:
        import keras
    finally:
        if _before is None:
            del os.environ[BACKEND]
        else:
            os.environ[BACKEND] = _before

__all__ = ["keras"]
