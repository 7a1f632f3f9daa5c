"""What an output was made from, and output folders that appear whole and record it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from atypeak_scale.storage import locations
from atypeak_scale.storage.locations import Location
from atypeak_scale.storage.targets import target

MADE_FROM = "made-from.json"


def fingerprint(values: Any) -> str:
    """Return the SHA-256 of anything that JSON can express."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def refuse_existing_output(out: Location) -> None:
    """Raise InputError if `out` exists, or cannot be written, before any work is done."""
    target(out).refuse_existing(last=MADE_FROM)


@contextmanager
def new_output(out: Location, made_from: Mapping[str, Any]) -> Iterator[Path]:
    """Yield a local folder to fill; if the block succeeds, it appears at `out`, whole and with `made_from`.

    Raises
    ------
    InputError
        If `out` exists.

    """
    with target(out).new_folder(last=MADE_FROM) as folder:
        yield folder
        write_provenance(folder, made_from)


def write_provenance(folder: Path, made_from: Mapping[str, Any]) -> None:
    """Write what a folder was made from into it."""
    (folder / MADE_FROM).write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8")


def read_provenance(folder: Location) -> dict[str, Any] | None:
    """Return what a folder was made from, or None if that is unknown."""
    try:
        known = json.loads(target(locations.join(folder, MADE_FROM)).read_text())
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) else None
