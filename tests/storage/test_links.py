"""Outputs given through symbolic links: they land where the link leads, and the link stays."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.storage import atomic
from atypeak_scale.storage.local import LocalTarget

Write = Callable[[Path], None]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def make_folder(link: Path) -> None:
    with LocalTarget(link).new_folder(last="") as folder:
        (folder / "file").write_text("new")


def replace_folder(link: Path) -> None:
    with LocalTarget(link).replacing(last="") as folder:
        folder.mkdir()
        (folder / "file").write_text("new")


def publish_folder(link: Path) -> None:
    target = LocalTarget(link)
    with target.staging_folder() as folder:
        (folder / "made").mkdir()
        (folder / "made" / "file").write_text("new")
        target.publish(folder / "made", last="")


@pytest.fixture(params=["same", "other"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on the same file system, and on another one, to which nothing can be renamed."""
    if request.param == "same":
        (tmp_path / "elsewhere").mkdir()
        yield tmp_path / "elsewhere"
        return
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.mark.parametrize("write", [make_folder, publish_folder, replace_folder])
def test_links__a_dangling_one_is_written_through(tmp_path: Path, elsewhere: Path, write: Write) -> None:
    (tmp_path / "here").mkdir()
    link = tmp_path / "here" / "link"
    link.symlink_to(elsewhere / "deep" / "new")
    write(link)
    assert link.is_symlink()
    assert (elsewhere / "deep" / "new" / "file").read_text() == "new"
    assert names(tmp_path / "here") == ["link"]
    assert names(elsewhere / "deep") == ["new"]


def test_links__what_they_lead_to_is_replaced(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "old").mkdir()
    (elsewhere / "old" / "file").write_text("old")
    link = tmp_path / "link"
    link.symlink_to(elsewhere / "old")
    replace_folder(link)
    assert link.is_symlink()
    assert (elsewhere / "old" / "file").read_text() == "new"
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        make_folder(link)


def test_links__a_failure_changes_nothing(tmp_path: Path, elsewhere: Path) -> None:
    (elsewhere / "old").mkdir()
    link = tmp_path / "link"
    link.symlink_to(elsewhere / "old")
    with pytest.raises(ZeroDivisionError), LocalTarget(link).replacing(last=""):
        raise ZeroDivisionError
    assert link.is_symlink()
    assert names(elsewhere) == ["old"]


def test_links__files(tmp_path: Path, elsewhere: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(elsewhere / "file")
    with LocalTarget(link).new_file() as file:
        file.write_text("new")
    assert link.is_symlink()
    assert (elsewhere / "file").read_text() == "new"
    LocalTarget(link).remove()
    assert not link.is_symlink()
    assert names(elsewhere) == ["file"]


@pytest.mark.parametrize("place", ["file/x", "loop/x", "/proc/x/y", "locked/x/y"])
def test_unwritable__is_refused_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("text")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "locked").mkdir(mode=0o500)
    if place.startswith("locked") and os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    before = sorted(str(path) for path in tmp_path.rglob("*"))
    for refuse in (
        LocalTarget(place).refuse_unwritable,
        LocalTarget(place).refuse_existing_file,
        lambda: LocalTarget(place).refuse_existing(last=""),
    ):
        with pytest.raises(InputError, match=rf"^{place}: cannot be created: "):
            refuse()
    assert sorted(str(path) for path in tmp_path.rglob("*")) == before


def test_unwritable__a_full_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", lambda **_: Full())
    with pytest.raises(InputError, match="new: cannot be created: No space left on device"):
        LocalTarget(tmp_path / "new").refuse_unwritable()


def test_writable__leaves_nothing(tmp_path: Path) -> None:
    LocalTarget(tmp_path / "a" / "b").refuse_existing(last="")
    LocalTarget(tmp_path).refuse_unwritable()
    assert not names(tmp_path)
    assert shutil.disk_usage(tmp_path).free > atomic.PROBE_BYTES
