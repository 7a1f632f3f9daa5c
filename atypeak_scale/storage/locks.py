"""One writer at a time for the same results, and no replacing of data while results are written for it.

The lock is a kernel lock (flock) on a hidden file beside the store, where all links to it lead. It ends with
the process that holds it, however that process ends, so a file left by a dead process is not a lock. Its text
is only for people.
"""

import errno
import fcntl
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.storage.atomic import real
from atypeak_scale.storage.locations import Location, is_url, local_path

log = logging.getLogger(__name__)

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def sole_writer(
    store: Location,
    group: str,
    wait: bool = False,
    remedy: str | None = None,
    argument: str | None = None,
) -> Iterator[None]:
    """Hold the right to write `group` of `store` while the block runs. At a URL there is no lock.

    Parameters
    ----------
    store, group
        What to write; writers of different groups do not wait for each other.
    wait
        Whether to wait for another holder, which needs the lock only for a moment.
    remedy, argument
        What to do if nothing can be written, and the Python parameter for it.

    Raises
    ------
    AtypeakError
        If another process holds the lock and `wait` is not set.
    InputError
        If nothing can be written beside the store; at a URL, only if there is a remedy.

    """
    if is_url(store):
        try:
            yield
        except PermissionError as problem:
            if remedy is None or not f"{problem.filename}/".startswith(f"{store}/"):
                raise
            raise InputError(f"{problem.filename}: {problem.strerror}; {remedy}", argument) from None
        return
    path = _lock_file(real(local_path(store)), group)
    path.parent.mkdir(parents=True, exist_ok=True)
    operation = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
    try:
        descriptor = _acquire(path, f"{store}/{group}", operation)
    except OSError as problem:
        if problem.errno not in UNWRITABLE:
            raise
        message = f"{path.parent}: cannot be written ({problem.strerror})"
        raise InputError(message if remedy is None else f"{message}; {remedy}", argument) from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def kept_in_place(store: Location, group: str) -> Iterator[None]:
    """Keep a sole writer away from `group` while the block runs; any number of processes may do so at once.

    Where nothing can be written there is no lock: nobody else of our rights can replace the group either.

    Raises
    ------
    AtypeakError
        If a sole writer holds the lock.

    """
    if is_url(store):
        yield
        return
    path = _lock_file(real(local_path(store)), group)
    try:
        descriptor = _acquire(path, f"{store}/{group}", fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno not in UNWRITABLE:
            raise
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):  # others keep it too; the last one removes the file
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _lock_file(store: Path, group: str) -> Path:
    """Return the file to lock; names from files cannot choose a path, and no two groups share a lock."""
    digest = hashlib.sha256(group.encode()).hexdigest()[:12]
    return store.with_name(f".{store.name}.{digest}.lock")


def _acquire(path: Path, what: str, operation: int) -> int:
    """Lock a file, creating it if there is none, and return its descriptor."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, operation)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise AtypeakError(
                f"{what}: is being written by {holder}; wait until it is done, or stop it"
            ) from None
        except OSError as problem:
            log.warning("%s: this file system has no locks (%s); avoid two writers at once", path, problem)
            return descriptor
        # The previous holder may have removed the file after this process opened it and before it was locked.
        if _is_still(path, descriptor):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Return whether the open file still has that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
