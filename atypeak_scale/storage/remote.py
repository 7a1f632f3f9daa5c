"""A Zarr store at a URL; every failure is an OSError that names it.

Readers of chunks take any error except OSError to mean damage, but file systems raise whatever they like if
they cannot be reached.
"""

from collections.abc import AsyncIterator
from pathlib import Path

from zarr.abc.store import ByteRequest, OffsetByteRequest, Store
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import FsspecStore, LocalStore

from atypeak_scale.storage.locations import Location, is_url, local_path
from atypeak_scale.storage.url import reaching, refuse_pattern


def zarr_store(location: Location) -> "Path | RemoteStore":
    """Return what Zarr opens for a location: the path itself, or a store at its URL.

    Raises
    ------
    InputError
        If the package that reaches the URL is missing.

    """
    if not is_url(location):
        return local_path(location)
    refuse_pattern(location)
    with reaching(location):
        # Other processes write what this one looks for, so listings must not be cached.
        store = RemoteStore.from_url(str(location), storage_options={"use_listings_cache": False})
        assert isinstance(store, RemoteStore)
        store.url = str(location).rstrip("/")
        return store


class RemoteStore(FsspecStore):
    """Keeps groups and arrays below a URL; in an object store an object exists whole or not at all."""

    url: str

    def __str__(self) -> str:
        return self.url

    def with_read_only(self, read_only: bool = False) -> "RemoteStore":
        """Return the same store, either read-only or writable."""
        store = super().with_read_only(read_only)
        assert isinstance(store, RemoteStore)
        store.url = self.url
        return store

    def _at(self, key: str) -> str:
        return f"{self.url}/{key}"

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Read an object, or a range of it; None if there is none."""
        with reaching(self._at(key), running=True):
            # "From byte 0 on" is the whole object; if asked for the whole object, S3's file system gets its
            # size first.
            return await super().get(key, prototype, byte_range or OffsetByteRequest(0))

    async def set(self, key: str, value: Buffer, byte_range: tuple[int, int] | None = None) -> None:
        """Write an object, whole."""
        with reaching(self._at(key), running=True):
            await super().set(key, value, byte_range)

    async def exists(self, key: str) -> bool:
        """Return whether there is an object."""
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


def location_of(store: Store) -> Location:
    """Return the location of an open Zarr store."""
    if isinstance(store, RemoteStore):
        return store.url
    assert isinstance(store, LocalStore)
    return Path(store.root)
