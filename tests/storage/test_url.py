"""At a URL nothing half made is ever seen, and what fails is one line that names the place."""

import errno
import itertools
import sys
import tempfile
from pathlib import Path

import fsspec
import pytest
from storage.object_store import LAST, BrokenError, Objects, fill, objects, replace

from atypeak_scale.errors import InputError
from atypeak_scale.storage.url import PROBE, UNFINISHED, UrlTarget, reaching

# Errors


@pytest.mark.parametrize(
    "raised, number, told",
    [
        (PermissionError("the key\nis unknown"), errno.EACCES, "cannot be reached: the key is unknown"),
        (PermissionError(errno.EPERM, "not yours"), errno.EPERM, "cannot be reached: not yours"),
        (OSError(errno.EINVAL, "bad bucket"), errno.EINVAL, "cannot be reached: bad bucket"),
        (BrokenError("no route"), errno.EIO, "cannot be reached: no route"),
        (TimeoutError(), errno.EIO, "cannot be reached: TimeoutError"),
    ],
)
def test_reaching__tells_of_any_error_in_one_line(raised: Exception, number: int, told: str) -> None:
    with pytest.raises(InputError) as failure, reaching("objects://x"):
        raise raised
    assert str(failure.value) == f"objects://x: {told}"
    with (
        pytest.raises(OSError, match="cannot be reached") as while_running,
        reaching("objects://x", running=True),
    ):
        raise raised
    assert (while_running.value.filename, while_running.value.strerror) == ("objects://x", told)
    assert while_running.value.errno == number


def test_reaching__an_absent_object_is_that() -> None:
    for running in (False, True):
        with pytest.raises(FileNotFoundError) as failure, reaching("objects://x", running):
            raise FileNotFoundError("bucket/key")
        assert failure.value.filename == "objects://x"
        assert failure.value.strerror == "no such file, folder or bucket"


@pytest.mark.parametrize("protocol", ["s3", "s3a"])
def test_missing_package__says_what_to_install(protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, protocol, raising=False)
    with pytest.raises(InputError) as failure:
        UrlTarget(f"{protocol}://bucket/x").exists()
    assert str(failure.value) == (
        f"{protocol}://bucket/x: needs the package s3fs; install it with: pip install 'atypeak-scale[s3]'"
    )


def test_unknown_protocol__is_refused() -> None:
    with pytest.raises(InputError, match=r"^nowhere://x: cannot be reached: Protocol not known: nowhere$"):
        UrlTarget("nowhere://x").exists()


# Folders


def test_new_folder__what_makes_it_visible_comes_last(bucket: str) -> None:
    with UrlTarget(f"{bucket}/model").new_folder(LAST) as folder:
        expected = fill(folder)
        assert objects(bucket) == {}
    assert objects(f"{bucket}/model") == expected
    written = [path.rpartition("model/")[2] for what, path in Objects.changes if what == "write"]
    assert written[-1] == LAST
    assert set(written) == {*expected, UNFINISHED, PROBE}
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    with pytest.raises(InputError, match="objects://bucket/model: exists; remove it or name another folder"):
        UrlTarget(f"{bucket}/model").refuse_existing(LAST)


def test_new_folder__stopped_anywhere_it_is_whole_or_can_be_made_again(bucket: str) -> None:
    location = f"{bucket}/model"
    expected = {name: name.encode() for name in ("a", LAST, "deep/b", "z")}
    for allowed in itertools.count():
        Objects.store.clear()
        Objects.changes.clear()
        Objects.allowed = allowed
        try:
            with UrlTarget(location).new_folder(LAST) as folder:
                assert fill(folder) == expected
        except (OSError, InputError) as problem:
            assert "cannot be reached: the connection was lost" in str(problem)
            assert str(problem).count("reached") == 1
        else:
            break
        finally:
            Objects.allowed = float("inf")
        if UrlTarget(location).is_there(LAST):
            assert {**expected, UNFINISHED: b""} == objects(location)
            continue
        assert LAST not in objects(location)
        with UrlTarget(location).new_folder(LAST) as folder:
            fill(folder)
        assert objects(location) == expected
    assert allowed > 8


