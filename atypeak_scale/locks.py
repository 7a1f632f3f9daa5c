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
from atypeak_scale.places import Place, is_url, local_path

log = logging.getLogger(__name__)

REMEDY = "keep the scores of a store that is only read in another place, with --results"


@contextmanager
def sole_writer(store: Place, group: str, wait: bool = False) -> Iterator[None]:
    """Hold the right to write `group` of `store` while the block runs; at a URL there is no lock.

    wait: for a holder who will need it for a moment only.

    Raises
    ------
    AtypeakError
        Where another process holds it, and `wait` is not set.
    InputError
        Where nothing can be written beside the store, or at the URL.

    """
    if is_url(store):
        with _telling_of_results(store):
            yield
        return
    # A name from a file must not choose a path; two groups must not share a lock.
    name = hashlib.sha256(group.encode()).hexdigest()[:12]
    local = local_path(store).absolute()
    path = local.with_name(f".{local.name}.{name}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquire(path, f"{store}/{group}", wait)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


@contextmanager
def _telling_of_results(url: Place) -> Iterator[None]:
    """Say where scores can be kept when they must not be written at a URL."""
    try:
        yield
    except PermissionError as problem:
        if not str(problem.filename).startswith(str(url)):
            raise
        raise InputError(f"{problem.filename}: {problem.strerror}; {REMEDY}") from None


def _acquire(path: Path, what: str, wait: bool) -> int:
    how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
    while True:
        descriptor = _open(path)
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


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as problem:
        if problem.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise
        raise InputError(f"{path.parent}: cannot be written ({problem.strerror}); {REMEDY}") from None


def _is_still(path: Path, descriptor: int) -> bool:
    """Whether the open file is the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
