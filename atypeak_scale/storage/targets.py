"""What is at a location: one interface for a file or folder on disk (local.py) and at a URL (url.py).

On disk, a rename gives an output its name. At a URL nothing can be renamed, but object stores show an object
whole or not at all. So a folder is made on this machine and uploaded, and the file that readers look for
comes last. That file is `last` in the methods below; on disk it does not matter.
"""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from atypeak_scale.storage.local import LocalTarget
from atypeak_scale.storage.locations import Location, is_url
from atypeak_scale.storage.url import UrlTarget


class Target(Protocol):
    """A file or a folder, or the place for one.

    Every method may raise InputError if a URL cannot be reached, and OSError if work fails halfway.
    """

    @property
    def location(self) -> Location:
        """The location as the user wrote it."""

    def exists(self) -> bool:
        """Return whether there is a file or a folder."""

    def file_size(self) -> int | None:
        """Return the size of the file in bytes, None if there is no file, 0 if the size is unknown."""

    def open_bytes(self) -> BinaryIO:
        """Open the file for reading from its beginning to its end; raise OSError if there is none."""

    def read_text(self) -> str:
        """Read a small file, UTF-8; raise OSError if there is none."""

    def local_copy(self) -> AbstractContextManager[Path]:
        """Yield a local file with the same content: the file itself, or a copy that is deleted at the end."""

    def names(self) -> set[str]:
        """Return the names directly in the folder, except our own marks; none if there is no folder."""

    def is_there(self, last: str) -> bool:
        """Return whether there is a folder, or anything else of that name.

        At a URL, the remains of a killed upload do not count: they are marked as unfinished and lack `last`.
        """

    def refuse_existing(self, last: str) -> None:
        """Raise InputError if something is there (see `is_there`), or if nothing can be written there."""

    def refuse_existing_file(self) -> None:
        """Raise InputError if a file or a folder is there."""

    def refuse_unwritable(self) -> None:
        """Raise InputError if nothing can be written in the folder, or where it would be made."""

    def staging_folder(self) -> AbstractContextManager[Path]:
        """Yield an empty local folder in which to make what `publish` then puts at the target or inside it.

        It is beside a local target, so that a rename can publish it, or among the temporary files for a URL.
        It is always deleted at the end, or swept later.
        """

    def publish(self, folder: Path, last: str) -> None:
        """Put a finished local folder at the target; on failure raise OSError and show readers nothing."""

    def new_folder(self, last: str) -> AbstractContextManager[Path]:
        """Yield a local folder to fill; if the block succeeds, it becomes the target, which must be new."""

    def replacing(self, last: str) -> AbstractContextManager[Path]:
        """Yield a local path for a new folder; if the block succeeds, it replaces the target.

        At a URL the old folder is deleted first, beginning with its file `last`, so for a while nothing is
        there.
        """

    def new_file(self) -> AbstractContextManager[Path]:
        """Yield a local path to write; if the block succeeds, it becomes the target, which must be new."""

    def replacing_file(self) -> AbstractContextManager[Path]:
        """Yield a local path to write; if the block succeeds, it becomes the target and replaces any file."""

    def make_folder(self) -> None:
        """Create the folder if there is none; at a URL there are no empty folders."""

    def remove(self) -> None:
        """Delete the file, or the folder and everything below it; do nothing if there is none."""


def target(location: Location) -> Target:
    """Return the target for what is, or will be, at a location.

    Raises
    ------
    InputError
        If a Path was made from a URL.

    """
    return UrlTarget(str(location)) if is_url(location) else LocalTarget(location)
