import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import ModelSettings, TrainingSettings
from atypeak_scale.errors import InputError
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.training.loss import RebuildingError, loss_weights
from atypeak_scale.store.stream import crumb_matrix


@settings(max_examples=15)
@given(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from([4, 8, 20]), st.sampled_from([0.0, 0.1]),
    st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_rebuilding_error__equals_the_mean_over_all_cells_and_its_gradients(
    m: int, n: int, k: int, crumbs: float, weighted: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    bins = 4 * k
    network = build_autoencoder(bins, m, n, ModelSettings(kernel_width=k, filters=3, deep_dimension=2), seed)
    layer = network.get_layer("sources")
    layer.bias.assign(rng.normal(size=m * n))
    every = [(i, j) for i in range(m) for j in range(n)]
    cells = [every[c] for c in rng.permutation(len(every))[: rng.integers(1, len(every) + 1)]]
    crumbed = crumb_matrix(cells, (m, n), crumbs)
    occupancy = (rng.random((5, bins, len(cells))) < rng.choice([0.0, 0.1, 0.5])).astype(np.float32)
    windows = (occupancy @ crumbed).reshape(5, bins, m * n)
    decoded = tf.constant(rng.normal(size=(5, (bins + 4 * k) // 4, 3)).astype(np.float32))
    weights = rng.choice([0.0, 0.5, 3.0], (m, n)).astype(np.float32) if weighted else None
    error = RebuildingError(layer, crumbed, weights)
    w = np.ones(m * n, np.float32) if weights is None else weights.reshape(-1)
    results = []
    for compute in (
        lambda: error(decoded, tf.constant(occupancy)),
        lambda: tf.reduce_mean(w * tf.square(layer(decoded) - windows)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(decoded)
            loss = compute()
        results.append([loss, *tape.gradient(loss, [decoded, layer.kernel.value, layer.bias.value])])
    for ours, expected in zip(*results, strict=True):
        scale = max(1e-2, float(np.abs(expected).max()))
        np.testing.assert_allclose(ours, expected, atol=2e-5 * scale)


def test_loss_weights__unknown_labels_are_named() -> None:
    labels = (("d1", "d2"), ("x",))
    assert loss_weights(TrainingSettings(), ("dataset", "tr"), labels) is None
    wrong = TrainingSettings(view_weights={"tr": {"xx": 1.0}})
    with pytest.raises(InputError, match="no tr 'xx' in the store; the nearest known are x"):
        loss_weights(wrong, ("dataset", "tr"), labels)
    wrong = TrainingSettings(source_weights={"d1.y": 1.0})
    with pytest.raises(InputError, match=r"no source 'd1\.y' in the store"):
        loss_weights(wrong, ("dataset", "tr"), labels)
