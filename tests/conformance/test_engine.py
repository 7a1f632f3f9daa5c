"""The engine against the article's dense convolutions, with the reference weights on real windows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from atypeak_scale import score
from atypeak_scale.model import load_model
from atypeak_scale.model.inference.engine import Engine
from atypeak_scale.model.network import weight_arrays
from atypeak_scale.registry.variables import RAW
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine
from benchmarks.article import article_model

pytestmark = pytest.mark.slow

WINDOWS = 400
TOLERANCE = 2e-5  # of the output's range


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_rebuilt__equals_dense_convolutions(hela: CellLine, reference_model: Location, crumbs: float) -> None:
    model = load_model(reference_model)
    labels = [list(names) for names in model.labels]
    chosen = np.sort(np.random.default_rng(1).choice(hela.shape.windows, WINDOWS, replace=False))
    tensor = hela.tensor.isel(window=chosen).sel(dataset=labels[0], tr=labels[1]).to_numpy()
    # Beside real windows: an empty one, a full one, and peaks at both ends only.
    cells = [(labels[0].index(a), labels[1].index(b)) for a, b in hela.sources]
    extreme = np.zeros((3, *tensor.shape[1:]), bool)
    for i, j in cells:
        extreme[1, :, i, j] = True
        extreme[2, [0, -1], i, j] = True
    tensor = np.concatenate([tensor, extreme])
    occupancy = np.stack([tensor[:, :, i, j] for i, j in cells], axis=2)
    X = tensor + crumbs * (tensor.sum(axis=3, keepdims=True) + tensor.sum(axis=2, keepdims=True))
    sizes = model.config.model
    dense = article_model(*X.shape[1:], sizes.kernel_width, sizes.filters, sizes.deep_dimension)
    dense.set_weights(weight_arrays(model.network))
    h = dense.predict(X[..., None].astype(np.float32), batch_size=16, verbose=0)
    engine = Engine(model, model.labels, hela.sources, crumbs)
    parts = [rebuilt for _, rebuilt in engine.rebuilt_windows(occupancy, of_sources=False)]
    ours = np.concatenate(parts).reshape(h.shape)
    difference = float(np.abs(ours - h).max() / np.ptp(h))
    print(f"crumbs {crumbs}: largest difference {difference:.1e} of the range {np.ptp(h):.2f}")
    assert difference < TOLERANCE


def test_bfloat16__keeps_the_ranks_of_all_hela_peaks(hela: CellLine, reference_model: Location) -> None:
    scores = {}
    for precision in ("float32", "bfloat16"):
        scored = score(hela, reference_model, precision=precision)  # type: ignore[arg-type]
        scores[precision] = pd.Series(scored.read(RAW))
    rho = spearmanr(scores["float32"], scores["bfloat16"]).statistic
    largest = (scores["float32"] - scores["bfloat16"]).abs().max()
    print(f"bfloat16: Spearman {rho:.6f}, largest difference {largest:.4f}")
    assert rho >= 0.999
