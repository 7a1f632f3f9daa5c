"""A Zarr store at a URL, whose every failure is an OSError that names it.

Zarr takes an error of reading a chunk for damage unless it is an OSError (`schema.damage_of`), and file
systems raise whatever they like where they cannot be reached.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest, OffsetByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore

from atypeak_scale.storage.locations import Location, is_url, local_path, reaching, refuse_pattern


def zarr_store(place: Location) -> "Path | RemoteStore":
    """Return what Zarr opens for a place: the path itself, or a store at its URL.

    Raises
    ------
    InputError
        Where the package that reaches the URL is missing.

    """
    if not is_url(place):
        return local_path(place)
    refuse_pattern(place)
    with reaching(place):
        # Other processes write what this one looks for: a listing must not be remembered.
        store = RemoteStore.from_url(str(place), storage_options={"use_listings_cache": False})
        assert isinstance(store, RemoteStore)
        store.url = str(place).rstrip("/")
        return store


class RemoteStore(FsspecStore):
    """Keeps groups and arrays below a URL; an object of an object store is there whole or not at all."""

    url: str

    def __str__(self) -> str:
        return self.url

    def with_read_only(self, read_only: bool = False) -> "RemoteStore":
        """Return the same store, for reading only or for both."""
        store = super().with_read_only(read_only)
        assert isinstance(store, RemoteStore)
        store.url = self.url
        return store

    def _at(self, key: str) -> str:
        return f"{self.url}/{key}"

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object, or a range of it; None where there is none."""
        with reaching(self._at(key), running=True):
            # "From byte 0 on" is all of it; asked for all of it, S3's file system asks for the size first.
            return await super().get(key, prototype, byte_range or OffsetByteRequest(0))

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object, whole."""
        with reaching(self._at(key), running=True):
            await super().set(key, value, byte_range)

    async def exists(self, key: str) -> bool:
        """Whether there is an object."""
        with reaching(self._at(key), running=True):
            return await super().exists(key)

    async def delete(self, key: str) -> None:
        """Delete an object, if there is one."""
        with reaching(self._at(key), running=True):
            await super().delete(key)

    async def delete_dir(self, prefix: str) -> None:
        """Delete all objects below a prefix."""
        with reaching(self._at(prefix), running=True):
            await super().delete_dir(prefix)

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names directly below a prefix."""
        with reaching(self._at(prefix), running=True):
            async for name in super().list_dir(prefix):
                yield name

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of all objects below a prefix."""
        with reaching(self._at(prefix), running=True):
            async for name in super().list_prefix(prefix):
                yield name

    async def getsize(self, key: str) -> int:
        """Return the bytes of an object."""
        with reaching(self._at(key), running=True):
            return await super().getsize(key)


def place_of(store: Any) -> Location:
    """Return where an opened Zarr store is."""
    return store.url if isinstance(store, RemoteStore) else Path(store.root)
