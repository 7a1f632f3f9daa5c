"""The occupancy as a labelled 4-D tensor, which is a lazy view of the stored array, and back."""

import dask.array as da
import numpy as np
import numpy.typing as npt
import xarray as xr


def to_tensor(data: xr.Dataset) -> xr.DataArray:
    """Return the occupancy as (window, bin, dataset, tr): the same labels, chunk by chunk, lazily."""
    view0, view1 = data.attrs["views"]
    rows = data[f"source_{view0}"].to_numpy()
    columns = data[f"source_{view1}"].to_numpy()
    shape = data.sizes[view0], data.sizes[view1]

    def scatter(occupancy: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        cells = np.zeros((*occupancy.shape[:2], *shape), bool)
        cells[:, :, rows, columns] = occupancy
        return cells

    occupancy = data["occupancy"]
    whole = occupancy.chunk({"bin": -1, "source": -1}).data
    cells = da.map_blocks(
        scatter,
        whole,
        dtype=bool,
        drop_axis=2,
        new_axis=[2, 3],
        chunks=(whole.chunks[0], whole.chunks[1], (shape[0],), (shape[1],)),
    )
    coords = {
        name: coord
        for name, coord in data.coords.items()
        if set(coord.dims) <= {"window", "bin", view0, view1}
    }
    return xr.DataArray(cells, dims=("window", "bin", view0, view1), coords=coords, name="occupancy")


def from_tensor(tensor: xr.DataArray, data: xr.Dataset) -> xr.DataArray:
    """Return the (window, bin, source) occupancy of a 4-D view, for the sources of `data`."""
    view0, view1 = data.attrs["views"]
    cells = tensor.transpose("window", "bin", view0, view1)
    labels = {view: xr.Variable("source", data[f"source_{view}"].to_numpy()) for view in (view0, view1)}
    return cells.isel(labels)
