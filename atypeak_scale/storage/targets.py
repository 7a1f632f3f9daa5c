"""What is at a location: one interface for a file or folder on disk (local.py) and at a URL (url.py).

On disk an output gets its name by a rename. At a URL nothing can be renamed, but object stores show an object
whole or not at all: a folder is made on this machine and uploaded, and the file by which readers know it
comes last. That file is the `last` of the methods below; on disk it does not matter.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from atypeak_scale.storage.local import LocalTarget
from atypeak_scale.storage.locations import Location, is_url
from atypeak_scale.storage.url import UrlTarget


class Target(Protocol):
    """A file or a folder, or the place for one.

    Every method may raise InputError if a URL cannot be reached, and OSError if the work breaks off.
    """

    @property
    def location(self) -> Location:
        """Where it is, as the user wrote it."""

    def exists(self) -> bool:
        """Whether there is a file or a folder."""

    def file_size(self) -> int | None:
        """Return the bytes of the file, None if there is no file; 0 if the medium does not tell."""

    def open_bytes(self) -> BinaryIO:
        """Open the file for reading from its beginning to its end; raise OSError if there is none."""

    def read_text(self) -> str:
        """Read a small file, UTF-8; raise OSError if there is none."""

    def local_copy(self) -> AbstractContextManager[Path]:
        """Give a local file with the content of the file: itself, or a copy that is gone at the end."""

    def names(self) -> set[str]:
        """Return the names directly in the folder, except our own marks; none if there is no folder."""

    def is_there(self, last: str) -> bool:
        """Whether there is a folder, or anything else of that name.

        What a killed upload left at a URL is nothing: it is marked as unfinished, and has no file `last`.
        """

    def refuse_existing(self, last: str) -> None:
        """Raise InputError if something is there, as `is_there` tells, or if a URL cannot be written."""

    def refuse_existing_file(self) -> None:
        """Raise InputError if a file or a folder is there."""

    def refuse_unwritable(self) -> None:
        """Raise InputError if nothing can be written or deleted in the folder at a URL."""

    def staging_folder(self) -> AbstractContextManager[Path]:
        """Give an empty local folder in which to make what `publish` then puts at the target, or inside it.

        Beside a local target, from where a rename publishes; for a URL, among the temporary files. It is gone
        at the end, whatever happens, or swept later.
        """

    def publish(self, folder: Path, last: str) -> None:
        """Put a finished local folder at the target; raise OSError if that fails, and readers see nothing."""

    def new_folder(self, last: str) -> AbstractContextManager[Path]:
        """Give a local folder to fill; if the block ends well it becomes the target, which must be new."""

    def replacing(self, last: str) -> AbstractContextManager[Path]:
        """Give a local path to make a folder at; if the block ends well it replaces the target.

        At a URL the old folder is deleted first, beginning with its file `last`, so that for a while nothing
        is there.
        """

    def new_file(self) -> AbstractContextManager[Path]:
        """Give a local path to write; if the block ends well it becomes the target, which must be new."""

    def replacing_file(self) -> AbstractContextManager[Path]:
        """Give a local path to write; if the block ends well it becomes the target, in place of any file."""

    def make_folder(self) -> None:
        """Make the folder if there is none; at a URL there are no empty folders."""

    def remove(self) -> None:
        """Delete the file, or the folder and all below it; nothing happens if there is none."""


def target(location: Location) -> Target:
    """Return what is, or is to be, at a location.

    Raises
    ------
    InputError
        If a Path was made of a URL.

    """
    return UrlTarget(str(location)) if is_url(location) else LocalTarget(location)
