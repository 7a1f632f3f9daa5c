"""On disk: what is made beside the target, and what its errors say."""

from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.storage.local import LocalTarget


def test_path__file_urls_are_paths(tmp_path: Path) -> None:
    target = LocalTarget(f"file://{tmp_path}/x")
    assert target.path == tmp_path / "x"
    target.path.write_text("text")
    assert target.read_text() == "text"
    with pytest.raises(InputError, match=rf"^file://{tmp_path}/x: exists; remove it or name another folder$"):
        target.refuse_existing("last")


def test_staging_folder__is_beside_the_target(tmp_path: Path) -> None:
    with LocalTarget(tmp_path / "deep/x").staging_folder() as folder:
        assert folder.parent == tmp_path / "deep"
        assert folder.name.startswith(".x.")
    assert list((tmp_path / "deep").iterdir()) == []


def test_staging_folder__that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(InputError, match=r"^.*file/x: cannot be created: \w+"),
        LocalTarget(tmp_path / "file/x").staging_folder(),
    ):
        pytest.fail("made")


def test_local_copy__is_the_file_itself(tmp_path: Path) -> None:
    with LocalTarget(tmp_path / "x").local_copy() as copy:
        assert copy == tmp_path / "x"


def test_file_size__of_a_folder_and_of_nothing(tmp_path: Path) -> None:
    assert LocalTarget(tmp_path).file_size() is LocalTarget(tmp_path / "none").file_size() is None
    with pytest.raises(FileNotFoundError):
        LocalTarget(tmp_path / "none").open_bytes()


def test_make_folder__with_those_above_it(tmp_path: Path) -> None:
    for _ in range(2):
        LocalTarget(tmp_path / "a/b").make_folder()
        assert (tmp_path / "a/b").is_dir()


def test_refuse_unwritable__writes_nothing(tmp_path: Path) -> None:
    LocalTarget(tmp_path / "x").refuse_unwritable()
    assert list(tmp_path.iterdir()) == []


def test_remove__takes_a_link_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")
    for name in ("link", "dangling"):
        LocalTarget(tmp_path / name).remove()
    assert [file.name for file in tmp_path.iterdir()] == ["real"]
