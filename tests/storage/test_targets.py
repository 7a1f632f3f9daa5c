"""Both kinds of target keep the same promises."""

from pathlib import Path

import fsspec
import pytest
from storage.object_store import LAST, files, objects, replace

from atypeak_scale.errors import InputError
from atypeak_scale.storage import locations
from atypeak_scale.storage.local import LocalTarget
from atypeak_scale.storage.targets import target
from atypeak_scale.storage.url import UrlTarget


@pytest.mark.parametrize(
    "location, kind",
    [("x", LocalTarget), (Path("x"), LocalTarget), ("file:///x", LocalTarget), ("objects://x", UrlTarget)],
)
def test_target__is_chosen_by_the_location(location: str | Path, kind: type) -> None:
    assert type(target(location)) is kind
    assert target(location).location == location


def test_target__of_a_path_that_was_a_url_is_refused() -> None:
    with pytest.raises(InputError, match=r"s3:/bucket/s\.zarr: a Path cannot hold a URL; give it as a s"):
        target(Path("s3://bucket/s.zarr"))


def test_replacing__here_and_what_was_not_there(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "model", f"{bucket}/model"):
        for tag in ("old", "new"):
            expected = replace(location, tag)
        assert target(location).names() == {"a", LAST, "deep", "z"}
        with pytest.raises(ZeroDivisionError), target(location).replacing(LAST):
            _ = 1 / 0
        found = files(location) if isinstance(location, Path) else objects(location)
        assert found == expected
    assert target(tmp_path / "none").names() == target(f"{bucket}/none").names() == set()


def test_new_file__is_whole_or_not_there(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "t.tsv", f"{bucket}/t.tsv"):
        with pytest.raises(ZeroDivisionError), target(location).new_file() as file:
            file.write_text("half")
            _ = 1 / 0
        assert not target(location).exists()
        with target(location).new_file() as file:
            file.write_text("whole")
            assert not target(location).exists()
        assert target(location).read_text() == "whole"
        with pytest.raises(InputError, match=r"t\.tsv: exists; remove it or name another file"):
            target(location).new_file().__enter__()
    assert {file.name for file in tmp_path.iterdir()} == {"t.tsv", "tmp"}


def test_files__are_read(bucket: str, tmp_path: Path) -> None:
    for place in (f"{bucket}/x/ä.txt", tmp_path / "ä.txt"):
        with fsspec.open(str(place), "wb") as out:
            out.write("größe\n".encode())
        assert target(place).read_text() == "größe\n"
        assert target(place).file_size() == 8
        assert target(place).exists()
        with target(place).open_bytes() as raw:
            assert raw.read() == "größe\n".encode()
        with target(place).local_copy() as copy:
            assert copy.read_bytes() == "größe\n".encode()
            assert copy.name == "ä.txt"
    assert copy.exists()
    assert list((tmp_path / "tmp").iterdir()) == []
    assert target(f"{bucket}/x").file_size() is target(f"{bucket}/y").file_size() is None
    assert target(f"{bucket}/x").exists()
    assert not target(f"{bucket}/y").exists()
    for absent in (f"{bucket}/y", tmp_path / "y"):
        for read in (target(absent).read_text, target(absent).open_bytes):
            with pytest.raises(FileNotFoundError):
                read()


def test_new_folder__is_there_only_at_the_end(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "m", f"{bucket}/m"):
        assert not target(location).is_there(LAST)
        with target(location).new_folder(LAST) as folder:
            (folder / LAST).write_text("x")
            assert not target(location).is_there(LAST)
        assert target(location).is_there(LAST)
        with pytest.raises(InputError, match=r"m: exists; remove it or name another folder$"):
            target(location).refuse_existing(LAST)
        with pytest.raises(InputError, match=r"m: exists; remove it or name another folder$"):
            target(location).new_folder(LAST).__enter__()
        with pytest.raises(InputError, match=r"m: exists; remove it or name another file$"):
            target(location).refuse_existing_file()
    assert {file.name for file in tmp_path.iterdir()} == {"m", "tmp"}


def test_publish__from_the_staging_folder(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "m", f"{bucket}/m"):
        with target(location).staging_folder() as folder:
            assert list(folder.iterdir()) == []
            (folder / "made").mkdir()
            (folder / "made" / LAST).write_text("x")
            target(location).publish(folder / "made", LAST)
        assert not folder.exists()
        assert target(location).names() == {LAST}


def test_replacing_file__takes_the_place_of_the_old(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "t", f"{bucket}/t"):
        for text in ("old", "new"):
            with target(location).replacing_file() as file:
                file.write_text(text)
            assert target(location).read_text() == text


def test_remove__a_file_a_folder_and_nothing(bucket: str, tmp_path: Path) -> None:
    for location in (tmp_path / "m", f"{bucket}/m"):
        replace(location, "")
        target(locations.join(location, "a")).remove()
        assert target(location).names() == {LAST, "deep", "z"}
        for _ in range(2):
            target(location).remove()
            assert not target(location).exists()
