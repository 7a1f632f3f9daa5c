"""Open a store as labelled arrays: the xarray Dataset of a cell line and its lazy 4-D view (DESIGN 3)."""

from dataclasses import dataclass

import dask.array as da
import numpy as np
import numpy.typing as npt
import xarray as xr

from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.remote import zarr_store
from atypeak_scale.store import schema


@dataclass(frozen=True)
class OpenStore:
    """The data of one cell line; nothing is read before it is asked for.

    data: every variable of the store. tensor: bool (window, bin, dataset, tr), the occupancy of every
    (dataset, TR) cell, with the same labels; the last two dims are named by the views (SPEC 2.4).
    """

    data: xr.Dataset
    tensor: xr.DataArray


def open_store(store: Location, cell_line: str | None = None) -> OpenStore:
    """Open a cell line of a store; `cell_line` may be left out where there is only one.

    Raises
    ------
    InputError
        Where there is no such store or cell line, or it has another schema version.

    """
    group = schema.open_cell_line(store, cell_line)
    data = xr.open_zarr(zarr_store(store), group=group.path, consolidated=False)
    return OpenStore(data, to_tensor(data))


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
    """Return (window, bin, source) occupancy of a 4-D view, the sources being those of `data`."""
    view0, view1 = data.attrs["views"]
    cells = tensor.transpose("window", "bin", view0, view1)
    labels = {view: xr.Variable("source", data[f"source_{view}"].to_numpy()) for view in (view0, view1)}
    return cells.isel(labels)
