"""Method, section 5, against loops over cells and windows that follow its text."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atypeak_scale.config import ModelSettings, parse_config
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.model.files import model_from_arrays
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.network import build_autoencoder, weight_arrays
from atypeak_scale.scoring.weights import (
    CLIPPED_HIGH,
    CLIPPED_LOW,
    NO_WEIGHT,
    Responses,
    Sums,
    crumbed,
    masks,
    occupancies,
    responses,
    weights,
)

BINS, M, N, CRUMBS = 80, 2, 3, 0.1
CELLS = [(0, 0), (0, 2), (1, 1), (1, 2)]


def an_engine(seed: int) -> Engine:
    settings = ModelSettings(filters=3, deep_dimension=5)
    network = build_autoencoder(BINS, M, N, settings, seed)
    rng = np.random.default_rng(seed)
    arrays_ = [w + rng.normal(size=w.shape).astype(np.float32) / 20 for w in weight_arrays(network)]
    config = parse_config({"cell_line": "c", "store": {"frame": 800}}, "test")
    model = model_from_arrays(arrays_, (["a", "b"], ["x", "y", "z"]), config)
    sources = [("a", "x"), ("a", "z"), ("b", "y"), ("b", "z")]
    engine = Engine(model, model.labels, sources, 0.0)
    assert engine.cells == CELLS
    return engine


def by_loops(engine: Engine, presence: np.ndarray) -> dict[str, list[float]]:
    """Follow sections 5.1 to 5.3 with one loop for each sum; no window is empty of the sources used."""

    def h_mean(matrix: np.ndarray) -> np.ndarray:
        window = np.repeat(matrix[None, None].astype(np.float32), BINS, axis=1)
        mean: np.ndarray = engine.rebuilt(window)[0].astype(np.float64).mean(axis=0)
        return mean

    def with_crumbs(matrix: np.ndarray) -> np.ndarray:
        result = matrix.copy()
        for i, j in itertools.product(range(M), range(N)):
            result[i, j] += CRUMBS * (
                sum(matrix[i, b] for b in range(N)) + sum(matrix[a, j] for a in range(M))
            )
        return result

    def tensor(present: np.ndarray) -> np.ndarray:
        matrix = np.zeros((M, N))
        for there, cell in zip(present, CELLS, strict=True):
            matrix[cell] = float(there)
        return matrix

    P = tensor(presence.any(axis=0))
    F = with_crumbs(P)
    R, U = {}, {}
    for s in CELLS:
        alone = np.zeros((M, N))
        alone[s] = 1
        U[s] = with_crumbs(alone)
        R[s] = h_mean(U[s])
    IW = np.zeros((M, N))
    for s in CELLS:
        IW[s] = U[s].sum() / R[s].sum()
    factors: dict[str, list[float]] = {"k1": [], "k2": [], "k3": []}
    for number, s in enumerate(CELLS):
        M_s = R[s] / R[s].max()
        N_s = np.clip(F - R[s] / R[s][s] * F[s], 0, 2)
        theta, eta = [], []
        for row in presence:
            if row[number]:
                theta.append((M_s * tensor(row) * IW).sum())
                eta.append((N_s * tensor(row) * IW).sum())
        theta, eta = [v for v in theta if v != 0], [v for v in eta if v != 0]
        factors["k1"].append(IW[s])
        factors["k2"].append((M_s * P * IW).sum() / np.mean(theta))
        eta_full = (N_s * P * IW).sum()
        share = np.mean(eta) / eta_full if eta and eta_full else 0.0
        factors["k3"].append(1 - h_mean(N_s)[s] / F[s] * share)
    return factors


@pytest.mark.parametrize("seed", range(6))
def test_weights__follow_the_text_of_the_method(seed: int) -> None:
    engine = an_engine(seed)
    presence = np.random.default_rng(seed).random((40, len(CELLS))) < 0.4
    presence[0] = True
    expected = by_loops(engine, presence)
    found = responses(engine, presence.any(axis=0), CRUMBS, InProcess())
    theta_mask, eta_mask = masks(found, np.array(CELLS))
    # In two blocks, as a store with two chunks gives them.
    theta = occupancies(presence[:25], theta_mask) + occupancies(presence[25:], theta_mask)
    eta = occupancies(presence[:25], eta_mask) + occupancies(presence[25:], eta_mask)
    ours = weights(found, np.array(CELLS), theta, eta)
    for name in ("k1", "k2", "k3"):
        np.testing.assert_allclose(getattr(ours, name), expected[name], rtol=1e-4)
    product = np.prod(list(expected.values()), axis=0)
    np.testing.assert_allclose(ours.weight, np.clip(product, 0.1, 10), rtol=1e-4)
    for k, flag in zip(product, ours.flag, strict=True):
        assert flag == (CLIPPED_LOW if k < 0.1 else CLIPPED_HIGH if k > 10 else "")


def test_weights__source_absent_from_the_sample_takes_the_mean() -> None:
    engine = an_engine(1)
    presence = np.random.default_rng(1).random((40, len(CELLS))) < 0.5
    presence[:, 2] = False
    found = responses(engine, presence.any(axis=0), CRUMBS, InProcess())
    theta_mask, eta_mask = masks(found, np.array(CELLS))
    ours = weights(found, np.array(CELLS), occupancies(presence, theta_mask), occupancies(presence, eta_mask))
    others = [0, 1, 3]
    assert ours.flag[2] == NO_WEIGHT
    assert ours.weight[2] == pytest.approx(ours.weight[others].mean())
    assert np.isfinite(ours.weight).all()
    assert found.full[1, 1] == pytest.approx(0.0 + CRUMBS * (1 + 0))  # only the crumbs of (b, z)


def test_weights__clips_and_flags() -> None:
    """Weights beyond both ends and a negative one; only k1 differs between the sources."""
    ones = np.ones((3, 1, 3))
    found = Responses(
        rebuilt=ones,
        full=np.ones((1, 3)),
        present=np.ones(3, bool),
        k1=np.array([0.001, 50.0, -3.0]),
        complement=0 * ones,
        from_complement=np.zeros(3),
    )
    sums = Sums(np.full(3, 5), np.full(3, 5 * 47.001), np.zeros(3))
    none = Sums(np.zeros(3, int), np.zeros(3), np.zeros(3))
    ours = weights(found, np.array([(0, 0), (0, 1), (0, 2)]), sums, none)
    np.testing.assert_allclose(ours.weight, [0.1, 10, 0.1])
    assert ours.flag == [CLIPPED_LOW, CLIPPED_HIGH, CLIPPED_LOW]


@given(arrays(np.float64, st.tuples(st.integers(2, 9), st.just(2)), elements=st.floats(-50, 50)))
def test_sums__mean_and_standard_error(values: np.ndarray) -> None:
    sums = Sums.of(values, np.ones(values.shape, bool))
    np.testing.assert_allclose(sums.mean(), values.mean(axis=0), atol=1e-9)
    expected = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    np.testing.assert_allclose(sums.error(), expected, atol=1e-5)


@given(arrays(np.float64, (3, 4), elements=st.floats(0, 2)), st.floats(0, 1))
def test_crumbed__cell_by_cell(matrix: np.ndarray, crumbs: float) -> None:
    expected = [
        [matrix[i, j] + crumbs * (matrix[i].sum() + matrix[:, j].sum()) for j in range(4)] for i in range(3)
    ]
    np.testing.assert_allclose(crumbed(matrix, crumbs), expected, atol=1e-12)
