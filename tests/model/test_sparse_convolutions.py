import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import ModelSettings
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.sparse_convolutions import SparseConvolutions
from atypeak_scale.store.stream import crumb_matrix


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.7]), st.integers(0, 10**6))
def test_sparse_convolutions__equals_the_layers_and_their_gradients(
    m: int, n: int, crumbs: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    network = build_autoencoder(32, m, n, ModelSettings(kernel_width=8, filters=3, deep_dimension=2), seed)
    for weight in network.trainable_variables[:4]:
        weight.assign(rng.normal(size=weight.shape))
    layers = keras.Model(network.input, network.get_layer("second_view").output)
    every = [(i, j) for i in range(m) for j in range(n)]
    cells = [every[c] for c in rng.permutation(len(every))[: rng.integers(1, len(every) + 1)]]
    occupancy = (rng.random((5, 32, len(cells))) < rng.choice([0.0, 0.1, 0.5])).astype(np.float32)
    occupancy[1] = 0
    convolutions = SparseConvolutions(network, cells, crumbs)
    windows = (occupancy @ crumb_matrix(cells, (m, n), crumbs)).reshape(5, 32, m, n)
    target = rng.normal(size=(5, 16, 3)).astype(np.float32)
    results = []
    for compute in (
        lambda: convolutions(tf.constant(occupancy)),
        lambda: layers(tf.constant(windows)),
    ):
        with tf.GradientTape() as tape:
            signal = compute()
            loss = tf.reduce_sum(signal * target)
        gradients = tape.gradient(loss, [w.value for w in network.trainable_variables[:4]])
        results.append([signal, *gradients])
    for ours, expected in zip(*results, strict=True):
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=2e-5 * scale)


def test_sparse_convolutions__in_mixed_precision_is_near() -> None:
    rng = np.random.default_rng(1)
    sizes = ModelSettings(filters=4, deep_dimension=4)
    network = build_autoencoder(80, 3, 2, sizes, 1)
    mixed = build_autoencoder(80, 3, 2, sizes, 1, "mixed_bfloat16")
    cells = [(0, 0), (1, 1), (2, 1)]
    occupancy = tf.constant((rng.random((4, 80, 3)) < 0.2).astype(np.float32))
    expected = SparseConvolutions(network, cells, 0.1)(occupancy).numpy()
    ours = SparseConvolutions(mixed, cells, 0.1)(occupancy)
    assert ours.dtype == tf.bfloat16
    assert np.abs(tf.cast(ours, tf.float32).numpy() - expected).max() == pytest.approx(
        0, abs=0.03 * float(np.ptp(expected))
    )
