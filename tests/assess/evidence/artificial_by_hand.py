"""An artificial catalogue, scored by an untrained model, and what its truth says, found by hand."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.catalogue import artificial
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.config import Config, parse_config
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.score import score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

DATASETS, TRS = 3, 4


@dataclass(frozen=True)
class Artificial:
    scores: Scores
    truth: Path


def settings(**values: object) -> Config:
    model = {"filters": 4, "deep_dimension": 8}
    store = {"min_crm_peaks": 0, "windows_per_chunk": 16, "rows_per_block": 64}
    return parse_config({"cell_line": "artificial", "model": model, "store": store, **values}, "test")


def scored_artificial(folder: Path) -> Artificial:
    """CRMs of two windows on three contigs, scored by an untrained model with labels in another order."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(artificial, "CRMS_PER_CONTIG", 17)
        drawn = ArtificialSettings(
            crms=45, datasets=DATASETS, trs=TRS, crm_length=4000, reliable_datasets=2, seed=8,
            false_negative_probability=0.5,
        )  # fmt: skip
        files = simulate(drawn, folder / "catalogue")
    store = folder / "s.zarr"
    config = settings()
    build_store(files.peaks, files.crms, store, config)
    network = build_autoencoder(320, DATASETS, TRS, config.model, seed=1)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, DATASETS * TRS))
    labels = ("dataset02", "dataset00", "dataset01"), ("tr03", "tr00", "tr02", "tr01")
    model = save_model(TrainedModel(network, labels, config), folder / "model")
    return Artificial(normalize(score(open_store(store), model)), files.truth)


def kinds_of_peaks(made: Artificial) -> dict[tuple[str, int, int, str, str], tuple[str, int]]:
    """Return (kind, group) by contig, start, end, dataset and TR."""
    truth = pd.read_csv(made.truth, sep="\t")
    known = {}
    for row in truth.itertuples():
        dataset, tr, _ = str(row.name).split(".")
        known[(row.contig, row.start, row.end, dataset, tr)] = (row.kind, row.group)
    assert len(known) == len(truth)
    return known  # type: ignore[return-value]
