"""The names of places: a local path, or a URL that fsspec can reach. targets.py says what is there."""

from pathlib import Path

from atypeak_scale.errors import InputError

Location = str | Path


def is_url(location: Location) -> bool:
    """Return whether a location is a URL for fsspec; `file://` is a local path.

    Raises
    ------
    InputError
        If a Path was made from a URL: it has lost a slash, and would be a local folder `s3:`.

    """
    if isinstance(location, Path):
        if len(location.parts) > 1 and location.parts[0].endswith(":"):
            raise InputError(f"{location}: a Path cannot hold a URL; give it as a str")
        return False
    return "://" in location and not location.startswith("file://")


def local_path(location: Location) -> Path:
    """Return a location as a local path; `~` is the home folder.

    Raises
    ------
    InputError
        If it is a URL, or begins with `~` where no home folder is known.

    """
    if is_url(location):
        raise InputError(f"{location}: expected a local folder, found a URL")
    try:
        return Path(str(location).removeprefix("file://")).expanduser()
    except RuntimeError:
        raise InputError(f"{location}: no home folder is known; write the path without ~") from None


def absolute(location: Location) -> Location:
    """Return a location that a process with another working directory can find too."""
    return str(location).rstrip("/") if is_url(location) else local_path(location).absolute()


def join(location: Location, *names: str) -> Location:
    """Return a location inside a location."""
    if is_url(location):
        return "/".join([str(location).rstrip("/"), *names])
    return local_path(location).joinpath(*names)


def beside(file: Location, other: Location) -> Location:
    """Return `other`; a relative path starts at the folder that holds `file`."""
    if is_url(other):
        return other
    if is_url(file) and not local_path(other).is_absolute():
        return join(str(file).rpartition("/")[0], str(other))
    return local_path(other) if is_url(file) else local_path(file).parent / local_path(other)


def name_of(location: Location) -> str:
    """Return the last name of a location; a link on disk has the name of its target."""
    if is_url(location):
        return str(location).rstrip("/").rpartition("/")[2]
    return local_path(location).resolve().name
