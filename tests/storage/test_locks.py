"""One writer at a time; a lock ends with its process."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from storage.object_store import files, objects

from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.storage.locks import kept_in_place, sole_writer

HOLD = """
import sys, time
from pathlib import Path
from atypeak_scale.storage.locks import sole_writer
with sole_writer(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


def holder(store: Path, group: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, store, group], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_sole_writer__another_process_is_refused_and_named(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    with holder(store, "cell/scores/m") as other:
        with (
            pytest.raises(
                AtypeakError, match=rf"s\.zarr/cell/scores/m: is being written by process {other.pid} on"
            ),
            sole_writer(store, "cell/scores/m"),
        ):
            pytest.fail("locked twice")
        with sole_writer(store, "cell/scores/another"):
            pass
        other.kill()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_sole_writer__the_lock_of_a_dead_process_is_none(tmp_path: Path, end: signal.Signals) -> None:
    store = tmp_path / "s.zarr"
    with holder(store, "g") as other:
        os.kill(other.pid, end)
        other.wait()
    with sole_writer(store, "g"):
        pass


def test_sole_writer__leaves_nothing_and_no_name_chooses_a_path(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    with sole_writer(tmp_path / "inner/s.zarr", "../../../up"):
        (lock,) = (tmp_path / "inner").iterdir()
        assert lock.name.startswith(".s.zarr.")
    assert list((tmp_path / "inner").iterdir()) == []
    assert list(tmp_path.iterdir()) == [tmp_path / "inner"]


@pytest.mark.parametrize(
    "place, remedy, told",
    [
        (
            "s3://b/s.zarr/cell/zarr.json",
            "go elsewhere",
            "s3://b/s.zarr/cell/zarr.json: denied; go elsewhere",
        ),
        ("s3://b/s.zarr", "go elsewhere", "s3://b/s.zarr: denied; go elsewhere"),
        ("s3://b/s.zarr2/cell/zarr.json", "go elsewhere", None),
        ("s3://b/model/model.keras", "go elsewhere", None),
        ("s3://b/s.zarr/cell/zarr.json", None, None),
    ],
)
def test_sole_writer__remedy_at_a_url_is_for_its_own_place(
    place: str, remedy: str | None, told: str | None
) -> None:
    with (
        pytest.raises((InputError, PermissionError)) as failure,
        sole_writer("s3://b/s.zarr", "cell", remedy=remedy, argument="results"),
    ):
        raise PermissionError(errno.EACCES, "denied", place)
    assert isinstance(failure.value, InputError) == (told is not None)
    assert getattr(failure.value, "argument", None) == (told and "results")
    assert told is None or str(failure.value) == told


def test_sole_writer__is_freed_by_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), sole_writer(tmp_path / "s", "g"):
        _ = 1 / 0
    with sole_writer(tmp_path / "s", "g"):
        pass


def test_sole_writer__never_two_at_a_time(tmp_path: Path) -> None:
    """Many threads take and free the lock; the file is removed in between, which must let no two in."""
    inside = most = entered = 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most, entered
        for _ in range(200):
            try:
                with sole_writer(tmp_path / "s", "g"):
                    with guard:
                        inside += 1
                        entered += 1
                        most = max(most, inside)
                    with guard:
                        inside -= 1
            except AtypeakError:
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert entered > 10


def test_sole_writer__locks_nothing_at_a_url(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    store = f"{bucket}/s.zarr"
    with sole_writer(store, "cell/scores/m"), sole_writer(store, "cell/scores/m"):
        assert files(tmp_path) == before
        assert objects(bucket) == {}


def test_sole_writer__a_folder_that_may_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("atypeak_scale.storage.locks.os.open", refused)
    told = f"{tmp_path}: cannot be written (Permission denied)"
    for remedy, expected in ((None, told), ("go elsewhere", f"{told}; go elsewhere")):
        with (
            pytest.raises(InputError) as failure,
            sole_writer(tmp_path / "s.zarr", "g", remedy=remedy, argument="results"),
        ):
            pytest.fail("locked")
        assert str(failure.value) == expected
        assert failure.value.argument == "results"


def test_kept_in_place__by_several_and_never_beside_a_sole_writer(tmp_path: Path) -> None:
    store = tmp_path / "s.zarr"
    with kept_in_place(store, "cell/data"):
        with kept_in_place(store, "cell/data"):
            pass
        with (
            pytest.raises(AtypeakError, match=r"s\.zarr/cell/data: is being written by process"),
            sole_writer(store, "cell/data"),
        ):
            pytest.fail("replaced under those who keep it")
        with sole_writer(store, "other/data"):
            pass
    with sole_writer(store, "cell/data"), pytest.raises(AtypeakError), kept_in_place(store, "cell/data"):
        pytest.fail("kept what is being replaced")
    assert list(tmp_path.iterdir()) == []


def test_kept_in_place__where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", refused)
    with kept_in_place(tmp_path / "s.zarr", "cell/data"):
        pass
    with kept_in_place("memory://s.zarr", "cell/data"):
        pass
