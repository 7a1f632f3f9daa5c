"""Eight planted groups of TRs, at the largest budget of the article's Fig. 3 (method, section 8)."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale import assess, build_store, load_config, open_scores, open_store, simulate, train
from atypeak_scale.assess.interpretation.clusters import adjusted_rand_index
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.catalogue.truth import read_truth
from atypeak_scale.config import parse_config

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_groups__eight_that_were_planted(tmp_path: Path) -> None:
    """Compared are the sources of reliable datasets; noise-only datasets and the watermark have no group."""
    settings = ArtificialSettings(crms=4000, datasets=8, trs=16, group_rule="equal", groups=8, seed=5)
    files = simulate(settings, tmp_path / "catalogue")
    values = load_config("artificial").model_dump()
    values["model"] |= {"filters": 24, "deep_dimension": 256}
    # The default rule stops it where it knows the watermark only: groups come late and lower the loss little.
    # At the article's rate, 1e-4, two of the groups are not yet apart after 64 epochs.
    values["training"] |= {"learning_rate": 3e-4, "batches_per_epoch": 48, "patience": 64, "min_delta": 0.0}
    config = parse_config(values, "test")
    build_store(files.peaks, files.crms, tmp_path / "s.zarr", config)
    cell_line = open_store(tmp_path / "s.zarr")
    train(cell_line, config, tmp_path / "model")
    found = assess.groups(open_scores(cell_line, tmp_path / "model"))
    truth = read_truth(files.truth)
    planted = {tr: group for group, trs in truth.groups.items() for tr in trs}
    trs = found["source_tr"].to_numpy()
    compared = np.isin(found["source_dataset"].to_numpy(), sorted(truth.reliable))
    group = found["group"].to_numpy()
    agreement = adjusted_rand_index(group[compared], np.array([planted[tr] for tr in trs[compared]]))
    print(f"{found.attrs['groups']} groups, sizes {np.bincount(group)}, adjusted Rand index {agreement:.3f}")
    assert agreement >= 0.9
