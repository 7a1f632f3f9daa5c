"""Epochs and steps, with the article's training as the example."""

import numpy as np
import pytest
import tensorflow as tf

from atypeak_scale.config import Config, Objective, for_support, parse_config
from atypeak_scale.model.training import descent
from atypeak_scale.model.training.descent import Descent
from atypeak_scale.model.training.packed_training import PackedTraining
from atypeak_scale.model.training.support_training import SupportTraining


def test_descent__an_epoch_is_its_steps_one_by_one(config: Config) -> None:
    packed = np.random.default_rng(1).integers(0, 4, (11, 2, 320, 1)).astype(np.uint8) << 6
    at_once, one_by_one = (PackedTraining(320, (2, 2), [(0, 1), (1, 0)], config) for _ in range(2))
    batches = iter(tf.data.Dataset.from_tensor_slices(packed))
    loss = at_once.epoch(batches, 11)
    assert next(batches, None) is None
    assert loss == pytest.approx(np.mean([float(one_by_one.step(batch)) for batch in packed]), rel=1e-5)
    for ours, expected in zip(at_once.autoencoder.weights, one_by_one.autoencoder.weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("seconds, expected", [(0.0, list(range(1, 12))), (1e6, [1, 8, 11])])
def test_descent__tells_of_its_steps(
    config: Config, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: list[int]
) -> None:
    """Slow steps are taken one by one, quick ones many at once after the first; the numbers are the same."""
    monkeypatch.setattr(descent, "SECONDS_AT_ONCE", seconds)
    packed = np.random.default_rng(1).integers(0, 4, (11, 2, 320, 1)).astype(np.uint8) << 6
    told: list[tuple[int, int]] = []
    training = PackedTraining(320, (2, 2), [(0, 1), (1, 0)], config)
    loss = training.epoch(
        iter(tf.data.Dataset.from_tensor_slices(packed)), 11, lambda done, total: told.append((done, total))
    )
    assert told == [(done, 11) for done in expected]
    silent = PackedTraining(320, (2, 2), [(0, 1), (1, 0)], config)
    assert loss == pytest.approx(silent.epoch(iter(tf.data.Dataset.from_tensor_slices(packed)), 11), rel=1e-6)


@pytest.mark.parametrize("at_once", [1, 2, 4])
@pytest.mark.parametrize("objective", ["article", "support"])
def test_descent__parts_of_a_batch_add_up_to_the_batch(
    config: Config, objective: Objective, at_once: int
) -> None:
    """Without dropout, which is drawn anew for each part."""
    values = config.model_dump()
    values["training"] |= {"batch_windows": 5, "objective": objective}
    values["support"] |= {"batch_windows": 5}
    values["model"] |= {"dropout": 0.0}
    settings = parse_config(values, "test")
    if objective == "support":
        settings = for_support(settings)
        settings = settings.model_copy(update={"model": settings.model.model_copy(update={"dropout": 0.0})})
    packed = np.random.default_rng(1).integers(0, 4, (3, 5, 320, 1)).astype(np.uint8) << 6
    cells = [(0, 1), (1, 0)]

    def new() -> Descent:
        if objective == "support":
            return SupportTraining(320, (2, 2), cells, settings, 0.5, packed[0, :0])
        return PackedTraining(320, (2, 2), cells, settings)

    whole, cut = new(), new()
    cut.windows_at_once = at_once
    losses = [
        training.epoch(iter(tf.data.Dataset.from_tensor_slices(packed)), 3) for training in (whole, cut)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    for ours, expected in zip(cut.autoencoder.weights, whole.autoencoder.weights, strict=True):
        np.testing.assert_allclose(ours, expected, atol=2e-5)
