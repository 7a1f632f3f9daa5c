"""Support on a small artificial catalogue: p, the share like random and doubt against the truth.

The benchmark `calibration` says it of large ones, in narrow bounds. Here chance alone moves a tenth of some
hundred noise peaks by several points.
"""

import numpy as np
import pandas as pd
import pytest

from atypeak_scale import build_store, load_config, open_store, score, simulate, train
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import parse_config
from atypeak_scale.scoring.scores import Scores
from benchmarks import calibration

pytestmark = pytest.mark.slow

Known = tuple[Scores, pd.DataFrame]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    """Score 4 x 4 sources, and return the scores with the truth."""
    folder = tmp_path_factory.mktemp("calibration")
    files = simulate(ArtificialSettings(crms=1500, datasets=4, trs=4, seed=3), folder / "catalogue")
    values = load_config("artificial").model_dump()
    values["training"] |= {"objective": "support"}
    values["support"] = {"filters": 8, "deep_dimension": 16, "epochs": 4, "batches_per_epoch": 24}
    values["chance"] = {"placements": 2000, "folds": 3}
    config = parse_config(values, "test")
    build_store(files.peaks, files.crms, folder / "store.zarr", config)
    cell_line = open_store(folder / "store.zarr")
    train(cell_line, config, folder / "model")
    scores = score(cell_line, folder / "model")
    return scores, calibration.known_peaks(scores, files.truth)


def test_p__of_noise_is_uniform(known: Known) -> None:
    _, peaks = known
    noise = peaks[peaks["is_noise"]]
    assert len(noise) > 2500
    np.testing.assert_allclose(calibration.shares_of_tenths(noise["p"]), 0.1, atol=0.03)
    stacks = peaks[~peaks["is_noise"] & (peaks["place"] == 0)]
    assert calibration.shares_of_tenths(stacks["p"])[0] > 0.6


def test_share_random__is_about_that_of_noise(known: Known) -> None:
    scores, peaks = known
    table = calibration.sources(peaks, scores)
    assert len(table) == 8  # of the reliable datasets; in the others all is noise, which cannot be told
    assert np.abs(table["found"] - table["alone"]).max() < 0.12
    assert np.abs(table["found"] - table["alone"]).mean() < 0.05


def test_doubt__is_the_share_of_noise(known: Known) -> None:
    _, peaks = known
    tenths = calibration.doubt_of_tenths(peaks)
    assert tenths["peaks"].sum() == peaks["doubt"].notna().sum()
    lowest, highest = tenths.iloc[0], tenths.iloc[-1]
    assert lowest["peaks"] > 1000
    assert lowest["noise"] == pytest.approx(lowest["doubt"], abs=0.04)
    assert highest["noise"] > 0.6


def test_is_left_alone__equals_a_loop() -> None:
    rng = np.random.default_rng(0)
    crm, source = rng.integers(0, 20, 60), rng.integers(0, 4, 60).astype(np.int32)
    kind = rng.integers(0, 3, 60).astype(np.int8)
    found = calibration.is_left_alone(crm, source, kind)
    for at in range(60):
        others = [
            i for i in range(60)
            if kind[i] == calibration.STACK and crm[i] == crm[at] and source[i] != source[at]
        ]  # fmt: skip
        assert found[at] == (kind[at] == calibration.STACK and not others)
    assert 0 < found.sum() < (kind == calibration.STACK).sum()
