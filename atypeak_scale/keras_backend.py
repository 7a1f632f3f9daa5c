"""TensorFlow and Keras with the backend that this package needs, whatever the environment asks for.

Import `keras` and `tf` from here: TensorFlow imports Keras too. The other settings of Keras belong to the
user: layers name dtype and format themselves, and training borrows them (`own_settings`).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

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
    import tensorflow as tf
else:
    _before = os.environ.get(BACKEND)
    os.environ[BACKEND] = "tensorflow"
    try:
        import tensorflow as tf  # isort: skip
        import keras
    finally:
        if _before is None:
            del os.environ[BACKEND]
        else:
            os.environ[BACKEND] = _before

__all__ = ["keras", "own_settings", "tf"]


@contextmanager
def own_settings() -> Iterator[None]:
    """Let Keras make float32 variables, as optimizers do without being asked, while the block runs."""
    floatx = keras.config.floatx()
    keras.config.set_floatx("float32")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
