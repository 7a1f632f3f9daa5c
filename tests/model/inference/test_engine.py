"""The engine against the article's convolutions, on random weights and windows of every kind."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atypeak_scale.config import parse_config
from atypeak_scale.model.files import TrainedModel, model_from_arrays
from atypeak_scale.model.inference.engine import LOWEST_RATIO, Engine
from atypeak_scale.model.inference.receptive_fields import Fields, runs_of
from benchmarks.article import article_model

TOLERANCE = 2e-5  # of the output's range


def random_model(
    rng: np.random.Generator, bins: int, m: int, n: int, k: int, filters: int, deep: int
) -> tuple[keras.Model, TrainedModel, list[tuple[str, str]]]:
    """Return the article's model, ours with the same weights, and the sources that are observed, shuffled."""
    reference = article_model(bins, m, n, k, filters, deep)
    arrays = [
        (rng.normal(size=w.shape) / np.sqrt(max(1, np.prod(w.shape[:-1])) ** 0.5)).astype(np.float32)
        for w in reference.get_weights()
    ]
    reference.set_weights(arrays)
    labels = [f"d{i}" for i in range(m)], [f"t{j}" for j in range(n)]
    config = parse_config({"cell_line": "c", "store": {"frame": bins * 10}}, "test")
    cells = [(a, b) for a in labels[0] for b in labels[1]]
    chosen = rng.permutation(len(cells))[: rng.integers(1, len(cells) + 1)]
    return reference, model_from_arrays(arrays, labels, config), [cells[c] for c in chosen]


def random_windows(rng: np.random.Generator, windows: int, bins: int, sources: int) -> np.ndarray:
    """Peaks of any length and place: none, a few, at both ends, everywhere, and noise of single bins."""
    occupancy = np.zeros((windows, bins, sources), bool)
    for window in range(windows):
        kind = rng.integers(6)
        for _ in range(rng.poisson(3) if kind else 0):
            first = rng.integers(bins)
            occupancy[window, first : first + rng.integers(1, bins), rng.integers(sources)] = True
        if kind == 1:
            occupancy[window] = True
        if kind == 2:
            occupancy[window, [0, -1]] = True
        if kind == 3:
            occupancy[window] |= rng.random((bins, sources)) < 0.2
    return occupancy


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
    engine = Engine(model, sources, crumbs)
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
        Engine(model, sources, 0.0).rebuilt(X), h, atol=TOLERANCE * max(np.ptp(h), 1e-3)
    )


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_ratios__passes_do_not_show(monkeypatch: pytest.MonkeyPatch, crumbs: float) -> None:
    rng = np.random.default_rng(3)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    occupancy = random_windows(rng, 40, 80, len(sources))
    whole = np.concatenate([r for _, r in Engine(model, sources, crumbs).ratios(occupancy)])
    monkeypatch.setattr("atypeak_scale.model.inference.engine.MOST_WINDOWS", 3)
    monkeypatch.setattr("atypeak_scale.model.inference.engine.ROWS_AT_ONCE", 2)
    engine = Engine(model, sources, crumbs)
    assert engine.windows_at_once(len(sources)) == 3
    parts = list(engine.ratios(occupancy))
    assert [start for start, _ in parts] == list(range(0, 40, 3))
    np.testing.assert_allclose(np.concatenate([r for _, r in parts])[occupancy], whole[occupancy], atol=1e-6)


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_ratios__steps_within_a_pass_do_not_show(monkeypatch: pytest.MonkeyPatch, crumbs: float) -> None:
    rng = np.random.default_rng(4)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    occupancy = random_windows(rng, 60, 80, len(sources))
    whole = np.concatenate([r for _, r in Engine(model, sources, crumbs).ratios(occupancy)])
    # Seven steps of the crumbed front, and passes that are halved because they see more than 100 sights.
    monkeypatch.setattr(
        "atypeak_scale.model.inference.engine.FRONT_BYTES", 4 * 2 * 80 * (4 + len(sources)) * 9
    )
    monkeypatch.setattr("atypeak_scale.model.inference.engine.PRODUCT_BYTES", 4 * 20 * 4 * 100)
    monkeypatch.setattr("atypeak_scale.model.inference.engine.SHARE_OF_POSITIONS", 0.01)
    parts = list(Engine(model, sources, crumbs).ratios(occupancy))
    assert [start for start, _ in parts] == np.cumsum([0, *(len(r) for _, r in parts)])[:-1].tolist()
    assert len(parts) > 3
    np.testing.assert_allclose(np.concatenate([r for _, r in parts])[occupancy], whole[occupancy], atol=1e-6)


def test_ratios__threads_that_share_an_engine_do_not_mix() -> None:
    rng = np.random.default_rng(6)
    _, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    engine = Engine(model, sources, 0.0)
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
    ours = np.concatenate([r for _, r in Engine(model, sources, 0.0, "bfloat16").ratios(occupancy)])[
        occupancy
    ]
    difference = np.abs(ours - expected).max() / np.ptp(h)
    assert 0 < difference < 0.05


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 20))
def test_runs__equal_a_walk_along_the_bins(seed: int, sources: int, bins: int) -> None:
    rng = np.random.default_rng(seed)
    occupancy = rng.random((3, bins, sources)) < rng.random()
    expected = []
    for window in range(3):
        for source in range(sources):
            inside = False
            for x in range(bins):
                if occupancy[window, x, source] and not inside:
                    expected.append([window, source, x, x])
                inside = bool(occupancy[window, x, source])
                if inside:
                    expected[-1][3] = x
    runs = runs_of(occupancy)
    assert np.stack([runs.window, runs.source, runs.first, runs.last], axis=1).tolist() == expected


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_sights__are_equal_exactly_where_fields_are(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, bins, labels = 4, 16, np.array([0, 1, 0, 2])
    occupancy = random_windows(rng, 6, bins, len(labels))
    fields = Fields(k, bins, labels)
    sights = fields.sights(runs_of(occupancy))
    padded = np.pad(occupancy, ((0, 0), (3 * k, 3 * k), (0, 0)))
    seen = {}
    for window in range(6):
        for coarse in range(fields.positions):
            field = padded[window, 4 * coarse : 4 * coarse + fields.width]
            if field.any():
                seen[window * fields.positions + coarse] = field.tobytes()
    assert sights.position.tolist() == sorted(seen)
    by_sight = [seen[p] for p in sights.position]
    assert len(set(by_sight)) == len(sights.bounds) - 1
    assert all(
        seen[sights.representative[s]] == field for s, field in zip(sights.sight, by_sight, strict=True)
    )


def test_engine__an_empty_window_among_others() -> None:
    rng = np.random.default_rng(1)
    reference, model, sources = random_model(rng, 80, 2, 2, 20, 3, 4)
    engine = Engine(model, sources, 0.0)
    nothing = np.zeros((2, 80, 2, 2), np.float32)
    h = reference(nothing[..., None]).numpy()
    np.testing.assert_allclose(engine.rebuilt(nothing), h, atol=TOLERANCE * np.ptp(h))
    ((_, ratios),) = engine.ratios(np.zeros((2, 80, len(sources)), bool))
    assert ratios.shape == (2, 80, len(sources))


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()
