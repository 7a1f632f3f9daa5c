"""Keep what was found beside the scores it was found with, as labelled arrays (DESIGN 3)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import xarray as xr
import zarr
from zarr.errors import GroupNotFoundError, UnstableSpecificationWarning

from atypeak_scale.errors import InputError
from atypeak_scale.scoring.blocks import ScoreRun
from atypeak_scale.store import schema

COMPLETE = "complete"


def save_results(run: ScoreRun, name: str, results: xr.Dataset) -> None:
    """Write `results` as the group `name` below the scores of a run, in place of what was there.

    The mark that it is complete is written last, so that a stopped writer leaves nothing that is read.
    Text is stored as object arrays of str; labels of unbounded length must not be `<U`.
    """
    with filling_results(run, name, results):
        pass


@contextmanager
def filling_results(run: ScoreRun, name: str, results: xr.Dataset) -> Iterator[zarr.Group]:
    """Write `results` as `save_results` does, but for its Dask arrays, which are only made.

    Yields the group in which to fill them; it is marked as complete when the block ends well.
    """
    _, scores = run.open()
    path = f"{scores.path}/{name}"
    encoding = {
        str(key): {"compressors": schema.compressors(str if array.dtype.kind in "OUT" else array.dtype)}
        for key, array in results.variables.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        results.to_zarr(
            scores.store, group=path, mode="w", consolidated=False, zarr_format=3, encoding=encoding,
            compute=False,
        )  # fmt: skip
    group = schema.open_group(run.results, path, "r+")
    yield group
    group.attrs[COMPLETE] = True
    schema.consolidate(run.results)


def open_results(run: ScoreRun, name: str) -> xr.Dataset:
    """Open what was saved, lazily.

    Raises
    ------
    InputError
        Where there is nothing of that name, or its writer was stopped.

    """
    _, scores = run.open()
    try:
        found: xr.Dataset | None = xr.open_zarr(
            scores.store, group=f"{scores.path}/{name}", consolidated=False
        )
    except (FileNotFoundError, GroupNotFoundError):
        found = None
    if found is None or not found.attrs.get(COMPLETE):
        raise InputError(f"{run.results}: has no {name} of model {run.model}; make it first")
    return found


def load_results(run: ScoreRun, name: str) -> xr.Dataset:
    """Read all of what was saved; errors are those of `open_results`."""
    loaded: xr.Dataset = open_results(run, name).load()
    return loaded
