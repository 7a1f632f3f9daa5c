"""The engine against the article's convolutions, on random weights and windows of every kind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_model, random_windows

from atypeak_scale.config import parse_config
from atypeak_scale.errors import InputError
from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference.engine import LOWEST_RATIO, Engine
from atypeak_scale.model.network import build_autoencoder

TOLERANCE = 2e-5  # of the output's range


def expected_cells(
    model: TrainedModel, sources: list[tuple[str, str]], occupancy: np.ndarray, c: float
) -> Any:
    """Return the crumbed (windows, bins, m, n) tensors and the cell of every source."""
    cells = [(model.labels[0].index(a), model.labels[1].index(b)) for a, b in sources]
    X = np.zeros((*occupancy.shape[:2], len(model.labels[0]), len(model.labels[1])))
    X[:, :, [i for i, _ in cells], [j for _, j in cells]] = occupancy
    return X + c * (X.sum(axis=3, keepdims=True) + X.sum(axis=2, keepdims=True)), cells


sizes = st.tuples(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from([(4, 16), (4, 48), (8, 32), (20, 80), (20, 320)]),
    st.integers(1, 5), st.integers(1, 9),
)  # fmt: skip


@settings(max_examples=25)
@given(sizes, st.sampled_from([0.0, 0.1]), st.integers(0, 10**6))
def test_ratios__equal_the_dense_model(size: tuple[Any, ...], crumbs: float, seed: int) -> None:
    m, n, (k, bins), filters, deep = size
    rng = np.random.default_rng(seed)
    reference, model, sources = random_model(rng, bins, m, n, k, filters, deep)
    occupancy = random_windows(rng, 7, bins, len(sources))
    X, cells = expected_cells(model, sources, occupancy, crumbs)
    h = reference(X[..., None].astype(np.float32)).numpy()
    engine = Engine(model, model.labels, sources, crumbs)
    ours = np.concatenate([ratios for _, ratios in engine.ratios(occupancy)])
    i, j = np.array(cells).T
    ratio = np.maximum(h[:, :, i, j][occupancy] / X[:, :, i, j][occupancy], LOWEST_RATIO)
    np.testing.assert_allclose(ours[occupancy], ratio, atol=TOLERANCE * max(np.ptp(h), 1e-3))


@settings(max_examples=15)
@given(sizes, st.integers(0, 10**6))
def test_rebuilt__equals_the_dense_model_on_real_values(size: tuple[Any, ...], seed: int) -> None:
    m, n, (k, bins), filters, deep = size
    rng = np.random.default_rng(seed)
    reference, model, sources = random_model(rng, bins, m, n, k, filters, deep)
    occupancy = random_windows(rng, 5, bins, len(sources))
    X, _ = expected_cells(model, sources, occupancy, 0.1)
    X = (X * rng.random(X.shape)).astype(np.float32)
    h = reference(X[..., None]).numpy()
    np.testing.assert_allclose(
        Engine(model, model.labels, sources, 0.0).rebuilt(X), h, atol=TOLERANCE * max(np.ptp(h), 1e-3)
    )


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_ratios__passes_do_not_show(monkeypatch: pytest.MonkeyPatch, crumbs: float) -> None:
    rng = np.random.default_rng(3)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    occupancy = random_windows(rng, 40, 80, len(sources))
    whole = np.concatenate([r for _, r in Engine(model, model.labels, sources, crumbs).ratios(occupancy)])
    monkeypatch.setattr("atypeak_scale.model.inference.engine.MOST_WINDOWS", 3)
    monkeypatch.setattr("atypeak_scale.model.inference.decoder_weights.ROWS_AT_ONCE", 2)
    monkeypatch.setattr("atypeak_scale.model.inference.part_sums.PARTS_AT_ONCE", 2)
    engine = Engine(model, model.labels, sources, crumbs)
    assert engine.windows_at_once(len(sources)) == 3
    parts = list(engine.ratios(occupancy))
    assert [start for start, _ in parts] == list(range(0, 40, 3))
    np.testing.assert_allclose(np.concatenate([r for _, r in parts])[occupancy], whole[occupancy], atol=1e-6)


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_ratios__steps_within_a_pass_do_not_show(monkeypatch: pytest.MonkeyPatch, crumbs: float) -> None:
    rng = np.random.default_rng(4)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    occupancy = random_windows(rng, 60, 80, len(sources))
    whole = np.concatenate([r for _, r in Engine(model, model.labels, sources, crumbs).ratios(occupancy)])
    # Seven steps of the crumbed convolutions, and passes halved because they see more than 100 inputs.
    monkeypatch.setattr(
        "atypeak_scale.model.inference.engine.CONVOLUTION_BYTES", 4 * 2 * 80 * (4 + len(sources)) * 9
    )
    monkeypatch.setattr("atypeak_scale.model.inference.engine.PRODUCT_BYTES", 4 * 20 * 4 * 100)
    monkeypatch.setattr("atypeak_scale.model.inference.engine.SHARE_OF_POSITIONS", 0.01)
    parts = list(Engine(model, model.labels, sources, crumbs).ratios(occupancy))
    assert [start for start, _ in parts] == np.cumsum([0, *(len(r) for _, r in parts)])[:-1].tolist()
    assert len(parts) > 3
    np.testing.assert_allclose(np.concatenate([r for _, r in parts])[occupancy], whole[occupancy], atol=1e-6)


def test_ratios__threads_that_share_an_engine_do_not_mix() -> None:
    rng = np.random.default_rng(6)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    engine = Engine(model, model.labels, sources, 0.0)
    tasks = [random_windows(rng, 30, 80, len(sources)) for _ in range(8)]

    def score(occupancy: np.ndarray) -> np.ndarray:
        return np.concatenate([r for _, r in engine.ratios(occupancy)])

    alone = [score(task) for task in tasks]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for together, expected in zip(pool.map(score, tasks), alone, strict=True):
                np.testing.assert_allclose(together, expected, atol=1e-6)


def test_ratios__bfloat16_is_near() -> None:
    rng = np.random.default_rng(5)
    reference, model, sources = random_model(rng, 80, 3, 3, 20, 8, 16)
    occupancy = random_windows(rng, 20, 80, len(sources))
    X, cells = expected_cells(model, sources, occupancy, 0.0)
    h = reference(X[..., None].astype(np.float32)).numpy()
    i, j = np.array(cells).T
    expected = np.maximum(h[:, :, i, j], LOWEST_RATIO)[occupancy]
    ours = np.concatenate(
        [r for _, r in Engine(model, model.labels, sources, 0.0, "bfloat16").ratios(occupancy)]
    )[occupancy]
    difference = np.abs(ours - expected).max() / np.ptp(h)
    assert 0 < difference < 0.05


def in_store_order(rng: np.random.Generator, model: TrainedModel) -> tuple[Any, Any]:
    """Return labels of a store, some of the model's in any order, and those that the engine should have."""
    labels, every = [], []
    for known in model.labels:
        chosen = [known[i] for i in rng.permutation(len(known))[: rng.integers(1, len(known) + 1)]]
        labels.append(tuple(chosen))
        every.append((*chosen, *(label for label in known if label not in chosen)))
    return tuple(labels), tuple(every)


