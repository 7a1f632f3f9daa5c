"""Each layer against TensorFlow's own convolutions of the article's shapes, and against loops."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.model.layers import (
    DeepConvolution,
    FirstViewConvolution,
    SecondViewConvolution,
    SourceConvolution,
    pad_and_pool,
    phase_taps,
)


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@given(st.integers(1, 16).map(lambda quarter: 4 * quarter))
def test_phase_taps__equals_repeating_each_position_four_times(k: int) -> None:
    rng = np.random.default_rng(k)
    kernel, positions = rng.normal(size=k), rng.normal(size=3 * k)
    left = (k - 1) // 2
    repeated = np.pad(np.repeat(positions, 4), (left, k - 1 - left))
    expected = np.array([kernel @ repeated[x : x + k] for x in range(4 * len(positions))])
    phases, first = phase_taps(k)
    padded = np.pad(positions, 2 * k)
    for x, value in enumerate(expected):
        q, r = divmod(x, 4)
        start = 2 * k + q + first
        assert np.isclose(phases[r] @ kernel @ padded[start : start + phases.shape[1]], value)


@given(st.integers(1, 3), st.integers(1, 4), st.integers(0, 10**6))
def test_deep_convolution__gradients_are_those_of_tensorflow(channels: int, filters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = DeepConvolution(4, filters, 0.0, seed)
    x = tf.constant(rng.normal(size=(2, 9, channels)).astype(np.float32))
    layer(x)
    target = rng.normal(size=(2, 9, filters)).astype(np.float32)
    kernel = tf.reshape(layer.kernel, (4, channels, filters))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([x, kernel])
        ours = tf.reduce_sum(layer(x) * target)
        # The layer pads its 6 positions with 2 before and 1 behind.
        expected = tf.reduce_sum(tf.nn.conv1d(x, kernel, 1, "VALID") * target[:, 2:-1])
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(expected, x), atol=1e-5)
    of_layer = tf.reshape(tape.gradient(ours, layer.kernel.value), kernel.shape)
    np.testing.assert_allclose(of_layer, tape.gradient(expected, kernel), atol=1e-5)


def filled(
    layer: keras.layers.Layer, x: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Build a layer, give it random weights and return them."""
    layer(x)
    kernel, bias = (rng.normal(size=w.shape).astype(np.float32) for w in (layer.kernel, layer.bias))
    layer.set_weights([kernel, bias])
    return kernel, bias


