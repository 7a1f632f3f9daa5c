"""The 4-D tensor is a lazy, labelled view of the occupancy, and leads back to it."""

import pickle

import cloudpickle
import numpy as np

from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.tensor import from_tensor, to_tensor


def test_tensor__is_lazy_labelled_and_round_trips(cell_line: CellLine) -> None:
    tensor, data = cell_line.tensor, cell_line.data
    assert tensor.dims == ("window", "bin", "dataset", "tr")
    assert tensor.chunks is not None
    assert tensor["dataset"].values.tolist() == ["d1", "d2", "d3"]
    assert tensor.sel(dataset="d2", tr="x").sum() == 0  # no such source
    one = data["occupancy"].isel(source=0)
    labels = {"dataset": int(data["source_dataset"][0]), "tr": int(data["source_tr"][0])}
    assert (tensor.isel(labels) == one).all()
    back = from_tensor(tensor, data)
    assert np.array_equal(back.values, data["occupancy"].values)


def test_tensor__holds_every_source_and_nothing_else(cell_line: CellLine) -> None:
    whole = cell_line.tensor.values
    expected = np.zeros_like(whole)
    occupancy = cell_line.occupancy(0, cell_line.shape.windows)
    for source, (row, column) in enumerate(cell_line.cells.tolist()):
        expected[:, :, row, column] = occupancy[:, :, source]
    assert np.array_equal(whole, expected)


def test_tensor__chunks_are_those_of_the_store(cell_line: CellLine) -> None:
    chunks = cell_line.tensor.chunks
    assert chunks is not None
    assert chunks[0] == tuple(stop - start for start, stop in cell_line.blocks("windows"))
    assert chunks[1:] == ((320,), (3,), (3,))


def test_tensor__travels_to_a_worker(cell_line: CellLine) -> None:
    tensor = pickle.loads(cloudpickle.dumps(to_tensor(cell_line.data)))
    assert int(tensor.sum()) == int(cell_line.occupancy(0, cell_line.shape.windows).sum()) > 0
