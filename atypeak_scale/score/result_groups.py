"""Groups of scores: below the cell line's group of a store, or below one of the same name at another place.

A store that cannot be written, or shall not change, is scored into a place of results: a Zarr group with the
groups of the store, but without its data. Each says what the store was made from, and is of no other.
"""

from typing import Any

import zarr

from atypeak_scale.errors import InputError
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.remote import place_of
from atypeak_scale.store import schema


def _home(data: zarr.Group, place: Location) -> zarr.Group | None:
    """Return the group below which a place has the scores of a cell line; None where it has none."""
    if locations.absolute(place) == locations.absolute(place_of(data.store)):
        return data
    root = schema.open_root(place)
    if root is None:
        if locations.names_in(place):
            raise InputError(f"{place}: holds something else than scores; name a new folder with --results")
        return None
    if root.attrs.get(schema.RESULTS_VERSION) != schema.SCHEMA_VERSION:
        raise InputError(
            f"{place}: is a store of its own, or of another version; name a new folder with --results"
        )
    home = root.get(data.path)
    if not isinstance(home, zarr.Group):
        return None
    if home.attrs.get("made_from") != data.attrs["made_from"]:
        raise InputError(
            f"{place}: holds scores of another store, with other inputs or settings of cell line "
            f"{data.attrs['cell_line']!r} than {place_of(data.store)}; name a new folder with --results"
        )
    return home


def results(data: zarr.Group, place: Location | None = None) -> dict[str, zarr.Group]:
    """Return the groups of scores of a cell line at a place, by name, sorted; None is its store.

    Raises
    ------
    InputError
        Where the place holds something else, or scores of another store.

    """
    home = data if place is None else _home(data, place)
    found = None if home is None else home.get(schema.SCORES)
    return schema.children(found) if isinstance(found, zarr.Group) else {}


def find_scores(data: zarr.Group, place: Location, name: str) -> zarr.Group | None:
    """Open a group of scores of a cell line at a place, None where it is not; errors are as of `results`."""
    home = _home(data, place)
    found = None if home is None else home.get(name)
    return found if isinstance(found, zarr.Group) else None


def open_or_create_scores(
    data: zarr.Group,
    place: Location,
    name: str,
    attributes: dict[str, Any],
    trained: dict[str, Any],
    variables: tuple[schema.Variable, ...] = schema.SCORE_VARIABLES,
) -> zarr.Group:
    """Open a group of scores of a cell line at a place, or make it, complete with empty arrays.

    attributes: what results are told apart by; trained: what else to keep of the model's training.

    Raises
    ------
    InputError
        Where it exists and was made from something else; else as `results`.

    """
    path = f"{data.path}/{name}"
    scores = find_scores(data, place, name)
    if scores is not None:
        if any(scores.attrs.get(key) != value for key, value in attributes.items()):
            raise InputError(f"{place}/{path}: made from another model; remove it")
        return schema.open_group(place, path, "r+")
    _make_home(data, place)
    # Beside the place: within it, what a killed process leaves would be taken for a part of it.
    with locations.workshop(place) as partial:
        made = zarr.create_group(partial / "scores", attributes={**attributes, "trained": trained})
        view0, view1 = schema.views_of(data)
        sizes = {
            "peak": schema.array(data, "peak_window").shape[0],
            "catalogue_peak": schema.array(data, "catalogue_source").shape[0],
            "source": schema.array(data, f"source_{view0}").shape[0],
            "view1": schema.array(data, view1).shape[0],
        }
        rows_per_block = schema.array(data, "peak_window").chunks[0]
        schema.create_arrays(made, variables, sizes, (view0, view1), 1, rows_per_block)
        locations.publish(partial / "scores", locations.join(place, path), last=schema.METADATA)
    return schema.open_group(place, path, "r+")


def _make_home(data: zarr.Group, place: Location) -> None:
    """Make the group of all scores of a cell line at a place, where there is none."""
    if _home(data, place) is None:
        schema.create_root(place, schema.RESULTS_VERSION)
        told = {"cell_line": data.attrs["cell_line"], "made_from": data.attrs["made_from"]}
        schema.open_group(place, mode="r+").create_group(data.path, attributes=told)
    schema.open_group(place, data.path, "r+").require_group(schema.SCORES)
