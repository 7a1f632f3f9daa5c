"""Scores of an untrained model, the same found one bin at a time, and what a folder looks like."""

from pathlib import Path

import numpy as np

from atypeak_scale.config import Config
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import Variable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, local_path

DATASETS, TRS = ("d1", "d2", "d3"), ("x", "y", "z")


def save_untrained(folder: Path, config: Config) -> Location:
    """Save an untrained model whose labels are in another order than the store's."""
    network = build_autoencoder(320, 3, 3, config.model, seed=config.training.seed)
    network.get_layer("sources").bias.assign(np.linspace(-0.2, 1, 9))
    return save_model(TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), config), folder)


def brute_force(scores: Scores, crumbs: float = 0.0) -> tuple[list[float], list[float]]:
    """Score every row and every peak from the labelled 4-D view, one bin at a time (method, section 4)."""
    loaded, data = load_model(scores.model), scores.cell_line.data.load()
    tensor = scores.cell_line.tensor.sel(dataset=list(loaded.labels[0]), tr=list(loaded.labels[1]))
    windows = tensor.values.astype(float)
    names = [
        (str(data["dataset"].values[i]), str(data["tr"].values[j]))
        for i, j in zip(data["source_dataset"].values, data["source_tr"].values, strict=True)
    ]
    crumbed = windows + crumbs * (windows.sum(axis=3, keepdims=True) + windows.sum(axis=2, keepdims=True))
    rebuilt = loaded.network(crumbed.astype(np.float32), training=False).numpy()
    rows = []
    for row in range(data.sizes["peak"]):
        window = int(data["peak_window"][row])
        X, h = crumbed[window], rebuilt[window]
        dataset, tr = names[int(data["peak_source"][row])]
        i, j = loaded.labels[0].index(dataset), loaded.labels[1].index(tr)
        bins = range(int(data["peak_first_bin"][row]), int(data["peak_last_bin"][row]) + 1)
        rows.append(max(max(h[x, i, j] / X[x, i, j], 1e-5) for x in bins))
    peaks: dict[int, list[float]] = {}
    for row, peak in enumerate(data["peak_catalogue"].values.tolist()):
        peaks.setdefault(peak, []).append(rows[row])
    return rows, [float(np.mean(peaks[peak])) for peak in range(data.sizes["catalogue_peak"])]


def read_all(scores: Scores, *variables: Variable) -> dict[str, np.ndarray]:
    """Read some arrays of the scores, or all of them, by name."""
    return {variable.name: scores.read(variable) for variable in variables or scores.variables}


def assert_equal_arrays(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(found[name], values, equal_nan=values.dtype.kind == "f"), name


def group_folder(scores: Scores) -> Path:
    """Return the folder of the results' group."""
    return local_path(scores.location) / scores.path


def state(folder: Location) -> dict[str, tuple[int, bytes]]:
    """Return time and content of every file, and the time of every folder."""
    paths = [local_path(folder), *local_path(folder).rglob("*")]
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in paths}
