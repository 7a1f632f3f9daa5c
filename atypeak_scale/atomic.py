"""Outputs that exist whole or not at all.

What is written lies in a hidden folder beside its final place, on the same file system, and gets its name by
one rename, which either happens or does not. A process that is killed before leaves only that hidden folder;
one that fails or is interrupted leaves nothing.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from atypeak_scale.errors import InputError


def refuse_existing(target: str | Path) -> None:
    """Raise InputError where something of that name exists."""
    if Path(target).exists():
        raise InputError(f"{target}: exists; remove it or name another folder")


@contextmanager
def hidden_sibling(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`; it is gone at the end, whatever happens.

    Raises
    ------
    InputError
        Where no folder can be made there.

    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
    except OSError as problem:
        raise InputError(f"{target}: cannot be made: {problem.strerror} ({problem.filename})") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
