"""Sums of parts against the two first layers of the network."""

import itertools
from collections.abc import Iterator

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_model, random_windows
from scipy import sparse

from atypeak_scale.model.inference import part_sums
from atypeak_scale.model.inference.part_sums import PartSums, PartWeights
from atypeak_scale.model.inference.receptive_fields import ReceptiveFields, runs_of
from atypeak_scale.model.network import weight_arrays


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


def signals_of_network(
    network: keras.Model, occupancy: np.ndarray, cells: list[tuple[int, int]]
) -> np.ndarray:
    """Return what the layer `second_view` gives: (windows, positions, F)."""
    windows = np.zeros((*occupancy.shape[:2], *network.input_shape[2:]), np.float32)
    for source, (i, j) in enumerate(cells):
        windows[:, :, i, j] = occupancy[:, :, source]
    encoder = keras.Model(network.input, network.get_layer("second_view").output)
    signals: np.ndarray = encoder(windows).numpy()
    return signals


@settings(max_examples=12)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 3), st.integers(0, 10**6))
def test_part_sums__equal_the_layers(m: int, n: int, filters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    _, model, sources = random_model(rng, 32, m, n, 8, filters, 2)
    cells = [(model.labels[0].index(a), model.labels[1].index(b)) for a, b in sources]
    fields = ReceptiveFields(8, 32, np.array([j for _, j in cells]))
    occupancy = random_windows(rng, 5, 32, len(cells))
    inputs = fields.distinct_inputs(runs_of(occupancy))
    if not inputs.count:
        return
    sums = PartSums(PartWeights(weight_arrays(model.network), cells), fields, inputs)
    expected = signals_of_network(model.network, occupancy, cells).reshape(-1, filters)
    tolerance = 2e-5 * max(float(np.ptp(expected)), 1.0)
    ours = sums(slice(0, inputs.count))
    np.testing.assert_allclose(ours[inputs.input], expected[inputs.position], atol=tolerance)
    middle = inputs.count // 2
    np.testing.assert_allclose(sums(slice(middle, inputs.count)), ours[middle:], atol=tolerance)


def test_part_sums__parts_at_once_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    _, model, sources = random_model(rng, 32, 3, 3, 8, 4, 2)
    cells = [(model.labels[0].index(a), model.labels[1].index(b)) for a, b in sources]
    fields = ReceptiveFields(8, 32, np.array([j for _, j in cells]))
    inputs = fields.distinct_inputs(runs_of(random_windows(rng, 9, 32, len(cells))))
    weights = PartWeights(weight_arrays(model.network), cells)
    whole = PartSums(weights, fields, inputs)(slice(0, inputs.count))
    monkeypatch.setattr(part_sums, "PARTS_AT_ONCE", 3)
    parts = PartSums(weights, fields, inputs)(slice(0, inputs.count))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def test_sums__add_the_parts_of_each_input() -> None:
    rng = np.random.default_rng(4)
    _, model, sources = random_model(rng, 32, 3, 3, 8, 4, 2)
    cells = [(model.labels[0].index(a), model.labels[1].index(b)) for a, b in sources]
    fields = ReceptiveFields(8, 32, np.array([j for _, j in cells]))
    inputs = fields.distinct_inputs(runs_of(random_windows(rng, 9, 32, len(cells))))
    weights = PartWeights(weight_arrays(model.network), cells)
    sums = PartSums(weights, fields, inputs)
    ours = sums.sums(slice(0, inputs.count))
    for number, (low, high) in enumerate(itertools.pairwise(inputs.bounds)):
        np.testing.assert_allclose(ours[number], sums.parts[inputs.members[low:high]].sum(axis=0), atol=1e-5)
    signals = ours.max(axis=1) + weights.signal_empty
    np.testing.assert_array_equal(sums(slice(0, inputs.count)), signals)


def test_contributions__of_one_run_by_loops() -> None:
    """A run of bins 3 to 12 of the 17 of a field, k = 8: convolve, pool and convolve by hand."""
    rng = np.random.default_rng(1)
    k, first, last = 8, 3, 12
    _, model, _ = random_model(rng, 32, 2, 2, k, 3, 2)
    arrays = weight_arrays(model.network)
    kernel1, kernel2 = arrays[0][:, :, 0, 0], arrays[2][:, 0]
    weights = PartWeights(arrays, [(1, 0), (0, 1)])
    edges = np.zeros((1, 2 * k + 2), np.float32)
    edges[0, first], edges[0, last + 1] = 1, -1
    signal = np.zeros((k + 2, 3))
    for at in range(k + 2):
        for tap in range(k):
            if first <= at + tap <= last:
                signal[at] += kernel1[tap, 1]
    pooled = np.maximum(signal[0::2], signal[1::2])
    expected = [sum(pooled[at + tap] @ kernel2[tap, 0] for tap in range(k // 2)) for at in (0, 1)]
    ours = weights.contributions(sparse.csr_matrix(edges), 0)
    np.testing.assert_allclose(ours[0], np.array(expected), atol=1e-5)
