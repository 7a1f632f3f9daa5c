"""An artificial catalogue scored by an untrained model of support, and the network itself, bin by bin."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.config import Config, NormalizationSettings, for_support, parse_config
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete, score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

DATASETS, TRS = 3, 2
PLACEMENTS = 100


def settings(name: str = "artificial") -> Config:
    values = {
        "cell_line": name,
        "store": {"min_crm_peaks": 0, "windows_per_chunk": 16, "rows_per_block": 64},
        "model": {"filters": 4, "deep_dimension": 8},
        "support": {
            "filters": 4,
            "deep_dimension": 8,
            "epochs": 1,
            "batch_windows": 8,
            "batches_per_epoch": 2,
        },
        "chance": {"placements": PLACEMENTS},
    }
    return parse_config(values, "test")


def supported(folder: Path) -> Scores:
    """CRMs of two windows on two contigs, some without a peak; complete scores of support."""
    drawn = ArtificialSettings(crms=60, datasets=DATASETS, trs=TRS, crm_length=4000, seed=8)
    files = simulate(drawn, folder / "catalogue")
    config = settings()
    build_store(files.peaks, files.crms, folder / "s.zarr", config)
    cell_line = open_store(folder / "s.zarr")
    return score(cell_line, untrained(folder / "support", for_support(config), cell_line))


def untrained(folder: Path, config: Config, cell_line: CellLine, seed: int = 1) -> Path:
    """Save a model with large random weights, so that every source matters."""
    network = build_autoencoder(320, *map(len, cell_line.labels), config.model, seed=seed)
    rng = np.random.default_rng(seed)
    network.set_weights([(weights + rng.normal(0, 0.2, weights.shape)).astype(np.float32)
                         for weights in network.get_weights()])  # fmt: skip
    return Path(save_model(TrainedModel(network, cell_line.labels, config), folder))


def article_of(supported: Scores, folder: Path, crumbs: float = 0.0) -> Scores:
    """Score the same cell line by an untrained model of the article."""
    model = untrained(folder, settings(), supported.cell_line, seed=2)
    return score(supported.cell_line, model, crumbs)


def normalized_of(supported: Scores, folder: Path, crumbs: float = 0.0) -> Scores:
    """Score the same cell line by an untrained model of the article, and normalize, in another place."""
    model = untrained(folder / "model", settings(), supported.cell_line, seed=2)
    scores = open_scores(supported.cell_line, model, crumbs=crumbs, results=folder / "results")
    complete(scores)
    return normalize(scores, NormalizationSettings(sample="all"))


@lru_cache(maxsize=2)
def loaded(model: str, fingerprint: str) -> TrainedModel:
    """Load a model, once for all windows that a test asks it about."""
    return load_model(model)


def outputs(scores: Scores, windows: np.ndarray, crumbs: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return X and h(X) of windows (windows, bins, sources) at the cells of the sources."""
    model, cells = loaded(str(scores.model), scores.fingerprint), scores.cell_line.cells
    tensor = np.zeros((*windows.shape[:2], *map(len, model.labels)), np.float32)
    for number, (row, column) in enumerate(cells):
        tensor[:, :, row, column] = windows[:, :, number]
    tensor = tensor + crumbs * (tensor.sum(axis=3, keepdims=True) + tensor.sum(axis=2, keepdims=True))
    rebuilt = model.network.predict(tensor.astype(np.float32), batch_size=64, verbose=0)
    return tensor[:, :, cells[:, 0], cells[:, 1]], rebuilt[:, :, cells[:, 0], cells[:, 1]]


def pairs_won(high: np.ndarray, low: np.ndarray) -> float:
    """Return the AUROC from all pairs."""
    return float((high[:, None] > low).mean() + (high[:, None] == low).mean() / 2)
