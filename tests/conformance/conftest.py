"""Real data and reference results; every test here skips, saying so, where they are absent."""

import json
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data and reference results."""
    if not (SHARED / "reference").is_dir():
        pytest.skip(f"{SHARED} with the real data and reference results is absent")
    return SHARED


@pytest.fixture(scope="session")
def hela_store(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the store of all HeLa data from the two files."""
    from atypeak_scale import build_store, load_config

    store = tmp_path_factory.mktemp("hela") / "store.zarr"
    build_store(
        shared / "data/hela.published-raw.bed.xz", shared / "data/crm.bed.xz", store, load_config("hela")
    )
    return store


@pytest.fixture(scope="session")
def reference_model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Save the reference weights as a model folder."""
    from atypeak_scale import load_config, model_from_arrays, save_model

    description = json.loads((shared / "reference/hela_weights.json").read_text())
    with np.load(shared / "reference/hela_weights.npz") as arrays:
        ordered = [arrays[name] for name in description["order"]]
    labels = description["datasets"], description["tfs"]
    folder = tmp_path_factory.mktemp("model") / "reference"
    return save_model(model_from_arrays(ordered, labels, load_config("hela")), folder)
