"""Files and folders at any URL that fsspec can reach.

Nothing can be renamed there, but object stores show an object whole or not at all. So a folder is made on
this machine and uploaded, and the file that readers look for comes last. Endpoints and credentials are
configured in fsspec. Nothing is locked at a URL.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.storage import atomic
from atypeak_scale.storage.locations import Location, join, name_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

UNFINISHED = ".unfinished"  # an empty object in a folder that is being uploaded
PROBE = ".probe"  # an empty object that exists for a moment, to check that we can write
NOTHING_THERE = "no such file, folder or bucket"
PATTERN = frozenset("*?[]")  # fsspec's file systems treat a name with one of these as a pattern


@contextmanager
def reaching(location: Location, running: bool = False) -> Iterator[None]:
    """Turn the errors of file systems, which all differ, into one that names the location and the reason.

    FileNotFoundError stays as it is. Any other error becomes an InputError, or, during work (`running`), an
    OSError, which is worth a retry; a PermissionError stays one.
    """
    try:
        yield
    except AtypeakError:
        raise
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, NOTHING_THERE, str(location)) from None
    except ImportError as problem:
        remedy = "install it with: pip install 'atypeak-scale[s3]'"
        needed = f"needs the package s3fs; {remedy}" if _is_s3(location) else str(problem)
        raise InputError(f"{location}: {needed}") from None
    except Exception as problem:  # file systems share no base class of errors
        message = f"cannot be reached: {_reason(problem)}"
        if running:
            unnamed = errno.EACCES if isinstance(problem, PermissionError) else errno.EIO
            raise OSError(getattr(problem, "errno", None) or unnamed, message, str(location)) from problem
        raise InputError(f"{location}: {message}") from problem


def _is_s3(location: Location) -> bool:
    return str(location).startswith(("s3://", "s3a://"))


def _reason(problem: Exception) -> str:
    text = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return " ".join(text.split()) or type(problem).__name__


def refuse_pattern(location: Location) -> None:
    """Raise InputError if deleting a folder at this URL would also delete others."""
    if found := sorted(PATTERN & set(str(location))):
        raise InputError(f"{location}: holds {' '.join(found)}, which would match other names; rename it")


@dataclass(frozen=True)
class UrlTarget:
    """A file or a folder at a URL, or the place for one; see the docstrings of `Target`."""

    location: str

    @contextmanager
    def _reached(self, running: bool = False) -> Iterator[tuple["AbstractFileSystem", str]]:
        """Yield the file system and the path in it; errors are those of `reaching`."""
        with reaching(self.location, running):
            from fsspec.core import url_to_fs

            # Other processes write what this one looks for, so listings must not be cached.
            yield url_to_fs(self.location, use_listings_cache=False)

    def _reached_folder(
        self, running: bool = False
    ) -> AbstractContextManager[tuple["AbstractFileSystem", str]]:
        """Yield the same for a folder that may be written."""
        refuse_pattern(self.location)
        return self._reached(running)

    def exists(self) -> bool:
        """Return whether there is a file or a folder."""
        with self._reached() as (file_system, path):
            return bool(file_system.exists(path))

    def file_size(self) -> int | None:
        """Return the size of the object in bytes, None if there is none, 0 if the server does not say."""
        try:
            with self._reached() as (file_system, path):
                info = file_system.info(path)
        except FileNotFoundError:
            return None
        return int(info.get("size") or 0) if info["type"] == "file" else None

    def open_bytes(self) -> BinaryIO:
        """Open the object for reading."""
        with self._reached() as (file_system, path):
            return cast(BinaryIO, file_system.open(path, "rb"))

    def read_text(self) -> str:
        """Read the object, UTF-8."""
        with self._reached() as (file_system, path):
            content: bytes = file_system.cat_file(path)
        return content.decode()

    @contextmanager
    def local_copy(self) -> Iterator[Path]:
        """Yield a copy of the object under its own name, deleted at the end."""
        with self.staging_folder() as folder:
            copy = folder / name_of(self.location)
            with self._reached(running=True) as (file_system, path):
                file_system.get_file(path, str(copy))
            yield copy

    def names(self) -> set[str]:
        """Return the names directly in the folder, except our own marks; none if there is no folder."""
        return self._listed() - {UNFINISHED}

    def _listed(self) -> set[str]:
        """Return the names directly in the folder, except probes."""
        with self._reached_folder() as (file_system, path):
            try:
                found = file_system.ls(path, detail=False)
            except FileNotFoundError:
                return set()
        return {name.rstrip("/").rpartition("/")[2] for name in found} - {PROBE}

    def is_there(self, last: str) -> bool:
        """Return whether there is a folder; a killed upload's remains count only with the file `last`."""
        names = self._listed()
        return last in names or (bool(names) and UNFINISHED not in names)

    def refuse_existing(self, last: str) -> None:
        """Raise InputError if a folder is there, or if nothing can be written."""
        if self.is_there(last):
            raise atomic.already_exists(self.location, "folder")
        self.refuse_unwritable()

    def refuse_existing_file(self) -> None:
        """Raise InputError if a file or a folder is there."""
        if self.exists():
            raise atomic.already_exists(self.location, "file")

    def refuse_unwritable(self) -> None:
        """Raise InputError if nothing can be written, or deleted again, in the folder."""
        try:
            with self._reached_folder() as (file_system, path):
                file_system.pipe_file(f"{path}/{PROBE}", b"")
                file_system.rm_file(f"{path}/{PROBE}")
        except FileNotFoundError as problem:
            raise InputError(f"{self.location}: cannot be written: {problem.strerror}") from None

    def staging_folder(self) -> AbstractContextManager[Path]:
        """Yield an empty folder among this machine's temporary files."""
        return atomic.hidden_sibling(Path(tempfile.gettempdir()) / "atypeak-scale")

    def publish(self, folder: Path, last: str) -> None:
        """Upload a finished folder, the file `last` after all others."""
        files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        with self._reached_folder(running=True) as (file_system, path):
            others = [file for file in files if file != last]
            file_system.put([str(folder / file) for file in others], [f"{path}/{file}" for file in others])
            file_system.put_file(str(folder / last), f"{path}/{last}")

    @contextmanager
    def new_folder(self, last: str) -> Iterator[Path]:
        """Yield a folder to fill, which is uploaded at the end."""
        self.refuse_existing(last)
        with self.staging_folder() as folder:
            yield folder
            self.refuse_existing(last)  # another process may have made it in the meantime
            with self._marked_unfinished():
                self.publish(folder, last)

    @contextmanager
    def _marked_unfinished(self) -> Iterator[None]:
        """Mark the folder during its upload; a failure leaves the mark, which `is_there` looks for."""
        with self._reached_folder(running=True) as (file_system, path):
            file_system.pipe_file(f"{path}/{UNFINISHED}", b"")
        yield
        with self._reached_folder(running=True) as (file_system, path):
            file_system.rm_file(f"{path}/{UNFINISHED}")

    @contextmanager
    def replacing(self, last: str) -> Iterator[Path]:
        """Yield a path for a new folder, which is uploaded at the end after the old one is deleted."""
        self.refuse_unwritable()
        with self.staging_folder() as hidden:
            yield hidden / "new"
            with self._marked_unfinished():
                for name in (last, *sorted(self.names() - {last})):
                    UrlTarget(str(join(self.location, name))).remove()
                self.publish(hidden / "new", last)

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Yield a path to write, which is uploaded at the end; the object must not exist."""
        self.refuse_existing_file()
        with self.replacing_file() as file:
            yield file

    @contextmanager
    def replacing_file(self) -> Iterator[Path]:
        """Yield a path to write, which is uploaded at the end."""
        with self.staging_folder() as folder:
            yield folder / "new"
            with self._reached_folder(running=True) as (file_system, path):
                file_system.put_file(str(folder / "new"), path)

    def make_folder(self) -> None:
        """Do nothing: there are no empty folders at a URL."""

    def remove(self) -> None:
        """Delete the object and everything below it."""
        with suppress(FileNotFoundError), self._reached_folder(running=True) as (file_system, path):
            file_system.rm(path, recursive=True)
