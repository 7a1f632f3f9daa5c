from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import ModelSettings
from atypeak_scale.errors import InputError
from atypeak_scale.model.network import (
    autoencoder_from_arrays,
    build_autoencoder,
    parameters,
    weight_arrays,
)
from benchmarks.article import article_model


@settings(max_examples=8)
@given(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from([(4, 16), (4, 48), (8, 32), (20, 80)]),
    st.integers(1, 5), st.integers(1, 6), st.integers(0, 10**6),
)  # fmt: skip
def test_autoencoder__equals_the_article_s_convolutions(
    m: int, n: int, kernel: tuple[int, int], filters: int, deep: int, seed: int
) -> None:
    k, bins = kernel
    rng = np.random.default_rng(seed)
    reference = article_model(bins, m, n, k, filters, deep)
    arrays = [rng.normal(size=w.shape).astype(np.float32) / 3 for w in reference.get_weights()]
    reference.set_weights(arrays)
    ours = autoencoder_from_arrays(arrays, bins, m, n)
    windows = (rng.random((3, bins, m, n)) < rng.choice([0, 0.1, 1])).astype(np.float32)
    expected = reference(windows[..., None]).numpy()
    tolerance = 2e-5 * max(1.0, float(np.ptp(expected)))
    np.testing.assert_allclose(ours(windows).numpy(), expected, atol=tolerance)


def test_autoencoder__initial_weights_follow_the_article_s_shapes() -> None:
    model = build_autoencoder(320, 9, 13, ModelSettings(), seed=1)
    kernels = [w for w in model.trainable_variables if w.path.endswith("kernel")]
    for kernel in kernels:
        field = np.prod(kernel.shape[:-2])
        limit = np.sqrt(6 / (field * (kernel.shape[-2] + kernel.shape[-1])))
        values = np.asarray(kernel)
        assert np.abs(values).max() <= limit * 1.0001
        assert np.abs(values).max() > 0.95 * limit
        assert values.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)


def test_autoencoder__regularizes_the_two_first_convolutions() -> None:
    model = build_autoencoder(80, 2, 3, ModelSettings(filters=2, deep_dimension=2), seed=1)
    first, second = (np.asarray(w) for w in model.trainable_variables[:4:2])
    expected = 2.5e-3 * (np.square(first).sum() + np.square(second).sum())
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)


def test_autoencoder__seed_decides_the_weights() -> None:
    small = ModelSettings(filters=2, deep_dimension=3)
    one, same, other = (build_autoencoder(80, 2, 2, small, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(weight_arrays(one), weight_arrays(same), strict=True))
    assert not np.array_equal(weight_arrays(one)[0], weight_arrays(other)[0])


def test_autoencoder__reloads_under_safe_mode_to_identical_output(tmp_path: Path) -> None:
    model = build_autoencoder(80, 3, 2, ModelSettings(filters=3, deep_dimension=4), seed=5)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    window = np.random.default_rng(1).random((2, 80, 3, 2)).astype(np.float32)
    assert np.array_equal(model(window).numpy(), again(window).numpy())
    assert parameters(again) == parameters(model)
    assert again.get_layer("encoded").output.shape == (None, 40, 4)


@pytest.mark.parametrize("bins, k", [(300, 20), (330, 20), (320, 18), (100, 20)])
def test_autoencoder__refuses_frames_that_do_not_fit(bins: int, k: int) -> None:
    with pytest.raises(
        InputError, match=r"multiple of 4 and the frame a multiple of 4 times the kernel width"
    ):
        build_autoencoder(bins, 2, 2, ModelSettings(kernel_width=k), seed=1)


def test_from_arrays__names_the_array_that_does_not_fit() -> None:
    arrays = weight_arrays(build_autoencoder(80, 2, 2, ModelSettings(filters=2, deep_dimension=3), seed=1))
    with pytest.raises(InputError, match=r"15 weight arrays; expected a kernel and a bias for each of 8"):
        autoencoder_from_arrays(arrays[:-1], 80, 2, 2)
    with pytest.raises(
        InputError, match=r"weight array 0 .* has shape \(20, 2, 1, 1, 2\); expected \(20, 3,"
    ):
        autoencoder_from_arrays(arrays, 80, 3, 2)


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


def test_observed__filters_are_those_of_the_whole_network(tmp_path: Path) -> None:
    sizes, cells = ModelSettings(filters=2, deep_dimension=3), [1, 4]
    whole = build_autoencoder(80, 3, 2, sizes, seed=5)
    model = build_autoencoder(80, 3, 2, sizes, seed=5, cells=cells)
    *before, kernel, bias = weight_arrays(whole)
    *same, of_cells, bias_of_cells = weight_arrays(model)
    assert all(np.array_equal(a, b) for a, b in zip(same, before, strict=True))
    assert np.array_equal(of_cells, kernel[..., cells])
    assert np.array_equal(bias_of_cells, bias[cells])
    assert parameters(model) == parameters(whole)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    window = np.random.default_rng(1).random((2, 80, 3, 2)).astype(np.float32)
    is_there = np.isin(np.arange(6), cells).reshape(3, 2)
    np.testing.assert_allclose(model(window), np.where(is_there, whole(window), 0), atol=1e-6)
    assert np.array_equal(model(window), again(window))
