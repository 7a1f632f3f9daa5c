"""The decoder's products and last convolution against the layers of the network."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_model

from atypeak_scale.model.inference import decoder_weights
from atypeak_scale.model.inference.decoder_weights import DecoderWeights

K, BINS = 8, 32


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@settings(max_examples=10)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_rebuild__equals_the_last_layers_at_the_cells_asked_for(
    m: int, n: int, filters: int, deep: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    _, model, _ = random_model(rng, BINS, m, n, K, filters, deep)
    last = keras.Model(model.network.get_layer("decoded").output, model.network.get_layer("sources").output)
    decoded = rng.normal(size=(3, (BINS + 4 * K) // 4, filters)).astype(np.float32)
    expected = last(decoded).numpy()
    order = rng.permutation(m * n).tolist()
    few = order[: rng.integers(1, m * n + 1)]
    empty = np.zeros(filters, np.float32)
    given_order = DecoderWeights(model, empty, order, few, "float32")
    np.testing.assert_allclose(given_order.rebuild(decoded, False), expected[:, :, order], atol=1e-4)
    np.testing.assert_allclose(given_order.rebuild(decoded, True), expected[:, :, few], atol=1e-4)
    as_they_are = DecoderWeights(model, empty, None, few, "float32")
    np.testing.assert_allclose(as_they_are.rebuild(decoded, False), expected, atol=1e-4)


def test_products__equal_the_dense_layers_and_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    _, model, _ = random_model(rng, BINS, 2, 2, K, 3, 5)
    network = model.network
    dense = keras.Model(network.get_layer("second_view").output, network.get_layer("encoded").output)
    empty = rng.normal(size=3).astype(np.float32)
    signals = rng.normal(size=(11, 3)).astype(np.float32)
    padding = np.zeros(((BINS + 4 * K) // 4 - 12, 3), np.float32)
    encoded = dense(np.concatenate([signals, empty[None], padding])[None]).numpy()[0, :12]
    kernel = np.asarray(network.get_layer("decoded").kernel)[:, :, 0, 0]
    expected = np.einsum("sd,kdf->skf", encoded[:11] - encoded[11], kernel).reshape(11, -1)
    weights = DecoderWeights(model, empty, None, None, "float32")
    assert weights.product_width == K * 3
    np.testing.assert_allclose(weights.products(signals.__getitem__, 11), expected, atol=1e-4)
    monkeypatch.setattr(decoder_weights, "ROWS_AT_ONCE", 4)
    np.testing.assert_allclose(weights.products(signals.__getitem__, 11), expected, atol=1e-4)
    np.testing.assert_allclose(weights.products(signals.__getitem__, 5), expected[:5], atol=1e-4)


def test_decoded_empty__is_that_of_a_window_of_zeros() -> None:
    rng = np.random.default_rng(3)
    reference, model, _ = random_model(rng, BINS, 2, 3, K, 4, 5)
    weights = DecoderWeights(model, np.zeros(4, np.float32), None, None, "float32")
    expected = reference(np.zeros((1, BINS, 2, 3, 1), np.float32)).numpy().reshape(1, BINS, 6)
    np.testing.assert_allclose(weights.rebuild(weights.decoded_empty[None], False), expected, atol=1e-4)


def test_rebuild__bfloat16_is_near() -> None:
    rng = np.random.default_rng(4)
    _, model, _ = random_model(rng, BINS, 2, 2, K, 4, 5)
    decoded = rng.normal(size=(2, (BINS + 4 * K) // 4, 4)).astype(np.float32)
    exact, near = (
        DecoderWeights(model, np.zeros(4, np.float32), None, None, precision).rebuild(decoded, False)
        for precision in ("float32", "bfloat16")  # type: ignore[arg-type]
    )
    assert near.dtype == np.float32
    assert 0 < np.abs(near - exact).max() < 0.03 * np.ptp(exact)


def test_changes__are_of_the_layer_encoded() -> None:
    rng = np.random.default_rng(6)
    _, model, _ = random_model(rng, BINS, 2, 2, K, 3, 5)
    network = model.network
    dense = keras.Model(network.get_layer("second_view").output, network.get_layer("encoded").output)
    signals = rng.normal(size=((BINS + 4 * K) // 4, 3)).astype(np.float32)
    encoded = dense(signals[None]).numpy()[0]
    weights = DecoderWeights(model, signals[-1], None, None, "float32")
    np.testing.assert_allclose(weights.changes(signals), encoded - encoded[-1], atol=1e-5)
    np.testing.assert_array_equal(weights.changes(signals[-1:]), np.zeros((1, 5)))


@pytest.mark.parametrize(("k", "bins"), [(4, 48), (8, 96), (20, 80)])
def test_source_kernels__give_the_four_bins_of_a_position(k: int, bins: int) -> None:
    rng = np.random.default_rng(7)
    _, model, _ = random_model(rng, bins, 2, 3, k, 4, 5)
    decoded = rng.normal(size=((bins + 4 * k) // 4, 4)).astype(np.float32)
    weights = DecoderWeights(model, np.zeros(4, np.float32), None, [4, 1], "float32")
    expected = weights.rebuild(decoded[None], of_sources=True)[0]
    bias = np.asarray(model.network.get_layer("sources").bias)[[4, 1]]
    taps = len(weights.source_kernels)
    for four in range(bins // 4):
        seen = decoded[k // 2 + weights.first_tap + four :][:taps]
        ours = np.einsum("tf,tfrc->rc", seen, weights.source_kernels) + bias
        np.testing.assert_allclose(ours, expected[4 * four : 4 * four + 4], atol=1e-4)
