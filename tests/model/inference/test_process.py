from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from model.random_models import random_model, random_windows

from atypeak_scale.errors import InputError
from atypeak_scale.model.files import load_model, save_model
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.process import process_engine


@pytest.fixture(autouse=True)
def _forget_engines() -> Iterator[None]:
    process_engine.cache_clear()
    yield
    process_engine.cache_clear()


def test_process_engine__is_that_of_the_model_and_made_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    _, model, pairs = random_model(rng, 80, 2, 3, 20, 3, 4)
    folder, sources = save_model(model, tmp_path / "m"), tuple(pairs)
    labels = model.labels[0][::-1], model.labels[1]
    engine = process_engine(folder, model.fingerprint(), labels, sources, 0.1, "float32")
    assert engine.labels == labels
    occupancy = random_windows(rng, 6, 80, len(sources))
    expected = Engine(load_model(folder), labels, sources, 0.1)
    for (_, ours), (_, one) in zip(engine.ratios(occupancy), expected.ratios(occupancy), strict=True):
        np.testing.assert_array_equal(ours[occupancy], one[occupancy])
    assert process_engine(folder, model.fingerprint(), labels, sources, 0.1, "float32") is engine
    other = process_engine(folder, model.fingerprint(), labels, sources, 0.0, "float32")
    assert other is not engine
    # Only the last is kept: models are large.
    assert process_engine(folder, model.fingerprint(), labels, sources, 0.1, "float32") is not engine


def test_process_engine__refuses_a_model_that_changed(tmp_path: Path) -> None:
    _, model, sources = random_model(np.random.default_rng(2), 80, 2, 2, 20, 3, 4)
    folder = save_model(model, tmp_path / "m")
    with pytest.raises(InputError, match=r"m: the model changed while it was in use; run the command again$"):
        process_engine(folder, "0" * 64, model.labels, tuple(sources), 0.0, "float32")
