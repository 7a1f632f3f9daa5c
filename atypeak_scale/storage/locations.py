"""Where data lies: a local path, or a URL of whatever fsspec reaches. Only this module tells them apart.

A local output gets its name by a rename (atomic.py). At a URL nothing can be renamed, but object stores show
an object whole or not at all: a folder is made here, uploaded, and the file by which readers know it comes
last. Endpoints and credentials are fsspec's own configuration. Nothing is locked at a URL.
"""

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.storage import atomic

Location = str | Path
UNFINISHED = ".unfinished"  # an empty object in a folder that is being uploaded
PROBE = ".probe"  # an empty object that is there for a moment, to see whether anything can be written
NOTHING_THERE = "no such file, folder or bucket"
PATTERN = frozenset("*?[]")  # file systems of fsspec take a name with one of these for many names


def is_url(place: Location) -> bool:
    """Whether a place is reached by fsspec; `file://` is a local path.

    Raises
    ------
    InputError
        Where a Path was made of a URL: it has lost a slash, and would be a local folder `s3:`.

    """
    if isinstance(place, Path):
        if len(place.parts) > 1 and place.parts[0].endswith(":"):
            raise InputError(f"{place}: a Path cannot hold a URL; give it as a str")
        return False
    return "://" in place and not place.startswith("file://")


def local_path(place: Location) -> Path:
    """Return a place as a local path.

    Raises
    ------
    InputError
        Where it is a URL.

    """
    if is_url(place):
        raise InputError(f"{place}: expected a local folder, found a URL")
    return Path(str(place).removeprefix("file://"))


def absolute(place: Location) -> Location:
    """Return a place that another process, with another working directory, finds too."""
    return str(place).rstrip("/") if is_url(place) else local_path(place).absolute()


def join(place: Location, *names: str) -> Location:
    """Return a place inside a place."""
    if is_url(place):
        return "/".join([str(place).rstrip("/"), *names])
    return local_path(place).joinpath(*names)


def beside(place: Location, other: Location) -> Location:
    """Return `other`, which is relative to the folder of the file `place` unless it is absolute, or a URL."""
    if is_url(other):
        return other
    if is_url(place) and not local_path(other).is_absolute():
        return join(str(place).rpartition("/")[0], str(other))
    return local_path(other) if is_url(place) else local_path(place).parent / local_path(other)


def name_of(place: Location) -> str:
    """Return the last name of a place; of a local one, that of what a link leads to."""
    return str(place).rstrip("/").rpartition("/")[2] if is_url(place) else local_path(place).resolve().name


@contextmanager
def reaching(place: Location, running: bool = False) -> Iterator[None]:
    """Turn the errors of file systems, each its own, into one that names the place and the reason.

    FileNotFoundError stays what it is. Any other is an InputError, or, in the midst of work (`running`), an
    OSError, which is worth another try; a PermissionError stays one.
    """
    try:
        yield
    except AtypeakError:
        raise
    except FileNotFoundError:
        raise FileNotFoundError(errno.ENOENT, NOTHING_THERE, str(place)) from None
    except ImportError as problem:
        remedy = "install it with: pip install 'atypeak-scale[s3]'"
        wanted = f"needs the package s3fs; {remedy}" if _is_s3(place) else str(problem)
        raise InputError(f"{place}: {wanted}") from None
    except Exception as problem:  # no two file systems have a base of their errors in common
        told = f"cannot be reached: {_reason(problem)}"
        if running:
            unnamed = errno.EACCES if isinstance(problem, PermissionError) else errno.EIO
            raise OSError(getattr(problem, "errno", None) or unnamed, told, str(place)) from problem
        raise InputError(f"{place}: {told}") from problem


def _is_s3(place: Location) -> bool:
    return str(place).startswith(("s3://", "s3a://"))


def _reason(problem: Exception) -> str:
    text = (problem.strerror if isinstance(problem, OSError) else None) or str(problem)
    return " ".join(text.split()) or type(problem).__name__


@contextmanager
def _reached(place: Location, running: bool = False) -> Iterator[tuple[Any, str]]:
    """Yield the file system of a URL and the path in it; errors are those of `reaching`."""
    with reaching(place, running):
        from fsspec.core import url_to_fs

        # Other processes write what this one looks for: a listing must not be remembered.
        yield url_to_fs(str(place), use_listings_cache=False)