@settings(max_examples=15)
@given(sizes, st.sampled_from([0.0, 0.1]), st.integers(0, 10**6))
def test_engine__matrices_are_in_the_order_of_the_store_then_of_the_model(
    size: tuple[Any, ...], crumbs: float, seed: int
) -> None:
    m, n, (k, bins), filters, deep = size
    rng = np.random.default_rng(seed)
    reference, model, _ = random_model(rng, bins, m, n, k, filters, deep)
    labels, every = in_store_order(rng, model)
    cells = [(a, b) for a in labels[0] for b in labels[1]]
    sources = [cells[c] for c in rng.permutation(len(cells))[: rng.integers(1, len(cells) + 1)]]
    engine = Engine(model, labels, sources, crumbs)
    assert engine.labels == every
    assert engine.shape == (m, n)
    assert [(every[0][i], every[1][j]) for i, j in engine.cells] == sources

    occupancy = random_windows(rng, 5, bins, len(sources))
    X, _ = expected_cells(model, sources, occupancy, crumbs)
    h = reference(X[..., None].astype(np.float32)).numpy()
    rows, columns = (
        [known.index(a) for a in names] for known, names in zip(model.labels, every, strict=True)
    )
    tolerance = TOLERANCE * max(np.ptp(h), 1e-3)
    ours = np.concatenate([part for _, part in engine.rebuilt_windows(occupancy, of_sources=False)])
    np.testing.assert_allclose(ours, h[:, :, rows][..., columns], atol=tolerance)
    of_sources = np.concatenate([part for _, part in engine.rebuilt_windows(occupancy, of_sources=True)])
    i, j = np.array(engine.cells).T
    np.testing.assert_allclose(of_sources, ours[:, :, i, j], atol=tolerance)

    X = rng.random((3, bins, m, n)).astype(np.float32)
    h = reference(X[..., None]).numpy()
    ours = engine.rebuilt(np.ascontiguousarray(X[:, :, rows][..., columns]))
    np.testing.assert_allclose(ours, h[:, :, rows][..., columns], atol=TOLERANCE * max(np.ptp(h), 1e-3))


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_engine__the_order_of_labels_leaves_every_bit_of_the_ratios(crumbs: float) -> None:
    rng = np.random.default_rng(8)
    _, model, sources = random_model(rng, 80, 3, 4, 20, 4, 6)
    occupancy = random_windows(rng, 20, 80, len(sources))
    same, other = (
        np.concatenate([r for _, r in Engine(model, labels, sources, crumbs).ratios(occupancy)])
        for labels in (model.labels, (model.labels[0][::-1], model.labels[1][::-1]))
    )
    np.testing.assert_array_equal(same[occupancy], other[occupancy])


