"""The loss of support against the plain Keras network and TensorFlow's cross-entropy; its masks."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import Config, for_support, parse_config
from atypeak_scale.model.training.support_training import SupportTraining
from atypeak_scale.store.stream import unpack


def config_of(training_seed: int = 1, **support: object) -> Config:
    sizes = {"kernel_width": 4, "filters": 3, "deep_dimension": 5, "batch_windows": 4, **support}
    values = {"cell_line": "cell", "support": sizes, "training": {"seed": training_seed}}
    return for_support(parse_config(values, "test"))


def random_cells(rng: np.random.Generator, m: int, n: int) -> list[tuple[int, int]]:
    every = [(i, j) for i in range(m) for j in range(n)]
    return [every[c] for c in rng.permutation(len(every))[: rng.integers(1, len(every) + 1)]]


def packed_windows(rng: np.random.Generator, windows: int, sources: int) -> np.ndarray:
    return np.packbits(rng.random((windows, 16, sources)) < rng.choice([0.0, 0.1, 0.5]), axis=-1)


def randomize(training: SupportTraining, rng: np.random.Generator) -> None:
    """Give biases a part too."""
    for weight in training.autoencoder.trainable_variables:
        weight.assign(rng.normal(scale=0.4, size=weight.shape))


def expected_loss(
    training: SupportTraining, cells: list[tuple[int, int]], packed: np.ndarray, seen: np.ndarray,
    shape: tuple[int, int], empty: float,
) -> tf.Tensor:  # fmt: skip
    """Masked windows of all cells through the Keras network; cross-entropy of observed cells one by one.

    In a window, a masked source weighs 20 and one that is seen weighs 1.
    """
    windows = np.unpackbits(packed, axis=-1)[..., : len(cells)].astype(np.float32)
    windows = np.concatenate([windows, np.zeros_like(windows[:1])])
    tensor = np.zeros((*windows.shape[:2], *shape), np.float32)
    for w in range(len(packed)):
        for source, (i, j) in enumerate(cells):
            if seen[w, source]:
                tensor[w, :, i, j] = windows[w, :, source]
    log_odds = training.autoencoder(tensor, training=False)
    weights = [1.0] * len(packed) + [empty * len(packed)]
    of_sources = np.ones((len(windows), len(cells)))
    of_sources[: len(packed)][seen == 0] = 20
    of_sources /= of_sources.sum(axis=1, keepdims=True)
    losses = [
        weight
        * of_sources[w, s]
        * tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(windows[w, :, s], log_odds[w, :, i, j]))
        for w, weight in enumerate(weights)
        for s, (i, j) in enumerate(cells)
    ]
    return tf.add_n(losses) / sum(weights)


@settings(max_examples=12)
@given(st.integers(1, 3), st.integers(1, 3), st.sampled_from([0.0, 0.5, 3.0]), st.integers(0, 10**6))
def test_support_training__loss_and_gradients_are_those_of_the_plain_network(
    m: int, n: int, empty: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cells = random_cells(rng, m, n)
    packed = packed_windows(rng, 3, len(cells))
    training = SupportTraining(16, (m, n), cells, config_of(most_masked=0.9), empty, packed[:0])
    randomize(training, rng)
    seen = training.draw_seen(tf.constant(0), 3).numpy()
    variables = [weight.value for weight in training.autoencoder.trainable_variables]
    results = []
    for compute in (
        lambda: training.error(unpack(tf.constant(packed), len(cells))),
        lambda: expected_loss(training, cells, packed, seen, (m, n), empty),
    ):
        with tf.GradientTape() as tape:
            loss = compute()
        gradients = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        results.append([loss, *map(tf.convert_to_tensor, gradients)])
    for ours, expected in zip(*results, strict=True):
        scale = max(1e-2, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=5e-5 * scale)


def test_support_training__a_step_adds_l2_and_moves_as_adam_at_the_rate_of_its_number() -> None:
    rng = np.random.default_rng(3)
    cells = [(0, 0), (1, 2), (0, 1)]
    config = config_of(l2=0.02, epochs=2, batches_per_epoch=5, learning_rate=0.01)
    training = SupportTraining(16, (2, 3), cells, config, 0.5, np.zeros((0, 16, 1), np.uint8))
    packed = packed_windows(rng, 4, 3)
    kernels = [training.autoencoder.get_layer(name).kernel for name in ("first_view", "second_view")]
    squares = sum(float(tf.reduce_sum(kernel**2)) for kernel in kernels)
    error = float(training.error(unpack(tf.constant(packed), 3)))
    before = training.autoencoder.get_layer("sources").bias.numpy()
    assert float(training.step(tf.constant(packed))) == pytest.approx(error + 0.02 * squares, rel=1e-5)
    moved = np.abs(training.autoencoder.get_layer("sources").bias.numpy() - before)
    observed = [0 * 3 + 0, 1 * 3 + 2, 0 * 3 + 1]
    np.testing.assert_allclose(moved[observed], 0.01, rtol=1e-3)  # Adam's first step is the learning rate
    assert not np.delete(moved, observed).any()
    rates = []
    for _ in range(10):
        rates.append(float(training.optimizer.learning_rate))
        training.step(tf.constant(packed))
    cosine = [0.005 * (1 + np.cos(np.pi * min(step, 10) / 10)) for step in range(1, 11)]
    np.testing.assert_allclose(rates, cosine, atol=1e-7)


def test_draw_seen__masks_whole_sources_at_uniform_rates_of_the_windows() -> None:
    cells = [(i, j) for i in range(20) for j in range(20)]
    config = config_of(most_masked=0.6, filters=1, deep_dimension=1)
    training = SupportTraining(16, (20, 20), cells, config, 0.0, np.zeros((0, 16, 50), np.uint8))
    seen = training.draw_seen(tf.constant(7), 3000).numpy()
    assert set(np.unique(seen)) == {0.0, 1.0}
    rates = np.sort(1 - seen.mean(axis=1))
    # of 400 sources each rate is known to about 0.025
    uniform = (np.arange(3000) + 0.5) / 3000 * 0.6
    assert np.abs(rates - uniform).max() < 0.08
    assert np.abs(rates - uniform).mean() < 0.01
    by_source = 1 - seen.mean(axis=0)
    assert np.abs(by_source - 0.3).max() < 6 * np.sqrt(0.3 * 0.7 / 3000)


def test_draw_seen__follows_from_seed_and_number() -> None:
    def drawn(number: int, **settings: int) -> np.ndarray:
        cells = [(0, j) for j in range(30)]
        training = SupportTraining(
            16, (1, 30), cells, config_of(**settings), 0.0, np.zeros((0, 16, 4), np.uint8)
        )
        return np.asarray(training.draw_seen(tf.constant(number), 20))

    assert np.array_equal(drawn(4), drawn(4))
    assert not np.array_equal(drawn(4), drawn(5))
    assert not np.array_equal(drawn(4), drawn(-1))
    assert not np.array_equal(drawn(4), drawn(4, training_seed=2))


def test_support_training__each_step_masks_anew_and_again_the_same() -> None:
    packed = tf.constant(np.full((3, 16, 1), 0b11110000, np.uint8))
    config = config_of(learning_rate=1e-9)
    losses = []
    for _ in range(2):
        training = SupportTraining(
            16, (2, 2), [(0, 0), (0, 1), (1, 0), (1, 1)], config, 0.0, np.zeros((0, 16, 1), np.uint8)
        )
        randomize(training, np.random.default_rng(1))
        step = tf.function(training.step)
        losses.append([float(step(packed)) for _ in range(4)])
    assert len({round(loss, 4) for loss in losses[0]}) == 4
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@pytest.mark.parametrize("windows", [1, 4, 7])
def test_support_training__validation_is_the_loss_of_the_kept_out_windows(windows: int) -> None:
    """Also with a last batch that is smaller than the others."""
    rng = np.random.default_rng(windows)
    cells = [(0, 1), (1, 0), (1, 1)]
    kept_out = np.packbits(rng.random((windows, 16, 3)) < 0.3, axis=-1)
    training = SupportTraining(16, (2, 2), cells, config_of(most_masked=0.9), 1.7, kept_out)
    randomize(training, rng)
    seen = training.draw_seen(tf.constant(-1), windows).numpy()
    expected = expected_loss(training, cells, kept_out, seen, (2, 2), 1.7)
    assert training.validation_loss() == pytest.approx(float(expected), rel=1e-5)
    assert training.validation_loss() == pytest.approx(float(expected), rel=1e-5)


def test_support_training__without_kept_out_windows_there_is_no_validation_loss() -> None:
    training = SupportTraining(16, (1, 1), [(0, 0)], config_of(), 1.0, np.zeros((0, 16, 1), np.uint8))
    assert np.isnan(training.validation_loss())


def test_step__of_observed_cells_moves_their_filters_as_that_of_all_does() -> None:
    rng = np.random.default_rng(3)
    cells = [(2, 0), (0, 1), (1, 3)]
    packed = np.packbits(rng.random((4, 16, 3)) < 0.2, axis=-1)
    config = config_of()
    networks = []
    for choice in ("all", "observed"):
        sizes = config.model.model_copy(update={"cells": choice})
        training = SupportTraining(
            16, (3, 4), cells, config.model_copy(update={"model": sizes}), 0.5, packed[:0]
        )
        losses = [float(training.step(tf.constant(packed))) for _ in range(3)]
        networks.append((losses, training.autoencoder.get_weights()))
    (losses, (*whole, kernel, bias)), (same, (*others, of_cells, bias_of_cells)) = networks
    assert same == pytest.approx(losses, rel=1e-6)
    numbers = sorted(i * 4 + j for i, j in cells)
    for ours, expected in zip(
        (*others, of_cells, bias_of_cells), (*whole, kernel[..., numbers], bias[numbers]), strict=True
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-6)
