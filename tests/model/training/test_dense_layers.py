import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import ModelSettings
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.training import dense_layers
from atypeak_scale.model.training.dense_layers import DenseLayers


def network_of(filters: int, deep: int, dropout: float, seed: int) -> keras.Model:
    sizes = ModelSettings(kernel_width=4, filters=filters, deep_dimension=deep, dropout=dropout)
    network = build_autoencoder(16, 2, 2, sizes, seed)
    for weight in network.trainable_variables:
        weight.assign(np.random.default_rng(seed).normal(size=weight.shape))
    return network


@settings(max_examples=10)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_dense_layers__without_dropout_equals_the_layers_and_their_gradients(
    filters: int, deep: int, seed: int
) -> None:
    network = network_of(filters, deep, 0.0, seed)
    layers = keras.Model(network.get_layer("second_view").output, network.get_layer("encoded").output)
    signal = tf.constant(np.random.default_rng(seed).normal(size=(3, 8, filters)).astype(np.float32))
    weights = [weight.value for weight in network.trainable_variables[4:12]]
    results = []
    for compute in (DenseLayers(network), layers):
        with tf.GradientTape() as tape:
            tape.watch(signal)
            encoded = compute(signal)
            loss = tf.reduce_sum(encoded**2)
        results.append([encoded, *tape.gradient(loss, [signal, *weights])])
    for ours, expected in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=2e-5 * scale)


def test_dense_layers__with_dropout_equals_plain_formula_and_its_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network = network_of(3, 6, 0.25, 1)
    kept = [np.random.default_rng(number).random((40, 6)) > 0.25 for number in range(3)]
    given_masks = iter(kept)
    monkeypatch.setattr(dense_layers, "_drawn", lambda *_: (tf.constant(next(given_masks)), 1 / 0.75))
    signal = tf.constant(np.random.default_rng(5).normal(size=(5, 8, 3)).astype(np.float32))
    weights = [weight.value for weight in network.trainable_variables[4:12]]

    def plain(x: tf.Tensor) -> tf.Tensor:
        for number in range(4):
            kernel, bias = weights[2 * number : 2 * number + 2]
            x = tf.nn.relu(tf.einsum("wpc,cd->wpd", x, kernel) + bias)
            if number < 3:
                x = tf.where(kept[number].reshape(5, 8, 6), x / 0.75, 0.0)
        return x

    results = []
    for compute in (DenseLayers(network), plain):
        with tf.GradientTape() as tape:
            tape.watch(signal)
            tape.watch(weights)
            encoded = compute(signal)
            loss = tf.reduce_sum(tf.sin(encoded))
        results.append([encoded, *tape.gradient(loss, [signal, *weights])])
    for ours, expected in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=2e-5 * scale)


def test_dense_layers__gradients_of_many_rows_in_mixed_precision() -> None:
    sizes = ModelSettings(kernel_width=4, filters=32, deep_dimension=64, dropout=0.0)
    signal = tf.constant(np.random.default_rng(5).normal(size=(48, 100, 32)).astype(np.float32))
    results = []
    for precision in ("float32", "mixed_bfloat16"):
        network = build_autoencoder(16, 2, 2, sizes, 1, precision)
        compute = DenseLayers(network)
        weights = [weight.value for weight in network.trainable_variables[4:12]]
        with tf.GradientTape() as tape:
            encoded = compute(tf.cast(signal, network.get_layer("dense_1").compute_dtype))
            loss = tf.reduce_mean(tf.cast(encoded, tf.float32))
        results.append(tape.gradient(loss, weights))
    for expected, ours in zip(*results, strict=True):
        assert np.linalg.norm(ours - expected) < 0.03 * np.linalg.norm(expected)


def test_drawn__keeps_the_share_that_was_asked_for_anew_each_time() -> None:
    dropout = build_autoencoder(16, 2, 2, ModelSettings(kernel_width=4, dropout=0.1), 1).get_layer(
        "dropout_1"
    )
    one, scale = dense_layers._drawn(tf.constant(999), 301, dropout)
    other, _ = dense_layers._drawn(tf.constant(999), 301, dropout)
    assert one is not None
    assert other is not None
    assert scale == pytest.approx(1 / 0.9, rel=1e-5)
    share = one.numpy().mean()
    assert abs(share - 0.9) < 5 * np.sqrt(0.09 / (999 * 301))
    # Of two independent masks, as many agree as 0.9 and 0.1 squared say; rows and columns are alike.
    assert (one.numpy() == other.numpy()).mean() == pytest.approx(0.82, abs=0.01)
    assert one.numpy().mean(axis=0) == pytest.approx(0.9, abs=0.06)
    assert one.numpy().mean(axis=1) == pytest.approx(0.9, abs=0.12)


def test_drawn__keeps_some_at_the_highest_dropout() -> None:
    sizes = ModelSettings(kernel_width=4, dropout=np.nextafter(1.0, 0.0))
    dropout = build_autoencoder(16, 2, 2, sizes, 1).get_layer("dropout_1")
    kept, scale = dense_layers._drawn(tf.constant(1000), 1000, dropout)
    assert kept is not None
    assert scale == dense_layers.LEVELS
    assert 0 < kept.numpy().sum() < 100
