"""Training from scratch on real data: some minutes a seed, run by hand with -m slow (method, section 3)."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from atypeak_scale import load_config, score, train
from atypeak_scale.config import with_seed
from atypeak_scale.registry.variables import RAW
from atypeak_scale.store.cell_line import CellLine

SEEDS = (1, 2, 3)


@pytest.mark.slow
def test_hela__three_seeds_reach_the_published_loss_and_ranks(
    shared: Path, hela: CellLine, tmp_path: Path
) -> None:
    columns = ["contig", "start", "end", "name", "score"]
    file = shared / "data/hela.published-raw.bed.xz"
    published = pd.read_csv(file, sep="\t", skiprows=1, header=None, names=columns, usecols=range(5))
    published = published.drop_duplicates(columns[:4])
    data = hela.data.load()
    contig, source = data["contig"].to_numpy().astype(object), data["catalogue_source"].to_numpy()
    names = [
        f"{data['dataset'].values[i]}.{data['tr'].values[j]}.hela"
        for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
    ]
    peaks = pd.DataFrame(
        {
            "contig": contig[data["catalogue_contig"].to_numpy()],
            "start": data["catalogue_start"].to_numpy(),
            "end": data["catalogue_end"].to_numpy(),
            "name": np.array(names, object)[source],
        }
    )
    ranks = []
    for seed in SEEDS:
        config = with_seed(load_config("hela"), seed)
        folder = tmp_path / f"seed-{seed}"
        model = train(hela, config, folder)
        peaks[f"raw{seed}"] = score(hela, folder).read(RAW)
        both = peaks.drop_duplicates(columns[:4]).merge(published, on=columns[:4])
        assert len(both) == len(published)
        rho = float(spearmanr(both[f"raw{seed}"], both["score"]).statistic)
        assert model.training is not None
        print(f"seed {seed}: {model.training}, Spearman with the published scores {rho:.4f}", flush=True)
        ranks.append((model.training.kept_loss, rho))
    for one, other in combinations(SEEDS, 2):
        rho = float(spearmanr(peaks[f"raw{one}"], peaks[f"raw{other}"]).statistic)
        print(f"seeds {one} and {other}: Spearman {rho:.4f}")
    assert all(0.0017 < loss < 0.0026 for loss, _ in ranks)
    assert all(rho >= 0.95 for _, rho in ranks)
