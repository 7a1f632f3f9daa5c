"""Leave-one-source-out outputs against the article's network on windows whose source is zeroed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.random_models import random_model, random_windows

from atypeak_scale.model.files import TrainedModel
from atypeak_scale.model.inference import leave_one_out
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.inference.leave_one_out import LeaveOneOut

TOLERANCE = 1e-5  # absolute for outputs of order 1, relative for larger

sizes = st.tuples(
    st.integers(1, 4), st.integers(1, 3), st.sampled_from([(4, 16), (4, 48), (8, 32), (20, 80), (20, 320)]),
    st.integers(1, 5), st.integers(1, 9),
)  # fmt: skip


@pytest.fixture(autouse=True)
def _forget_models() -> Iterator[None]:
    yield
    keras.backend.clear_session()


def expected(
    reference: keras.Model,
    model: TrainedModel,
    sources: list[tuple[str, str]],
    occupancy: np.ndarray,
    asked: tuple[np.ndarray, ...],
) -> tuple[np.ndarray, float]:
    """Return the means by the definition, and the largest size of an output."""
    cells = [(model.labels[0].index(a), model.labels[1].index(b)) for a, b in sources]
    X = np.zeros((len(asked[0]), *reference.input_shape[1:4]), np.float32)
    for row, (window, source) in enumerate(zip(*asked[:2], strict=True)):
        for other, (i, j) in enumerate(cells):
            if other != source:
                X[row, :, i, j] = occupancy[window, :, other]
    h = reference(X[..., None]).numpy().reshape(X.shape)
    values = [
        h[row, first : last + 1, *cells[source]].mean()
        for row, (_, source, first, last) in enumerate(zip(*asked, strict=True))
    ]
    return np.array(values), max(1.0, float(np.abs(h).max()))


def random_asked(
    rng: np.random.Generator, windows: int, bins: int, sources: int, count: int
) -> tuple[np.ndarray, ...]:
    """Return windows, sources, first and last bins; some at both borders, some twice."""
    first = rng.choice([0, bins - 1, *rng.integers(bins, size=bins // 4)], count)
    last = np.where(rng.random(count) < 0.2, bins - 1, rng.integers(first, bins))
    rows = np.stack([rng.integers(windows, size=count), rng.integers(sources, size=count), first, last])
    return tuple(rows[:, rng.integers(count, size=count)])


def overlapping(rng: np.random.Generator, windows: int, bins: int, sources: int) -> np.ndarray:
    """Return random windows, one that is empty, one of one source alone, and one of equal peaks of all."""
    occupancy = random_windows(rng, windows, bins, sources)
    occupancy[:3] = False
    occupancy[1, bins // 3 : bins // 2, rng.integers(sources)] = True
    occupancy[2, bins // 4 : bins // 2] = True
    occupancy[2, -1] = True  # a second run of each
    return occupancy


@settings(max_examples=15)
@given(sizes, st.integers(0, 10**6))
def test_log_odds__equal_the_network_on_windows_without_the_source(size: tuple[Any, ...], seed: int) -> None:
    m, n, (k, bins), filters, deep = size
    rng = np.random.default_rng(seed)
    reference, model, sources = random_model(rng, bins, m, n, k, filters, deep)
    occupancy = overlapping(rng, 8, bins, len(sources))
    asked = random_asked(rng, 8, bins, len(sources), 40)
    mean, scale = expected(reference, model, sources, occupancy, asked)
    ours = LeaveOneOut(Engine(model, model.labels, sources, 0.0)).log_odds(occupancy, *asked)
    np.testing.assert_allclose(ours, mean, rtol=0, atol=TOLERANCE * scale)


@settings(max_examples=10)
@given(sizes, st.integers(0, 10**6))
def test_log_odds__labels_of_the_store_in_another_order(size: tuple[Any, ...], seed: int) -> None:
    m, n, (k, bins), filters, deep = size
    rng = np.random.default_rng(seed)
    reference, model, _ = random_model(rng, bins, m, n, k, filters, deep)
    labels = tuple(
        tuple(str(label) for label in rng.permutation(known)[: rng.integers(1, len(known) + 1)])
        for known in model.labels
    )
    cells = [(a, b) for a in labels[0] for b in labels[1]]
    sources = [cells[c] for c in rng.permutation(len(cells))[: rng.integers(1, len(cells) + 1)]]
    occupancy = overlapping(rng, 6, bins, len(sources))
    asked = random_asked(rng, 6, bins, len(sources), 30)
    mean, scale = expected(reference, model, sources, occupancy, asked)
    ours = LeaveOneOut(Engine(model, (labels[0], labels[1]), sources, 0.0)).log_odds(occupancy, *asked)
    np.testing.assert_allclose(ours, mean, rtol=0, atol=TOLERANCE * scale)


@pytest.mark.parametrize("border", ["first", "last"])
def test_log_odds__single_bins_at_a_border(border: str) -> None:
    rng = np.random.default_rng(2)
    reference, model, sources = random_model(rng, 80, 3, 2, 20, 4, 6)
    occupancy = rng.random((20, 80, len(sources))) < 0.3
    at = np.arange(20) if border == "first" else 79 - np.arange(20)
    asked = np.arange(20), np.arange(20) % len(sources), at, at
    mean, scale = expected(reference, model, sources, occupancy, asked)
    ours = LeaveOneOut(Engine(model, model.labels, sources, 0.0)).log_odds(occupancy, *asked)
    np.testing.assert_allclose(ours, mean, rtol=0, atol=TOLERANCE * scale)


def _small() -> tuple[LeaveOneOut, np.ndarray, tuple[np.ndarray, ...]]:
    rng = np.random.default_rng(3)
    _, model, sources = random_model(rng, 80, 3, 3, 20, 4, 6)
    occupancy = random_windows(rng, 40, 80, len(sources))
    asked = random_asked(rng, 40, 80, len(sources), 200)
    return LeaveOneOut(Engine(model, model.labels, sources, 0.0)), occupancy, asked


def test_log_odds__passes_and_steps_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, occupancy, asked = _small()
    whole = engine.log_odds(occupancy, *asked)
    counts = []
    seen = leave_one_out.view_inputs

    def counting(*arguments: Any) -> Any:
        counts.append(1)
        return seen(*arguments)

    monkeypatch.setattr(leave_one_out, "view_inputs", counting)
    monkeypatch.setattr(leave_one_out, "OCCUPANCY_BYTES", 15 * 80 * occupancy.shape[2])
    monkeypatch.setattr(leave_one_out, "PASS_FLOATS", 20_000)
    monkeypatch.setattr(leave_one_out, "INPUTS_AT_ONCE", 7)
    monkeypatch.setattr(leave_one_out, "POSITIONS_AT_ONCE", 90)
    parts = engine.log_odds(occupancy, *asked)
    assert len(counts) > 6
    np.testing.assert_allclose(parts, whole, atol=TOLERANCE * max(1.0, np.abs(whole).max()))


def test_log_odds__threads_do_not_mix() -> None:
    engine, occupancy, asked = _small()
    tasks = [tuple(part[at : at + 50] for part in asked) for at in range(0, 200, 25)]
    alone = [engine.log_odds(occupancy, *task) for task in tasks]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            together = pool.map(lambda task: engine.log_odds(occupancy, *task), tasks)
            for ours, one in zip(together, alone, strict=True):
                np.testing.assert_allclose(ours, one, atol=TOLERANCE * max(1.0, np.abs(one).max()))


def test_log_odds__nothing_asked() -> None:
    engine, occupancy, _ = _small()
    nothing = np.zeros(0, np.int64)
    assert engine.log_odds(occupancy, nothing, nothing, nothing, nothing).shape == (0,)


def test_log_odds__bfloat16_is_near() -> None:
    rng = np.random.default_rng(5)
    _, model, sources = random_model(rng, 80, 3, 3, 20, 8, 16)
    occupancy = random_windows(rng, 20, 80, len(sources))
    asked = random_asked(rng, 20, 80, len(sources), 60)
    exact, near = (
        LeaveOneOut(Engine(model, model.labels, sources, 0.0, precision)).log_odds(occupancy, *asked)
        for precision in ("float32", "bfloat16")
    )
    difference = np.abs(near - exact).max() / np.ptp(exact)
    assert 0 < difference < 0.05


def test_leave_one_out__takes_no_crumbs() -> None:
    rng = np.random.default_rng(5)
    _, model, sources = random_model(rng, 16, 2, 2, 4, 2, 2)
    with pytest.raises(ValueError, match="without crumbs"):
        LeaveOneOut(Engine(model, model.labels, sources, 0.1))
