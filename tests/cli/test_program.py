"""How the program ends: failures while running, faults of its own, Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from atypeak_scale.errors import AtypeakError
from tests.cli.helpers import Finished, Run


@pytest.mark.parametrize(
    "failure, code, line",
    [
        (AtypeakError("block 3 failed"), 1, "Error: block 3 failed"),
        (KeyboardInterrupt(), 1,
         "Interrupted; nothing is half written. Run the same command again."),
        (MemoryError("Unable to allocate 29.8 GiB"), 1,
         "Error: out of memory: Unable to allocate 29.8 GiB; "
         "use a machine with more memory, or smaller settings"),
        (MemoryError(), 1, "Error: out of memory; use a machine with more memory, or smaller settings"),
    ],
)  # fmt: skip
def test_main__failures_while_running(
    atypeak: Run, monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int, line: str
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("atypeak_scale.store.info.info", fail)
    done = atypeak("info", "s.zarr")
    assert (done.code, done.out) == (code, "")
    assert done.err.strip().splitlines() == [line]


def test_main__faults_of_the_program_are_not_hidden(atypeak: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("atypeak_scale.store.info.info", fail)
    with pytest.raises(ZeroDivisionError):
        atypeak("info", "s.zarr")


DROPPED = """
import time, weakref
import atypeak_scale.cli as cli
import atypeak_scale.cli.commands as home

class Thing: pass

def interrupted(_):
    raise KeyboardInterrupt

def command(standalone_mode):
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    del thing  # Python drops what is raised in this callback
    time.sleep(600)
    print("went on")

home.commands = command
cli.main()
"""


def test_main__ctrl_c_that_python_drops_comes_again() -> None:
    """As it does in the callbacks of imports, where commands spend their first seconds."""
    run = subprocess.run(
        [sys.executable, "-c", DROPPED], capture_output=True, text=True, check=False, timeout=60
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "Interrupted; nothing is half written. Run the same command again.\n"


@pytest.mark.parametrize("module", ["click", "yaml", "pydantic", "numpy", "zarr", "tensorflow", "keras"])
def test_main__ctrl_c_during_imports_is_one_line(steps: Finished, tmp_path: Path, module: str) -> None:
    """A module of this name, found first, stands for one whose import was interrupted."""
    (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt")
    run = subprocess.run(
        [sys.executable, "-c", "from atypeak_scale.cli import main; main()", "ur-examples", str(steps.store),
         "--model", str(steps.model), "--out", str(tmp_path / "out")],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, cwd=tmp_path,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.strip() == "Interrupted; nothing is half written. Run the same command again."
    assert not (tmp_path / "out").exists()


def test_main__a_broken_dask_configuration_is_named(steps: Finished, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [1, 2\nb: {c\n")
    run = subprocess.run(
        [sys.executable, "-m", "atypeak_scale.cli", "verify", str(steps.store), "--workers", "1"],
        capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "DASK_CONFIG": str(tmp_path)},
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"Error: {tmp_path}/bad.yaml: this configuration of Dask is no YAML; mend the file, or move it away\n"
    )


SLOW = """
import atypeak_scale.cli as cli
import atypeak_scale.cli.commands as home
import tempfile, time

def command(standalone_mode):
    with tempfile.TemporaryDirectory() as folder:
        print(folder, flush=True)
        time.sleep(600)

home.commands = command
cli.main()
"""


def test_main__sigterm_is_one_line_and_leaves_nothing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        assert folder.is_dir()
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert err == "Terminated; nothing is half written. Run the same command again.\n"
    assert not folder.exists()
