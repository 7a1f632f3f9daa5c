"""Real data and reference results; every test here skips, saying so, where they are absent."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.storage.locations import Location
from atypeak_scale.store.cell_line import CellLine
from tests.report.in_browser import browser  # noqa: F401

SHARED = Path(__file__).parents[3] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real data and reference results."""
    if not (SHARED / "reference").is_dir():
        pytest.skip(f"{SHARED} with the real data and reference results is absent")
    return SHARED


@pytest.fixture(scope="session")
def hela(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> CellLine:
    """Build the store of all HeLa data from the two files."""
    from atypeak_scale import build_store, load_config, open_store

    store = tmp_path_factory.mktemp("hela") / "store.zarr"
    build_store(
        shared / "data/hela.published-raw.bed.xz", shared / "data/crm.bed.xz", store, load_config("hela")
    )
    return open_store(store)


@pytest.fixture(scope="session")
def reference_model(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Location:
    """Save the reference weights as a model folder."""
    from atypeak_scale import load_config
    from atypeak_scale.model import model_from_arrays, save_model

    description = json.loads((shared / "reference/hela_weights.json").read_text())
    with np.load(shared / "reference/hela_weights.npz") as arrays:
        ordered = [arrays[name] for name in description["order"]]
    labels = description["datasets"], description["tfs"]
    folder = tmp_path_factory.mktemp("model") / "reference"
    return save_model(model_from_arrays(ordered, labels, load_config("hela")), folder)


@pytest.fixture(scope="session")
def reference_windows(shared: Path, hela: CellLine) -> np.ndarray:
    """Return the number in the store of every window of the reference sample, in its order."""
    data = hela.data
    contig = data["contig"].to_numpy().astype(object)[data["window_contig"].to_numpy()]
    places = zip(contig, data["window_start"].to_numpy(), data["window_end"].to_numpy(), strict=True)
    number = {place: i for i, place in enumerate(places)}
    regions = _windows_in_file_order(shared)
    with np.load(shared / "reference/hela_sample_windows.npz") as sample:
        return np.array([number[regions[i]] for i in sample["window_index"]])


def _windows_in_file_order(shared: Path) -> list[tuple[str, int, int]]:
    """Cut the CRMs one by one, as method, section 2.1, says it."""
    regions = []
    with lzma.open(shared / "data/crm.bed.xz", "rt") as lines:
        for line in lines:
            contig, start, end = line.split("\t")[:3]
            position = int(start)
            while position < int(end):
                regions.append((contig, position, min(position + 3200, int(end))))
                position += 3200
    return regions
