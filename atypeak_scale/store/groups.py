"""The groups of a store: one for each cell line, and the root, which holds the version of the format."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import quote

import zarr
from zarr.errors import GroupNotFoundError, NodeTypeValidationError, ZarrUserWarning

from atypeak_scale.errors import DamagedError, InputError, nearest
from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.storage.remote import zarr_store

SCHEMA_VERSION = 1
LONGEST_NAME = 150  # bytes of a group's name; file systems allow 255, and hidden siblings are longer
SCORES, PLACEMENTS = "scores", "placements"  # groups of results below that of a cell line
DATA = "data"  # what to lock of a cell line, beside its results
METADATA = "zarr.json"  # the file that makes a folder a group or an array
STORE_VERSION = "schema_version"  # attribute of the root of a store
RESULTS_VERSION = "results_version"  # attribute of a root that holds scores but no data


def group_name(name: str) -> str:
    """Return a group name for a label from a file, percent-encoded so that it cannot choose a path."""
    quoted = quote(name, safe="+ ")
    if len(quoted) > LONGEST_NAME:
        quoted = f"{quoted[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
    # Zarr's own names, and hidden ones.
    if quoted.startswith((".", "__")) or quoted == METADATA:
        return f"%{ord(quoted[0]):02X}{quoted[1:]}"
    return quoted


@contextmanager
def reading_metadata(where: object) -> Iterator[None]:
    """Raise DamagedError for metadata of a group or an array that Zarr cannot read, whatever is wrong."""
    try:
        yield
    except (FileNotFoundError, GroupNotFoundError):
        raise
    except (ValueError, TypeError, KeyError, AttributeError):
        raise DamagedError(
            f"{where}: its metadata ({METADATA}) is damaged; remove it and make it again"
        ) from None


def open_group(store: Location, path: str = "", mode: Literal["r", "r+"] = "r") -> zarr.Group:
    """Open a group of a store, local or at a URL, by its path within it."""
    with reading_metadata(f"{store}/{path}"):
        return _open_group(store, path, mode)


def _open_group(store: Location, path: str, mode: Literal["r", "r+"]) -> zarr.Group:
    # Without a named format, Zarr looks for the files of every version.
    return zarr.open_group(zarr_store(store), path=path, mode=mode, zarr_format=3, use_consolidated=False)


@contextmanager
def unfinished_ignored() -> Iterator[None]:
    """Keep Zarr from warning about what a killed upload left beside the groups that it lists."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ZarrUserWarning)
        yield


def children(group: zarr.Group) -> dict[str, zarr.Group]:
    """Return the groups directly below a group, by name, sorted."""
    with unfinished_ignored(), reading_metadata(group.store_path):
        return dict(sorted(group.groups()))


def open_root(location: Location) -> zarr.Group | None:
    """Open the group at a location; None if there is none.

    Raises
    ------
    InputError
        If a URL cannot be reached.

    """
    try:
        return _open_group(location, "", "r")
    except (FileNotFoundError, GroupNotFoundError, NodeTypeValidationError, ValueError):
        return None
    except OSError as problem:
        if not locations.is_url(location):
            raise
        raise InputError(f"{location}: {problem.strerror}") from None


def open_store_root(store: Location) -> zarr.Group:
    """Open the root of a store.

    Raises
    ------
    InputError
        If there is no store, it cannot be reached, or it has another schema version.

    """
    root = open_root(store)
    if root is None:
        raise InputError(f"{store}: not a store; make one with 'atypeak-scale build-store'")
    if RESULTS_VERSION in root.attrs:
        raise InputError(
            f"{store}: holds only scores; name their store, and give this as the place of results", "results"
        )
    if "cell_line" in root.attrs:
        outer = str(locations.absolute(store)).rpartition("/")[0]
        raise InputError(f"{store}: is a cell line within a store; name the store, {outer}")
    found = root.attrs.get(STORE_VERSION)
    if found != SCHEMA_VERSION:
        raise InputError(
            f"{store}: schema version {found}, but this program reads version {SCHEMA_VERSION}; "
            "build the store again with this version of atypeak-scale, or use the version that wrote it"
        )
    return root


def groups_of_cell_lines(store: Location) -> dict[str, str]:
    """Return cell line -> name of its group; raise the errors that `open_store_root` raises."""
    groups = children(open_store_root(store)).items()
    return {
        str(group.attrs["cell_line"]): name
        for name, group in groups
        if "cell_line" in group.attrs and not name.startswith(".")
    }


def the_cell_line(store: Location, cell_line: str | None) -> str:
    """Return the name of a cell line of a store; None means the only one.

    Raises
    ------
    InputError
        If there is no store, it has another schema version, it lacks the cell line, or no name is given and
        it holds several or none.

    """
    names = groups_of_cell_lines(store)
    if not names:
        raise InputError(f"{store}: holds no cell line; build one with 'atypeak-scale build-store'")
    if cell_line is None:
        if len(names) != 1:
            raise InputError(
                f"{store}: holds {len(names)} cell lines ({', '.join(sorted(names))}); name one", "cell_line"
            )
        cell_line = next(iter(names))
    if cell_line not in names:
        raise InputError(f"{store}: has no cell line {cell_line!r}; {nearest(cell_line, names)}")
    return cell_line


def create_root(location: Location, version: str = STORE_VERSION) -> None:
    """Create an empty store, or a root for scores (`RESULTS_VERSION`), if there is none."""
    zarr.open_group(zarr_store(location), mode="a", zarr_format=3, attributes={version: SCHEMA_VERSION})


def is_consolidated(store: Location, path: str) -> bool:
    """Whether readers that look at consolidated metadata first know of all groups and arrays at a path."""
    root = zarr.open_group(zarr_store(store), mode="r", zarr_format=3)
    found = root.metadata.consolidated_metadata
    known = {} if found is None else found.flattened_metadata
    group = open_group(store, path)
    return path in known and all(f"{path}/{name}" in known for name in group)


def consolidate(store: Location) -> None:
    """Consolidate the metadata of a store after one of its groups is finished.

    Some readers look there first; xarray does by default. This program never does, so if a command is killed
    before this line, the program still finds everything. One process at a time: it lists what is there, and a
    slower one would write an older list.
    """
    # Consolidation is not part of the Zarr v3 specification; a reader without it reads the arrays one by one.
    with sole_writer(store, "metadata", wait=True), unfinished_ignored():
        zarr.consolidate_metadata(zarr_store(store))
