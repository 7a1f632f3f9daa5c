"""What killed processes leave is swept; what living ones use is not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from atypeak_scale.storage.atomic import SECONDS_TO_LOCK, hidden_sibling, new_folder, replacing

HOLD = """
import sys, time
from pathlib import Path
from atypeak_scale.storage.atomic import hidden_sibling
with hidden_sibling(Path(sys.argv[1])) as folder:
    (folder / "file").write_text("x")
    print(folder, flush=True)
    time.sleep(60)
"""


def holder(target: Path) -> tuple["subprocess.Popen[str]", Path]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, target], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    # Long ago: only a folder of some age is looked at.
    os.utime(folder, (time.time() - 2 * SECONDS_TO_LOCK,) * 2)
    return process, folder


def test_hidden_sibling__sweeps_what_the_dead_left_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "store[1].zarr"
    alive, used = holder(target)
    dead, left = holder(target)
    dead.kill()
    dead.communicate()
    bystander = tmp_path / ".another.zarr.abc.partial"
    bystander.mkdir()
    os.utime(bystander, (0, 0))
    assert left.exists()
    with hidden_sibling(target) as folder:
        assert not left.exists()
        assert used.exists()
        assert bystander.exists()
        assert list(folder.iterdir()) == []
    assert not folder.exists()
    alive.kill()
    alive.communicate()


def test_hidden_sibling__a_young_folder_is_left_alone(tmp_path: Path) -> None:
    young = tmp_path / ".s.zarr.abc.partial"
    young.mkdir()
    with hidden_sibling(tmp_path / "s.zarr"):
        assert young.exists()


@pytest.mark.parametrize("killed", [False, True])
def test_replacing__stopped_between_its_renames_loses_nothing(tmp_path: Path, killed: bool) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "weights").write_text("old")
    if killed:  # what it leaves then: nothing at the final name, the old one set aside
        left = tmp_path / ".model.abc.partial"
        left.mkdir()
        target.rename(left / "old")
        os.utime(left, (0, 0))
        with hidden_sibling(target):
            assert not left.exists()
    else:  # interrupted, or the disk failed
        with pytest.raises(FileNotFoundError), replacing(target):
            pass  # nothing made, so that the second rename fails
    assert (target / "weights").read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["model"]


def test_new_folder__that_somebody_else_made_in_the_meantime(tmp_path: Path) -> None:
    target = tmp_path / "out"

    def make() -> None:
        with new_folder(target) as folder:
            (folder / "mine").touch()
            target.mkdir()
            (target / "theirs").touch()

    with pytest.raises(InputError, match="out: exists; remove it or name another folder"):
        make()
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "theirs"]
