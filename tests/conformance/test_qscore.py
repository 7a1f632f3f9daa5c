"""The Q-score against the published program, its one-pass fault mended (method, section 6.5)."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale import open_scores
from atypeak_scale.assess.quality.pair_sums import pair_sums
from atypeak_scale.assess.quality.qscore import qscore_of, sum_windows
from atypeak_scale.model import load_model
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine

pytestmark = pytest.mark.slow

VIEWS = ("dataset", "tr")
TOTAL = 0.5402


@pytest.fixture
def rows(shared: Path) -> np.ndarray:
    """Return the rows of the reference sample that the reference Q-score was made from."""
    return np.loadtxt(shared / "reference/hela_qscore_500_sample.txt", dtype=np.int64)


@pytest.fixture
def reference(shared: Path) -> np.ndarray:
    contributions = np.loadtxt(shared / "reference/hela_qscore_500.tsv")
    assert contributions.sum() == pytest.approx(TOTAL, abs=5e-5)
    return contributions


def test_qscore__equals_the_reference(
    shared: Path, reference_model: Location, rows: np.ndarray, reference: np.ndarray
) -> None:
    with np.load(shared / "reference/hela_sample_windows.npz") as sample:
        shape = sample["shape"]
        packed = sample["packed"][rows]
        windows = np.unpackbits(packed, axis=1, count=int(np.prod(shape[1:]))).reshape(-1, *shape[1:])
        labels = sample["datasets"].tolist(), sample["tfs"].tolist()
    cells = np.argwhere(windows.any(axis=(0, 1)))
    occupancy = windows[:, :, cells[:, 0], cells[:, 1]].astype(bool)
    engine = Engine(
        load_model(reference_model), labels, [(labels[0][i], labels[1][j]) for i, j in cells], 0.0
    )
    passes = [part.mean(axis=1, dtype=np.float64) for _, part in engine.rebuilt_windows(occupancy, False)]
    found = qscore_of(
        pair_sums(occupancy, cells, np.concatenate(passes).reshape(-1, *shape[2:])), labels, VIEWS
    )
    difference = np.abs(found["contribution"].to_numpy() - reference).max()
    print(f"Q-score {float(found['total']):.6f}, largest difference of a contribution {difference:.1e}")
    assert difference < 1e-6
    assert float(found["total"]) == pytest.approx(TOTAL, abs=5e-5)


def test_qscore__of_the_same_windows_of_the_store_equals_the_reference(
    hela: CellLine, reference_model: Location, reference_windows: np.ndarray, rows: np.ndarray,
    reference: np.ndarray,
) -> None:  # fmt: skip
    """The store's windows lie in 75 chunks, its sources are fewer than the cells, its labels are its own."""
    sums = sum_windows(open_scores(hela, reference_model), np.sort(reference_windows[rows]))
    labels = [f"d{i}" for i in range(9)], [f"t{i}" for i in range(13)]
    found = qscore_of(sums, labels, VIEWS)
    np.testing.assert_allclose(found["contribution"].to_numpy(), reference, atol=1e-6)
