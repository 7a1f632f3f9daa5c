"""Outputs on disk that exist whole or not at all.

An output is written in a hidden folder beside its final place, on the same file system, and gets its name by
one rename, which either happens or does not. A process that fails or is interrupted leaves nothing; one that
is killed leaves only that hidden folder. Its owner locks it, so that the next process sweeps it away only
after the owner died.
"""

import fcntl
import glob
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atypeak_scale.errors import InputError

PARTIAL = ".partial"
NEW = "new"  # in a hidden folder: the output that is being made
OLD = "old"  # in a hidden folder: the output that is being replaced
SECONDS_TO_LOCK = 60  # how long a new folder is left alone: its owner may not have locked it yet


def already_exists(location: str | Path, kind: str) -> InputError:
    """Return the error that something of that name exists; `kind` says what to name instead."""
    return InputError(f"{location}: exists; remove it or name another {kind}")


@contextmanager
def hidden_sibling(target: Path) -> Iterator[Path]:
    """Give an empty folder beside `target`; it is gone at the end, whatever happens, or swept later.

    Raises
    ------
    InputError
        If no folder can be made there.

    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent))
        lock = os.open(folder, os.O_RDONLY)
    except OSError as problem:
        raise InputError(f"{target}: cannot be made: {problem.strerror} ({problem.filename})") from None
    try:
        _locked(lock)
        yield folder
    finally:
        _discard(folder, target)
        os.close(lock)


def _sweep(target: Path) -> None:
    """Remove what killed processes left beside `target`."""
    for folder in target.parent.glob(f".{glob.escape(target.name)}.*{PARTIAL}"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < SECONDS_TO_LOCK:
                continue
            lock = os.open(folder, os.O_RDONLY)
            try:
                if _locked(lock):
                    _discard(folder, target)
            finally:
                os.close(lock)


def _discard(folder: Path, target: Path) -> None:
    """Delete a hidden folder; what `replacing` set aside in it goes back if nothing took its place."""
    with suppress(OSError):
        if not target.exists():
            (folder / OLD).rename(target)
    shutil.rmtree(folder, ignore_errors=True)


def _locked(descriptor: int) -> bool:
    """Lock an open folder; whether that worked, which it does not if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or the file system has no locks; then nothing is swept
        return False
    return True


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Give a folder to fill; it becomes `target`, which must not exist, if the block ends well."""
    if target.exists():
        raise already_exists(target, "folder")
    with hidden_sibling(target) as hidden:
        # A folder inside: only the owner may read the hidden one, and it would stay so.
        folder = hidden / NEW
        folder.mkdir()
        yield folder
        folder.rename(target)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a path to make; if the block ends well it takes the place of `target`, which is deleted."""
    with hidden_sibling(target) as hidden:
        yield hidden / NEW
        if target.exists():
            target.rename(hidden / OLD)
        (hidden / NEW).rename(target)
