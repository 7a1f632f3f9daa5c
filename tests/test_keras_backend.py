"""Settings of Keras in the environment change neither our networks nor the process that uses them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, os, sys
before = dict(os.environ)
from atypeak_scale.config import load_config
from atypeak_scale.model.network import build_autoencoder, weight_arrays
import numpy as np
sizes = {"kernel_width": 4, "filters": 3, "deep_dimension": 5}
settings = load_config("artificial").model.model_copy(update=sizes)
network = build_autoencoder(16, 2, 3, settings, 1)
window = (np.arange(96).reshape(1, 16, 2, 3) % 5 == 0).astype(np.float32)
rebuilt = np.asarray(network(window)), np.asarray(network.predict(window, verbose=0))
arrays = [*weight_arrays(network), *rebuilt]
assert {array.dtype.name for array in arrays} == {"float32"}
print(hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest())
assert os.environ.get("KERAS_BACKEND") == before.get("KERAS_BACKEND")
import keras
print(keras.config.backend(), keras.config.floatx())
"""


def built(folder: Path, settings: dict[str, object], **environment: str) -> list[str]:
    """Return the hash of a network's weights and output, and what Keras says, in another process."""
    (folder / "keras.json").write_text(json.dumps(settings))
    asked = {**os.environ, "KERAS_HOME": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split()


def test_keras_backend__the_environment_changes_nothing(tmp_path: Path) -> None:
    plain = built(tmp_path, {})
    assert plain[1:] == ["tensorflow", "float32"]
    strange = {"backend": "jax", "floatx": "float16", "image_data_format": "channels_first", "epsilon": 0.1}
    found = built(tmp_path, strange, KERAS_BACKEND="theano")
    assert found == [plain[0], "tensorflow", "float16"]  # floatx stays the user's


def test_keras_backend__another_one_in_this_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from atypeak_scale import keras_backend
    from atypeak_scale.errors import InputError

    keras_backend._refuse_other_backend()  # the right one
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(InputError, match="imported with the backend 'jax'; this program needs tensorflow"):
        keras_backend._refuse_other_backend()


def test_own_settings__are_put_back() -> None:
    import keras

    from atypeak_scale.keras_backend import own_settings

    before = keras.config.floatx()
    keras.config.set_floatx("float16")
    try:
        with pytest.raises(ZeroDivisionError), own_settings():
            assert keras.Variable(1.0).dtype == "float32"
            raise ZeroDivisionError
        assert keras.config.floatx() == "float16"
    finally:
        keras.config.set_floatx(before)
