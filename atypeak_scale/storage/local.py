"""Files and folders on disk; a rename gives an output its name (atomic.py)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from atypeak_scale.storage import atomic
from atypeak_scale.storage.locations import Location, local_path


@dataclass(frozen=True)
class LocalTarget:
    """A file or a folder on disk, or the place for one; see the docstrings of `Target`."""

    location: Location

    @property
    def path(self) -> Path:
        """The location as a path, for reading."""
        return local_path(self.location)

    @property
    def place(self) -> Path:
        """Where the location leads through all symbolic links, for writing.

        A pipe, such as /dev/fd/63, leads nowhere.
        """
        return atomic.real(self.path)

    def exists(self) -> bool:
        """Return whether there is a file or a folder."""
        return self.path.exists()

    def file_size(self) -> int | None:
        """Return the bytes of the file, None if there is no file."""
        return self.path.stat().st_size if self.path.is_file() else None

    def open_bytes(self) -> BinaryIO:
        """Open the file for reading."""
        return self.path.open("rb")

    def read_text(self) -> str:
        """Read the file, UTF-8."""
        return self.path.read_text(encoding="utf-8")

    def local_copy(self) -> AbstractContextManager[Path]:
        """Yield the file itself."""
        return nullcontext(self.path)

    def names(self) -> set[str]:
        """Return the names directly in the folder; none if there is no folder."""
        return {file.name for file in self.path.iterdir()} if self.exists() else set()

    def is_there(self, last: str) -> bool:
        """Return whether there is a file or a folder; a folder on disk was published whole."""
        return self.exists()

    def refuse_existing(self, last: str) -> None:
        """Raise InputError if a file or a folder is there, or if none can be created."""
        if self.exists():
            raise atomic.already_exists(self.location, "folder")
        self.refuse_unwritable()

    def refuse_existing_file(self) -> None:
        """Raise InputError if a file or a folder is there, or if none can be created."""
        if self.exists():
            raise atomic.already_exists(self.location, "file")
        self.refuse_unwritable()

    def refuse_unwritable(self) -> None:
        """Raise InputError if nothing can be written there."""
        atomic.refuse_unwritable(self.place, self.location)

    def staging_folder(self) -> AbstractContextManager[Path]:
        """Yield an empty folder beside the target."""
        return atomic.hidden_sibling(self.place)

    def publish(self, folder: Path, last: str) -> None:
        """Rename a finished folder to the target."""
        atomic.rename_new(folder, self.place)

    def new_folder(self, last: str) -> AbstractContextManager[Path]:
        """Yield a folder to fill, which is renamed to the target at the end."""
        return atomic.new_folder(self.place)

    def replacing(self, last: str) -> AbstractContextManager[Path]:
        """Yield a path for a new folder, which replaces the target at the end."""
        return atomic.replacing(self.place)

    @contextmanager
    def new_file(self) -> Iterator[Path]:
        """Yield a path to write, which is renamed to the target at the end; the target must not exist."""
        self.refuse_existing_file()
        with self.replacing_file() as file:
            yield file

    @contextmanager
    def replacing_file(self) -> Iterator[Path]:
        """Yield a path to write, which is renamed to the target at the end."""
        with self.staging_folder() as folder:
            yield folder / "new"
            (folder / "new").rename(self.place)

    def make_folder(self) -> None:
        """Create the folder and its parents if there is none."""
        self.place.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Rename the target out of the way, then delete it, so that nobody sees it half deleted.

        Of a link, only the link is deleted.
        """
        if self.path.is_symlink():
            self.path.unlink()
        elif self.exists():
            with self.staging_folder() as folder:
                self.place.rename(folder / "removed")