@contextmanager
def _reached_folder(place: Location, running: bool = False) -> Iterator[tuple[Any, str]]:
    """Yield the same of a folder that may be written."""
    refuse_pattern(place)
    with _reached(place, running) as found:
        yield found


def refuse_pattern(place: Location) -> None:
    """Raise InputError where deleting in a folder at this URL would delete in others too."""
    if found := sorted(PATTERN & set(str(place))):
        raise InputError(f"{place}: holds {' '.join(found)}, which would stand for other names; rename it")


def exists(place: Location) -> bool:
    """Whether there is a file or a folder.

    Raises
    ------
    InputError
        Where a URL cannot be reached.

    """
    if not is_url(place):
        return local_path(place).exists()
    with _reached(place) as (file_system, path):
        return bool(file_system.exists(path))


def file_size(place: Location) -> int | None:
    """Return the bytes of a file, None where there is no file; 0 where the medium does not tell.

    Raises
    ------
    InputError
        Where a URL cannot be reached.

    """
    if not is_url(place):
        return local_path(place).stat().st_size if local_path(place).is_file() else None
    try:
        with _reached(place) as (file_system, path):
            info = file_system.info(path)
    except FileNotFoundError:
        return None
    return int(info.get("size") or 0) if info["type"] == "file" else None


def open_bytes(place: Location) -> BinaryIO:
    """Open a file for reading from its beginning to its end.

    Raises
    ------
    InputError
        Where a URL cannot be reached.
    OSError
        Where a local file cannot be opened, or there is no such object.

    """
    if not is_url(place):
        return local_path(place).open("rb")
    with _reached(place) as (file_system, path):
        return cast(BinaryIO, file_system.open(path, "rb"))


def read_text(place: Location) -> str:
    """Read a small file, UTF-8; raises as `open_bytes` does."""
    if not is_url(place):
        return local_path(place).read_text(encoding="utf-8")
    with _reached(place) as (file_system, path):
        content: bytes = file_system.cat_file(path)
    return content.decode()


@contextmanager
def local_copy(place: Location) -> Iterator[Path]:
    """Yield a local file with the content of a file: itself, or a copy that is gone at the end."""
    if not is_url(place):
        yield local_path(place)
        return
    with workshop(place) as folder:
        copy = folder / name_of(place)
        with _reached(place, running=True) as (file_system, path):
            file_system.get_file(path, str(copy))
        yield copy


def is_there(place: Location, last: str) -> bool:
    """Whether there is a folder, or anything else of that name.

    What a killed upload left at a URL is nothing: it has the mark of being unfinished, and no file `last`.

    Raises
    ------
    InputError
        Where a URL cannot be reached.

    """
    if not is_url(place):
        return local_path(place).exists()
    names = _listed(place)
    return last in names or (bool(names) and UNFINISHED not in names)


def refuse_existing(place: Location, last: str) -> None:
    """Raise InputError where something is at `place`, as `is_there` tells, or a URL cannot be written."""
    if is_there(place, last):
        raise InputError(f"{place}: exists; remove it or name another folder")
    refuse_unwritable(place)


def refuse_unwritable(place: Location) -> None:
    """Raise InputError where nothing can be written, or deleted again, in a folder at a URL."""
    if not is_url(place):
        return
    try:
        with _reached_folder(place) as (file_system, path):
            file_system.pipe_file(f"{path}/{PROBE}", b"")
            file_system.rm_file(f"{path}/{PROBE}")
    except FileNotFoundError as problem:
        raise InputError(f"{place}: cannot be written: {problem.strerror}") from None


def names_in(place: Location) -> set[str]:
    """Return the names directly in a folder, but for our own marks; none where there is no folder.

    Raises
    ------
    InputError
        Where a URL cannot be reached.

    """
    if not is_url(place):
        return {file.name for file in local_path(place).iterdir()} if local_path(place).exists() else set()
    return _listed(place) - {UNFINISHED}