def test_new_folder__a_failed_block_leaves_nothing(bucket: str) -> None:
    with pytest.raises(ZeroDivisionError), UrlTarget(f"{bucket}/model").new_folder(LAST) as folder:
        fill(folder)
        _ = 1 / 0
    assert objects(bucket) == {}
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_new_folder__what_another_made_meanwhile_is_kept(bucket: str) -> None:
    with (
        pytest.raises(InputError, match="exists"),
        UrlTarget(f"{bucket}/model").new_folder(LAST) as folder,
    ):
        fill(folder, "mine")
        with UrlTarget(f"{bucket}/model").new_folder(LAST) as other:
            expected = fill(other, "theirs")
    assert objects(f"{bucket}/model") == expected


def test_refuse_existing__files_of_others_and_names_that_are_patterns(bucket: str) -> None:
    with fsspec.open(f"{bucket}/mine/notes.txt", "wb") as out:
        out.write(b"x")
    with pytest.raises(InputError, match="exists; remove it or name another folder"):
        UrlTarget(f"{bucket}/mine").refuse_existing(LAST)
    for name in ("m*", "m?", "m[1]"):
        with pytest.raises(InputError, match=r"holds .*, which would match other names; rename it$"):
            UrlTarget(f"{bucket}/{name}").refuse_existing(LAST)
        with pytest.raises(InputError, match="would match other names"):
            UrlTarget(f"{bucket}/{name}").remove()
    assert set(objects(bucket)) == {"mine/notes.txt"}


def test_refuse_existing__says_early_that_nothing_can_be_written(bucket: str) -> None:
    Objects.allowed = 0
    with pytest.raises(InputError, match=r"^objects://bucket/m: cannot be reached: the connection was lost$"):
        UrlTarget(f"{bucket}/m").refuse_existing(LAST)


def test_remove__all_below_and_nothing_beside(bucket: str) -> None:
    for name in ("model", "model-2"):
        with UrlTarget(f"{bucket}/{name}").new_folder(LAST) as folder:
            expected = fill(folder)
    UrlTarget(f"{bucket}/model/a").remove()
    assert objects(f"{bucket}/model") == {name: data for name, data in expected.items() if name != "a"}
    UrlTarget(f"{bucket}/model").remove()
    assert objects(f"{bucket}/model") == {}
    assert objects(f"{bucket}/model-2") == expected
    UrlTarget(f"{bucket}/model").remove()


def test_replacing__stopped_anywhere_it_is_the_old_the_new_or_nothing(bucket: str) -> None:
    location = f"{bucket}/model"
    outcomes = set()
    for allowed in itertools.count():
        Objects.store.clear()
        with UrlTarget(location).new_folder(LAST) as folder:
            old = fill(folder, "old")
            (folder / "only in the old").write_text("x")
        Objects.changes.clear()
        Objects.allowed = allowed
        try:
            new = replace(location, "new")
        except (OSError, InputError) as problem:
            assert "the connection was lost" in str(problem)
        else:
            break
        finally:
            Objects.allowed = float("inf")
        found = {name: data for name, data in objects(location).items() if data}
        if not UrlTarget(location).is_there(LAST):
            outcomes.add("nothing")
            assert LAST not in found
        else:
            is_old = found[LAST] == old[LAST]
            outcomes.add("old" if is_old else "new")
            assert found.items() >= old.items() if is_old else set(found) == set(old)
        replace(location, "new")
    assert outcomes == {"old", "new", "nothing"}
    assert objects(location) == new
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_staging_folder__is_among_the_temporary_files(bucket: str, tmp_path: Path) -> None:
    with UrlTarget(f"{bucket}/x").staging_folder() as folder:
        assert folder.parent == tmp_path / "tmp"
    UrlTarget(f"{bucket}/x").make_folder()
    assert objects(bucket) == {}
