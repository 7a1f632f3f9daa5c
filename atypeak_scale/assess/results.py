"""Keep what an assessment found: arrays with the scores, or tables in a folder; whole or not at all."""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from zarr.errors import GroupNotFoundError, UnstableSpecificationWarning

from atypeak_scale.errors import InputError, nearest
from atypeak_scale.provenance import new_output
from atypeak_scale.registry.dictionary import DICTIONARY
from atypeak_scale.registry.results import RESULTS, Result
from atypeak_scale.registry.table import Column, Table
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, join
from atypeak_scale.store.arrays import array_of, compressors, write_chunks
from atypeak_scale.store.groups import open_group
from atypeak_scale.tables import COLUMNS_FILE, columns_of, file_name, write_dictionary, write_tsv

if TYPE_CHECKING:
    import pandas as pd

COMPLETE = "complete"


def described(found: xr.Dataset, result: Result) -> xr.Dataset:
    """Give every registered variable its description."""
    for name, text in result.variables.items():
        if name in found:
            found[name].attrs["description"] = text
    return found


def save(found: xr.Dataset, scores: Scores, result: Result) -> None:
    """Write `found` below the scores and replace what was there; create the scores if they do not exist.

    The mark of completeness is written last, so nothing is read of what a stopped writer leaves.
    Text is stored as object arrays of str; labels of unbounded length must not be `<U`.
    """
    with filling(found, scores, result):
        pass


class ArraysToFill:
    """Arrays of an assessment that tasks fill, whole chunks each; picklable."""

    def __init__(self, location: Location, path: str) -> None:
        """`path`: path of the group within the location."""
        self.location, self.path = location, path

    def group(self) -> zarr.Group:
        """Open the group, for writing."""
        return open_group(self.location, self.path, "r+")

    def write(self, name: str, start: int, values: npt.NDArray[Any]) -> None:
        """Write whole chunks of an array from `start` along its first dim."""
        write_chunks(array_of(self.group(), name), start, values)

    def set(self, name: str, start: int, values: npt.NDArray[np.floating[Any]]) -> None:
        """Write any part of an array; never call this from two tasks that may share a chunk."""
        array_of(self.group(), name)[start : start + len(values)] = values


@contextmanager
def filling(found: xr.Dataset, scores: Scores, result: Result) -> Iterator[ArraysToFill]:
    """Write `found` as `save` does, except for its Dask arrays, which are only created.

    Yields the arrays to fill; the group is marked as complete if the block ends without an error.
    """
    scores.create()
    path = f"{scores.path}/{result.name}"
    encoding = {
        str(key): {"compressors": compressors(str if array.dtype.kind in "OUT" else array.dtype)}
        for key, array in found.variables.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        described(found, result).to_zarr(
            scores.group("r+").store, group=path, mode="w", consolidated=False, zarr_format=3,
            encoding=encoding, compute=False,
        )  # fmt: skip
    arrays = ArraysToFill(scores.location, path)
    yield arrays
    arrays.group().attrs[COMPLETE] = True
    scores.finish()


def load(scores: Scores, result: Result | str) -> xr.Dataset:
    """Open what was saved, lazily; `result` is one of RESULTS, or its name, such as "qscore".

    Raises
    ------
    InputError
        If there is nothing of that name, or its writer was stopped.

    """
    if isinstance(result, str):
        known = {one.name: one for one in RESULTS}
        if result not in known:
            raise InputError(f"no result {result!r}; {nearest(result, known)}", "result")
        result = known[result]
    found: xr.Dataset | None = None
    if scores.exists():
        path = f"{scores.path}/{result.name}"
        try:
            found = xr.open_zarr(scores.group().store, group=path, consolidated=False)
        except (FileNotFoundError, GroupNotFoundError):
            found = None
    if found is None or not found.attrs.get(COMPLETE):
        raise InputError(f"{scores.location}: has no {result.name} of model {scores.model}; make it first")
    return found


def save_tables(
    tables: Iterable[tuple[Table, "pd.DataFrame"]],
    out: Location,
    views: tuple[str, str],
    made_from: dict[str, Any],
) -> list[tuple[Location, str]]:
    """Write tables to the new folder `out`, whole or not at all, with a record of what they were made from.

    A table may come in several parts. Returns each file with its description.

    Raises
    ------
    InputError
        If `out` exists.

    """
    written: dict[str, str] = {}
    columns: dict[str, Sequence[Column]] = {}
    with new_output(out, made_from) as folder:
        for table, frame in tables:
            name = file_name(table)
            write_tsv(frame, table, views, folder / name, append=name in written)
            written[name], columns[name] = table.description, columns_of(frame, table, views)
        write_dictionary(columns, folder)
        written[COLUMNS_FILE] = DICTIONARY.description
    return [(join(out, name), what) for name, what in written.items()]
