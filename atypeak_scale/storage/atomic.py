"""Outputs on disk that exist whole or not at all.

An output is written in a hidden folder beside its final place, on the same file system. One rename, which
either happens or does not, gives it its name. A process that fails or is interrupted leaves nothing. A
process that is killed leaves only the hidden folder. The owner holds a lock on it, so the next process
removes it only if the owner has died.

A symbolic link is followed: the output, its hidden folder and the lock are where the link leads, and the link
stays.
"""

import errno
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
PROBE_BYTES = 1 << 16
SECONDS_TO_LOCK = 60  # age below which a folder is left alone: its owner may not have locked it yet


def real(path: Path) -> Path:
    """Return where a path leads through all symbolic links, whether or not anything is there."""
    return Path(os.path.realpath(path))


def refuse_unwritable(target: Path, shown: str | Path) -> None:
    """Raise InputError if nothing can be written at a path, which is probed; `shown` is what to call it."""
    folder = real(target)
    while not folder.exists() and not folder.is_symlink():  # still one: it leads in a circle
        folder = folder.parent
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as probe:
            probe.write(bytes(PROBE_BYTES))
    except OSError as problem:
        raise InputError(f"{shown}: cannot be created: {problem.strerror} ({folder})") from None


def already_exists(location: str | Path, kind: str) -> InputError:
    """Return the error for a name that is taken; `kind` says what to name instead."""
    return InputError(f"{location}: exists; remove it or name another {kind}")


@contextmanager
def hidden_sibling(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside where `target` leads; it is always deleted at the end, or swept later.

    Raises
    ------
    InputError
        If no folder can be created there.

    """
    target = real(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent))
        lock = os.open(folder, os.O_RDONLY)
    except OSError as problem:
        raise InputError(f"{target}: cannot be created: {problem.strerror} ({problem.filename})") from None
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
    """Delete a hidden folder; put back what `replacing` set aside in it if nothing took its place."""
    with suppress(OSError):
        if not target.exists():
            (folder / OLD).rename(target)
    shutil.rmtree(folder, ignore_errors=True)


def _locked(descriptor: int) -> bool:
    """Lock an open folder; return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or the file system has no locks, and then nothing is swept
        return False
    return True


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; if the block succeeds, it becomes `target`, which must not exist."""
    if target.exists():
        raise already_exists(target, "folder")
    target = real(target)
    with hidden_sibling(target) as hidden:
        # A folder inside the hidden one, which only its owner may read; that mode would stay after the
        # rename.
        folder = hidden / NEW
        folder.mkdir()
        yield folder
        rename_new(folder, target)


def rename_new(folder: Path, target: Path) -> None:
    """Give a finished folder its name; raise InputError if somebody else's took it in the meantime."""
    try:
        folder.rename(target)
    except OSError as problem:
        if problem.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise already_exists(target, "folder") from None


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to create; if the block succeeds, it replaces `target`, which is deleted."""
    target = real(target)
    with hidden_sibling(target) as hidden:
        yield hidden / NEW
        if target.exists():
            target.rename(hidden / OLD)
        (hidden / NEW).rename(target)
