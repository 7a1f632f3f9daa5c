"""Where scores are: below the cell line's group in its store, or below a group of that name elsewhere.

If a store cannot be written, or must not change, its scores go to another location: a Zarr group with the
same groups as the store, but without its data. Each group records what its store was made from, and is
refused for any other store.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import zarr

from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import Variable
from atypeak_scale.storage import locations, targets
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.locks import kept_in_place, sole_writer
from atypeak_scale.store.arrays import EVERY_CHUNK, create_arrays
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.groups import (
    DATA,
    METADATA,
    RESULTS_VERSION,
    SCHEMA_VERSION,
    SCORES,
    children,
    create_root,
    open_group,
    open_root,
    open_store_root,
)

# Attributes of complete results: how they were normalized, or what their peaks were compared with.
NORMALIZATION, CHANCE = "normalization", "chance"
UNKNOWN = "unknown_sources"  # attribute of results: names of sources that the model does not know, if any


def _parent(cell_line: CellLine, location: Location) -> zarr.Group | None:
    """Return the group at a location that holds the scores of a cell line; None if there is none."""
    if locations.absolute(location) == cell_line.store:
        open_store_root(cell_line.store)  # if the store cannot be reached, the error names it
        return cell_line.group()
    root = open_root(location)
    if root is None:
        if targets.target(location).names():
            raise InputError(f"{location}: holds something other than scores; name a new folder", "results")
        return None
    if root.attrs.get(RESULTS_VERSION) != SCHEMA_VERSION:
        raise InputError(
            f"{location}: is itself a store, or has another version; name a new folder", "results"
        )
    parent = root.get(cell_line.path)
    if not isinstance(parent, zarr.Group):
        return None
    if parent.attrs.get("made_from") != cell_line.made_from:
        raise InputError(
            f"{location}: holds scores of another store, with other inputs or settings of cell line "
            f"{cell_line.name!r} than {cell_line.store}; name a new folder",
            "results",
        )
    return parent


def all_results(
    cell_line: CellLine, location: Location | None = None, kind: str = SCORES
) -> dict[str, zarr.Group]:
    """Return the groups of scores, or of placements, of a cell line by name, sorted.

    A `location` of None means its store.

    Raises
    ------
    InputError
        If the location holds something else, or scores of another store.

    """
    parent = _parent(cell_line, cell_line.store if location is None else location)
    found = None if parent is None else parent.get(kind)
    return children(found) if isinstance(found, zarr.Group) else {}


def is_complete(results: zarr.Group) -> bool:
    """Return whether every peak has a final score, or a doubt."""
    return NORMALIZATION in results.attrs or CHANCE in results.attrs


def find_results(cell_line: CellLine, location: Location, name: str, kind: str = SCORES) -> zarr.Group | None:
    """Open a group of scores, or of placements, of a cell line; None if there is none.

    Raises
    ------
    InputError
        As `all_results`.

    """
    parent = _parent(cell_line, location)
    found = None if parent is None else parent.get(f"{kind}/{name}")
    return found if isinstance(found, zarr.Group) else None


@contextmanager
def writing_results(cell_line: CellLine, location: Location, what: str, wait: bool = False) -> Iterator[None]:
    """Hold the right to write some results of a cell line while the block runs.

    Until then nobody can replace the cell line: its new data would take these results with them.

    Raises
    ------
    AtypeakError
        If another process writes these results and `wait` is not set, or replaces the cell line.
    InputError
        If nothing can be written there.

    """
    remedy = "if the store must stay as it is, keep the scores in another place"
    with (
        kept_in_place(cell_line.store, f"{cell_line.name}/{DATA}"),
        sole_writer(location, f"{cell_line.name}/{what}", wait, remedy, "results"),
    ):
        yield


def create_results(
    cell_line: CellLine,
    location: Location,
    name: str,
    attributes: dict[str, Any],
    variables: Sequence[Variable],
    further_sizes: Mapping[str, int] | None = None,
    kind: str = SCORES,
) -> None:
    """Create a group of scores, or of placements, with empty arrays; it appears whole or not at all.

    further_sizes: of the dims that the store does not have.
    """
    if _parent(cell_line, location) is None:
        create_root(location, RESULTS_VERSION)
        told = {"cell_line": cell_line.name, "made_from": cell_line.made_from}
        open_group(location, mode="r+").create_group(cell_line.path, attributes=told)
    open_group(location, cell_line.path, "r+").require_group(kind)
    # Made beside the location: inside, the remains of a killed process would look like part of it.
    with targets.target(location).staging_folder() as folder:
        made = zarr.create_group(folder / kind, attributes={**attributes, EVERY_CHUNK: True})
        sizes = {
            "peak": cell_line.row_count,
            "catalogue_peak": cell_line.peak_count,
            "source": cell_line.shape.sources,
            "view1": len(cell_line.labels[1]),
            **(further_sizes or {}),
        }
        create_arrays(made, variables, sizes, cell_line.views, 1, cell_line.rows_per_block)
        target = locations.join(location, cell_line.path, kind, name)
        targets.target(target).publish(folder / kind, last=METADATA)
