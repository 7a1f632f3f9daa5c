"""One writer at a time on the same results.

The lock is the kernel's (flock) on a hidden file beside the store: it ends with the process that holds it,
however that ends, so a file that a dead process left is no lock. What the file says is for people only.
"""

import errno
import fcntl
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.storage.locations import Location, is_url, local_path

log = logging.getLogger(__name__)

UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def sole_writer(store: Location, group: str, wait: bool = False, remedy: str | None = None) -> Iterator[None]:
    """Hold the right to write `group` of `store` while the block runs; at a URL there is no lock.

    wait: for a holder who will need it for a moment only; remedy: what to do where nothing may be written.

    Raises
    ------
    AtypeakError
        Where another process holds it, and `wait` is not set.
    InputError
        Where nothing can be written beside the store; at the URL, where there is a remedy.

    """
    if is_url(store):
        try:
            yield
        except PermissionError as problem:
            if remedy is None or not f"{problem.filename}/".startswith(f"{store}/"):
                raise
            raise InputError(f"{problem.filename}: {problem.strerror}; {remedy}") from None
        return
    # A name from a file must not choose a path; two groups must not share a lock.
    name = hashlib.sha256(group.encode()).hexdigest()[:12]
    local = local_path(store).absolute()
    path = local.with_name(f".{local.name}.{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = _acquire(path, f"{store}/{group}", wait)
    except OSError as problem:
        if problem.errno not in UNWRITABLE:
            raise
        told = f"{path.parent}: cannot be written ({problem.strerror})"
        raise InputError(told if remedy is None else f"{told}; {remedy}") from None
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, what: str, wait: bool) -> int:
    how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip() or "another process"
            os.close(descriptor)
            raise AtypeakError(
                f"{what}: is being written by {holder}; wait until it is done, or stop it"
            ) from None
        except OSError as problem:
            log.warning("%s: this file system has no locks (%s); do not write twice at a time", path, problem)
            return descriptor
        # The holder before may have removed the file between our opening and locking it.
        if _is_still(path, descriptor):
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
            return descriptor
        os.close(descriptor)


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