def by_three_dimensions(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve (windows, bins, m, n, in) as the article does."""
    convolved: np.ndarray = tf.nn.conv3d(x, kernel, [1, 1, 1, 1, 1], "VALID").numpy() + bias
    return convolved


def pooled(x: np.ndarray, before: int, after: int) -> np.ndarray:
    """Pad the bins, second axis, with zeros, and take the larger of each two."""
    padded = np.pad(x, [(0, 0), (before, after), *[(0, 0)] * (x.ndim - 2)])
    larger: np.ndarray = np.maximum(padded[:, 0::2], padded[:, 1::2])
    return larger


SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(0, 10**6))


def test_pad_and_pool__by_hand() -> None:
    x = np.array([[[-1.0], [3.0], [-2.0], [-4.0], [5.0]]], np.float32)
    # With two zeros before and one behind: 0 0 | -1 3 | -2 -4 | 5 0.
    assert pad_and_pool(x, 4).numpy().ravel().tolist() == [0, 3, -2, 5]


@settings(max_examples=10)
@given(SIZES)
def test_first_view__is_a_convolution_over_bins_and_all_first_labels(sizes: tuple[int, ...]) -> None:
    m, n, filters, seed = sizes
    rng, k, bins = np.random.default_rng(seed), 4, 16
    x = rng.normal(size=(2, bins, m, n)).astype(np.float32)
    layer = FirstViewConvolution(k, filters)
    kernel, bias = filled(layer, x, rng)
    assert kernel.shape == (k, m, 1, 1, filters)
    telomeres = np.pad(x, ((0, 0), (2 * k, 2 * k), (0, 0), (0, 0)))[..., None]
    expected = pooled(by_three_dimensions(telomeres, kernel, bias), k // 2, k // 2 - 1)
    np.testing.assert_allclose(layer(x), expected[:, :, 0].transpose(0, 2, 1, 3), atol=1e-4)


@settings(max_examples=10)
@given(SIZES)
def test_second_view__is_a_convolution_over_bins_and_all_second_labels(sizes: tuple[int, ...]) -> None:
    channels, n, filters, seed = sizes
    rng, k, length = np.random.default_rng(seed), 8, 32
    x = rng.normal(size=(2, n, length, channels)).astype(np.float32)
    layer = SecondViewConvolution(k, filters)
    kernel, bias = filled(layer, x, rng)
    assert kernel.shape == (k // 2, 1, n, channels, filters)
    convolved = by_three_dimensions(x.transpose(0, 2, 1, 3)[:, :, None], kernel, bias)
    np.testing.assert_allclose(layer(x), pooled(convolved, k // 4, k // 4 - 1)[:, :, 0, 0], atol=1e-4)


@settings(max_examples=10)
@given(SIZES)
def test_source_convolution__repeats_each_position_and_drops_the_telomeres(sizes: tuple[int, ...]) -> None:
    channels, filters, quarter, seed = sizes
    rng, k = np.random.default_rng(seed), 4 * quarter
    bins = 4 * k
    x = rng.normal(size=(2, (bins + 4 * k) // 4, channels)).astype(np.float32)
    layer = SourceConvolution(k, filters)
    kernel, bias = filled(layer, x, rng)
    left = (k - 1) // 2
    repeated = np.pad(np.repeat(x, 4, axis=1), ((0, 0), (left, k - 1 - left), (0, 0)))[:, :, None, None]
    expected = by_three_dimensions(repeated, kernel, bias)[:, 2 * k : -2 * k, 0, 0]
    np.testing.assert_allclose(layer(x), expected, atol=1e-4)
    # What the loss takes gives the same, four bins at once.
    seen, short = layer.seen(tf.constant(x)), layer.short_kernel("float32")
    by_fours = tf.einsum("wqr,rpf->wqpf", seen, short).numpy().reshape(expected.shape) + bias
    np.testing.assert_allclose(by_fours, expected, atol=1e-4)


def test_source_convolution__gradient_of_what_is_seen() -> None:
    rng, k = np.random.default_rng(1), 8
    x = tf.constant(rng.normal(size=(2, 16, 3)).astype(np.float32))
    layer = SourceConvolution(k, 2)
    layer(x)
    start, taps, rows = layer._extent(x)
    target = rng.normal(size=(2, rows, 3 * taps)).astype(np.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = tf.reduce_sum(layer.seen(x) * target)
        plain = [x[:, start + row : start + row + taps] for row in range(rows)]
        expected = tf.reduce_sum(tf.reshape(tf.stack(plain, axis=1), target.shape) * target)
    np.testing.assert_allclose(ours, expected, rtol=1e-5)
    np.testing.assert_allclose(tape.gradient(ours, x), tape.gradient(expected, x), atol=1e-5)


@pytest.mark.parametrize(
    "layer, shape",
    [
        (FirstViewConvolution(4, 3, 0.5, 7, name="a"), (2, 16, 2, 3)),
        (SecondViewConvolution(4, 3, 0.5, 7, name="b"), (2, 3, 16, 2)),
        (DeepConvolution(4, 3, 0.0, 7, name="c"), (2, 8, 2)),
        (SourceConvolution(4, 3, 0.0, 7, name="d"), (2, 8, 2)),
    ],
    ids=["first", "second", "deep", "source"],
)
def test_layers__are_made_again_from_their_configuration(
    layer: keras.layers.Layer, shape: tuple[int, ...]
) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    again = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(layer(x), again(x))  # the same seed, so the same weights
    assert (again.name, again.kernel_width, again.filters, again.l2) == (layer.name, 4, 3, layer.l2)
    penalty = 0.5 * np.square(np.asarray(layer.kernel)).sum() if layer.l2 else 0.0
    assert float(sum(layer.losses)) == pytest.approx(penalty, rel=1e-5)
    wanted = float(np.sqrt(6 / (np.prod(layer.kernel.shape[:-2]) * sum(layer.kernel.shape[-2:]))))
    assert np.abs(np.asarray(layer.kernel)).max() <= wanted * 1.0001
    assert not np.asarray(layer.bias).any()
