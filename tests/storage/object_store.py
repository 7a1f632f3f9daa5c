"""A file system of objects that can lose its connection, and what tests ask of it."""

import json
from pathlib import Path
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from atypeak_scale.storage.targets import target

LAST = "last.json"


class BrokenError(Exception):
    """What file systems raise is often no OSError."""


class Objects(MemoryFileSystem):
    """Objects by name and no folders, as S3 has them.

    Every change is noted, and only so many are `allowed`; names with `unreadable` in them cannot be read.
    """

    protocol = "objects"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    changes: ClassVar[list[tuple[str, str]]] = []
    allowed: ClassVar[float] = float("inf")
    unreadable: ClassVar[str | None] = None

    @classmethod
    def _strip_protocol(cls, path: Any) -> str:
        return super()._strip_protocol(str(path).removeprefix("objects://"))

    def _change(self, what: str, path: str) -> None:
        if len(self.changes) >= self.allowed:
            raise BrokenError("the connection\nwas lost")
        self.changes.append((what, self._strip_protocol(path)))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        """Make no folder."""

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **options: Any) -> None:
        self._change("write", path)
        super().pipe_file(path, value, mode, **options)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        self.pipe_file(rpath, Path(lpath).read_bytes())

    def rm_file(self, path: str) -> None:
        self._change("delete", path)
        super().rm_file(path)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **options: Any) -> bytes:
        if self.unreadable is not None and self.unreadable in path:
            raise BrokenError("the connection was lost")
        data: bytes = super().cat_file(path, start, end, **options)
        return data


fsspec.register_implementation("objects", Objects)


def objects(url: str) -> dict[str, bytes]:
    """Return the content of every object below a URL."""
    start = url.removeprefix("objects:/") + "/"
    return {
        name.removeprefix(start): file.getvalue()
        for name, file in Objects.store.items()
        if name.startswith(start)
    }


def files(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def put(url: str, data: bytes) -> str:
    with fsspec.open(url, "wb") as out:
        out.write(data)
    return url


def assert_same(url: str, folder: Path) -> None:
    """Assert that the same files are at a URL as in a local folder."""
    found, expected = objects(url), files(folder)
    assert sorted(found) == sorted(expected)
    for name, data in expected.items():
        if name.endswith(".json"):
            assert json.loads(found[name]) == json.loads(data), name
        else:
            assert found[name] == data, name


def fill(folder: Path, tag: str = "") -> dict[str, bytes]:
    (folder / "deep").mkdir()
    for name in ("a", LAST, "deep/b", "z"):
        (folder / name).write_text(name + tag)
    return files(folder)


def replace(location: str | Path, tag: str) -> dict[str, bytes]:
    with target(location).replacing(LAST) as folder:
        folder.mkdir()
        return fill(folder, tag)
