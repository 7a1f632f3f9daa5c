"""Outputs that exist whole or not at all.

What is written lies in a hidden folder beside its final place, on the same file system, and gets its name by
one rename, which either happens or does not. A process that fails or is interrupted leaves nothing; one that
is killed leaves only that hidden folder, which the next one sweeps away: it is locked while its owner lives.
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
OLD = "old"  # in a hidden folder: the output that is being replaced
SECONDS_TO_LOCK = 60  # that a folder is left alone after it was made: its owner may not have locked it yet


def refuse_existing(target: str | Path) -> None:
    """Raise InputError where something of that name exists."""
    if Path(target).exists():
        raise InputError(f"{target}: exists; remove it or name another folder")


@contextmanager
def hidden_sibling(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`; it is gone at the end, whatever happens, or swept later.

    Raises
    ------
    InputError
        Where no folder can be made there.

    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=PARTIAL, dir=target.parent))
        lock = os.open(folder, os.O_RDONLY)
    except OSError as problem:
        raise InputError(f"{target}: cannot be made: {problem.strerror} ({problem.filename})") from None
    try:
        _is_free(lock)
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
                if _is_free(lock):
                    _discard(folder, target)
            finally:
                os.close(lock)


def _discard(folder: Path, target: Path) -> None:
    """Delete a hidden folder; what `replacing` set aside in it goes back where nothing took its place."""
    with suppress(OSError):
        if not target.exists():
            (folder / OLD).rename(target)
    shutil.rmtree(folder, ignore_errors=True)


def _is_free(descriptor: int) -> bool:
    """Lock an open folder, unless somebody else has."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or a file system without locks, where nothing is swept
        return False
    return True


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a folder to fill; it becomes `target`, which must not exist, when the block ends well."""
    refuse_existing(target)
    with hidden_sibling(target) as hidden:
        # A folder inside: the hidden one is readable by its owner only, and would stay so.
        folder = hidden / "new"
        folder.mkdir()
        yield folder
        folder.rename(target)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to make; when the block ends well it takes the place of `target`, which is deleted."""
    with hidden_sibling(target) as hidden:
        yield hidden / "new"
        if target.exists():
            target.rename(hidden / OLD)
        (hidden / "new").rename(target)
