"""One writer at a time on the same results.

The lock is the kernel's (flock) on a hidden file beside the store: it ends with the process that holds it,
however that ends, so a file that a dead process left is no lock. What the file says is for people only.
"""

import fcntl
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atypeak_scale.errors import AtypeakError

log = logging.getLogger(__name__)


@contextmanager
def sole_writer(store: Path, group: str, wait: bool = False) -> Iterator[None]:
    """Hold the right to write `group` of `store` while the block runs.

    wait: for a holder who will need it for a moment only.

    Raises
    ------
    AtypeakError
        Where another process holds it, and `wait` is not set.

    """
    # A name from a file must not choose a path; two groups must not share a lock.
    name = hashlib.sha256(group.encode()).hexdigest()[:12]
    path = store.absolute().with_name(f".{store.name}.{name}.lock")
    descriptor = _acquire(path, f"{store}/{group}", wait)
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