def _listed(place: Location) -> set[str]:
    """Return the names directly in a folder at a URL, but for probes."""
    with _reached_folder(place) as (file_system, path):
        try:
            found = file_system.ls(path, detail=False)
        except FileNotFoundError:
            return set()
    return {name.rstrip("/").rpartition("/")[2] for name in found} - {PROBE}


@contextmanager
def workshop(place: Location) -> Iterator[Path]:
    """Yield an empty local folder in which to make what `publish` then puts at `place`, or inside it.

    Beside `place`, where a rename is enough; for a URL, in the folder for temporary files. It is gone at the
    end, whatever happens, or swept later.
    """
    work = Path(tempfile.gettempdir()) / "atypeak-scale" if is_url(place) else local_path(place)
    with atomic.hidden_sibling(work) as folder:
        yield folder


def publish(folder: Path, place: Location, last: str) -> None:
    """Give a finished local folder its place; at a URL, what readers know it by, the file `last`, comes last.

    Raises
    ------
    OSError
        Where it cannot be done; readers then see nothing of it.

    """
    if not is_url(place):
        folder.rename(local_path(place))
        return
    files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    with _reached_folder(place, running=True) as (file_system, path):
        others = [file for file in files if file != last]
        file_system.put([str(folder / file) for file in others], [f"{path}/{file}" for file in others])
        file_system.put_file(str(folder / last), f"{path}/{last}")


@contextmanager
def new_folder(place: Location, last: str) -> Iterator[Path]:
    """Yield a local folder to fill; it becomes `place`, which must not exist, when the block ends well.

    last: the file by which readers know that the folder is there.
    """
    if not is_url(place):
        with atomic.new_folder(local_path(place)) as folder:
            yield folder
        return
    refuse_existing(place, last)
    with workshop(place) as folder:
        yield folder
        refuse_existing(place, last)  # which somebody else may have made meanwhile
        with _marked_unfinished(place):
            publish(folder, place, last)


@contextmanager
def _marked_unfinished(place: Location) -> Iterator[None]:
    """Mark a folder at a URL while it is made; a failure leaves the mark, by which `is_there` knows."""
    with _reached_folder(place, running=True) as (file_system, path):
        file_system.pipe_file(f"{path}/{UNFINISHED}", b"")
    yield
    with _reached_folder(place, running=True) as (file_system, path):
        file_system.rm_file(f"{path}/{UNFINISHED}")


@contextmanager
def replacing(place: Location, last: str) -> Iterator[Path]:
    """Yield a local path to make a folder at; when the block ends well it takes the place of `place`.

    At a URL what was there is deleted before, the file `last` first, so that for a while nothing is there.
    """
    if not is_url(place):
        with atomic.replacing(local_path(place)) as folder:
            yield folder
        return
    refuse_unwritable(place)
    with workshop(place) as hidden:
        yield hidden / "new"
        with _marked_unfinished(place):
            for name in (last, *sorted(names_in(place) - {last})):
                remove(join(place, name))
            publish(hidden / "new", place, last)


@contextmanager
def new_file(place: Location) -> Iterator[Path]:
    """Yield a local path to write; it becomes the new file `place` when the block ends well.

    Raises
    ------
    InputError
        Where `place` exists, or a URL cannot be reached.

    """
    refuse_existing_file(place)
    with replacing_file(place) as file:
        yield file


@contextmanager
def replacing_file(place: Location) -> Iterator[Path]:
    """Yield a local path to write; it becomes the file `place`, instead of any before, in the end."""
    with workshop(place) as folder:
        yield folder / "new"
        if not is_url(place):
            (folder / "new").rename(local_path(place))
            return
        with _reached_folder(place, running=True) as (file_system, path):
            file_system.put_file(str(folder / "new"), path)


def make_folder(place: Location) -> None:
    """Make a local folder where there is none; at a URL there are no empty folders."""
    if not is_url(place):
        local_path(place).mkdir(parents=True, exist_ok=True)


def refuse_existing_file(place: Location) -> None:
    """Raise InputError where something of that name exists, or a URL cannot be reached."""
    if exists(place):
        raise InputError(f"{place}: exists; remove it or name another file")


def remove(place: Location) -> None:
    """Delete what is at a URL, all below it included; none is none."""
    with suppress(FileNotFoundError), _reached_folder(place, running=True) as (file_system, path):
        file_system.rm(path, recursive=True)
