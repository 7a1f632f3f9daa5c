"""A Zarr store at a URL: whatever goes wrong is an OSError that names the object."""

import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from storage.object_store import Objects, objects, put

from atypeak_scale.errors import InputError
from atypeak_scale.storage.remote import RemoteStore, location_of, zarr_store


def array_at(url: str) -> "zarr.Array":
    """Make a group of one array of two chunks at a URL, and return the array."""
    group = zarr.open_group(zarr_store(url), mode="w", zarr_format=3)
    return group.create_array("a", data=np.arange(1, 5), chunks=(2,), filters=None, compressors=None)


def test_zarr_store__on_disk_is_the_path() -> None:
    assert zarr_store("x") == zarr_store("file://x") == Path("x")


def test_zarr_store__names_that_are_patterns_are_refused() -> None:
    with pytest.raises(InputError, match="would match other names"):
        zarr_store("objects://b/m*")


def test_zarr_store__missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(
        InputError, match=r"^s3://b/x: needs the package s3fs; install it with: pip install '"
    ):
        zarr_store("s3://b/x")


def test_location_of__an_opened_store(bucket: str, tmp_path: Path) -> None:
    for location in (f"{bucket}/s.zarr", tmp_path / "s.zarr"):
        group = zarr.open_group(zarr_store(location), mode="w", zarr_format=3)
        assert location_of(group.store) == location
        reading = zarr.open_group(zarr_store(location), mode="r", zarr_format=3)
        assert location_of(reading.store) == location


def test_store__is_opened_by_who_receives_it(bucket: str) -> None:
    url = f"{bucket}/s.zarr"
    array_at(url)
    opened = pickle.loads(pickle.dumps(zarr_store(url)))
    assert opened == zarr_store(url)
    assert str(opened) == url
    assert zarr.open_group(opened, mode="r")["a"][:].tolist() == [1, 2, 3, 4]


def test_store__reads_lists_and_deletes(bucket: str) -> None:
    url = f"{bucket}/s.zarr"
    array = array_at(url)
    assert array[1:3].tolist() == [2, 3]
    assert set(objects(url)) == {"zarr.json", "a/zarr.json", "a/c/0", "a/c/1"}
    assert array.nbytes_stored() > 32
    group = zarr.open_group(zarr_store(url), mode="a")
    assert list(group) == ["a"]
    put(f"{url}2/zarr.json", b"x")
    del group["a"]
    assert set(objects(url)) == {"zarr.json"}
    assert set(objects(f"{url}2")) == {"zarr.json"}
    with pytest.raises(KeyError):
        group["a"]


def test_store__a_lost_connection_names_the_object(bucket: str) -> None:
    url = f"{bucket}/s.zarr"
    array = array_at(url)
    Objects.unreadable = "a/c/1"
    assert array[:2].tolist() == [1, 2]
    with pytest.raises(OSError, match="cannot be reached: the connection was lost") as reading:
        array[:]
    assert reading.value.filename == f"{url}/a/c/1"
    Objects.unreadable = None
    Objects.allowed = 0
    with pytest.raises(OSError, match="cannot be reached: the connection was lost") as writing:
        array[:2] = 7
    assert writing.value.filename == f"{url}/a/c/0"


def test_with_read_only__is_the_same_store(bucket: str) -> None:
    store = zarr_store(f"{bucket}/s.zarr/")
    assert isinstance(store, RemoteStore)
    for read_only in (True, False):
        other = store.with_read_only(read_only)
        assert other.read_only is read_only
        assert other.url == store.url == f"{bucket}/s.zarr"