def test_engine__permutes_nothing_if_the_model_has_the_order_of_the_store() -> None:
    rng = np.random.default_rng(9)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    engine = Engine(model, model.labels, sources, 0.0)
    assert engine._input_cells is None
    windows = rng.random((3, 80, 3, 2)).astype(np.float32)
    other = Engine(model, (model.labels[0][::-1], model.labels[1]), sources, 0.0)
    assert other._input_cells is not None
    # The last bits too are the same in any order.
    there = other.rebuilt(np.ascontiguousarray(windows[:, :, ::-1]))[:, :, ::-1]
    np.testing.assert_array_equal(there, engine.rebuilt(windows))


def test_engine__an_empty_window_among_others() -> None:
    rng = np.random.default_rng(1)
    reference, model, sources = random_model(rng, 80, 2, 2, 20, 3, 4)
    engine = Engine(model, model.labels, sources, 0.0)
    nothing = np.zeros((2, 80, 2, 2), np.float32)
    h = reference(nothing[..., None]).numpy()
    np.testing.assert_allclose(engine.rebuilt(nothing), h, atol=TOLERANCE * np.ptp(h))
    ((_, ratios),) = engine.ratios(np.zeros((2, 80, len(sources)), bool))
    assert ratios.shape == (2, 80, len(sources))


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


@pytest.mark.parametrize("labels", [(("a", "b"), ("x", "y", "z")), (("b", "a"), ("z", "x", "y"))])
def test_observed__equals_the_whole_network_at_its_cells(labels: Any) -> None:
    config = parse_config({"cell_line": "c", "store": {"frame": 160}}, "test")
    sizes = config.model.model_copy(update={"kernel_width": 4, "filters": 3, "deep_dimension": 5})
    views, sources = (("a", "b"), ("x", "y", "z")), [("b", "y"), ("a", "z")]
    one, other = (
        TrainedModel(build_autoencoder(16, 2, 3, sizes, 2, cells=cells), views, config.model_copy(
            update={"model": sizes})) for cells in (None, [2, 4])
    )  # fmt: skip
    assert one.fingerprint() != other.fingerprint()
    occupancy = random_windows(np.random.default_rng(1), 9, 16, 2)
    ours, expected = (
        np.concatenate([part for _, part in Engine(model, labels, sources, 0.1).ratios(occupancy)])
        for model in (other, one)
    )
    np.testing.assert_array_equal(ours, expected)
    ours, expected = (
        np.concatenate(
            [part for _, part in Engine(model, labels, sources, 0.1).rebuilt_windows(occupancy, False)]
        )
        for model in (other, one)
    )
    is_there = [[(a, b) in sources for b in labels[1]] for a in labels[0]]
    np.testing.assert_allclose(ours, np.where(is_there, expected, 0), atol=1e-6)
    with pytest.raises(InputError, match=r"the store has others \(1, such as a.x\)"):
        Engine(other, labels, [*sources, ("a", "x")], 0.0)
