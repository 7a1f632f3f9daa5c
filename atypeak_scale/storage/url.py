"""Files and folders at a URL of whatever fsspec reaches.

Nothing can be renamed there, but object stores show an object whole or not at all: a folder is made on this
machine and uploaded, and the file by which readers know it comes last. Endpoints and credentials are fsspec's
own configuration. Nothing is locked at a URL.
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
PROBE = ".probe"  # an empty object that is there for a moment, to see whether anything can be written
NOTHING_THERE = "no such file, folder or bucket"
PATTERN = frozenset("*?[]")  # file systems of fsspec take a name with one of these for many names


@contextmanager
def reaching(location: Location, running: bool = False) -> Iterator[None]:
    """Turn the errors of file systems, each its own, into one that names the location and the reason.

    FileNotFoundError stays what it is. Any other is an InputError, or, in the midst of work (`running`), an
    OSError, which is worth another try; a PermissionError stays one.
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
    except Exception as problem:  # no two file systems have a base of their errors in common
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
    """Raise InputError if deleting in a folder at this URL would delete in others too."""
    if found := sorted(PATTERN & set(str(location))):
        raise InputError(f"{location}: holds {' '.join(found)}, which would stand for other names; rename it")


@dataclass(frozen=True)
class UrlTarget:
    """A file or a folder at a URL, or the place for one; a `Target`, whose docstrings hold here too."""

    location: str

    @contextmanager
    def _reached(self, running: bool = False) -> Iterator[tuple["AbstractFileSystem", str]]:
        """Give the file system and the path in it; errors are those of `reaching`."""
        with reaching(self.location, running):
            from fsspec.core import url_to_fs

            # Other processes write what this one looks for: a listing must not be remembered.
            yield url_to_fs(self.location, use_listings_cache=False)

    def _reached_folder(
        self, running: bool = False
    ) -> AbstractContextManager[tuple["AbstractFileSystem", str]]:
        """Give the same of a folder that may be written."""
        refuse_pattern(self.location)
        return self._reached(running)

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        with self._reached() as (file_system, path):
            return bool(file_system.exists(path))

    def file_size(self) -> int | None:
        """Return the bytes of the object, None if there is none; 0 if the server does not tell."""
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
        """Give a copy of the object under its own name, gone at the end."""
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
        """Whether there is a folder; what a killed upload left is none, unless it has the file `last`."""
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
        """Give an empty folder among this machine's temporary files."""
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
        """Give a folder to fill, uploaded at the end."""
        self.refuse_existing(last)
        with self.staging_folder() as folder:
            yield folder
            self.refuse_existing(last)  # another process may have made it meanwhile
            with self._marked_unfinished():
                self.publish(folder, last)

    @contextmanager
    def _marked_unfinished(self) -> Iterator[None]:
        """Mark the folder while it is made; a failure leaves the mark, by which `is_there` knows."""
        with self._reached_folder(running=True) as (file_system, path):
            file_system.pipe_file(f"{path}/{UNFINISHED}", b"")
        yield
        with self._reached_folder(running=True) as (file_system, path):
            file_system.rm_file(f"{path}/{UNFINISHED}")

    @contextmanager
    def replacing(self, last: str) -> Iterator[Path]:
        """Give a path to make a folder at, uploaded at the end, after the old folder is deleted."""
        self.refuse_unwritable()
        with self.staging_folder() as hidden:
            yield hidden / "new"
            with self._marked_unfinished():
                for name in (last, *sorted(self.names() - {last})):
                    UrlTarget(str(join(self.location, name))).remove()
                self.publish(hidden / "new", last)

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Give a path to write, uploaded at the end; the object must not exist."""
        self.refuse_existing_file()
        with self.replacing_file() as file:
            yield file

    @contextmanager
    def replacing_file(self) -> Iterator[Path]:
        """Give a path to write, uploaded at the end."""
        with self.staging_folder() as folder:
            yield folder / "new"
            with self._reached_folder(running=True) as (file_system, path):
                file_system.put_file(str(folder / "new"), path)

    def make_folder(self) -> None:
        """Make nothing: there are no empty folders at a URL."""

    def remove(self) -> None:
        """Delete the object, and all below it."""
        with suppress(FileNotFoundError), self._reached_folder(running=True) as (file_system, path):
            file_system.rm(path, recursive=True)
