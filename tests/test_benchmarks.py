"""The harness that benchmarks are measured with."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import (
    TOTAL,
    Row,
    against_reference,
    interleaved,
    markdown,
    timed_command,
    tree_memory,
)

REPOSITORY = Path(__file__).parents[1]


def test_list__names_every_benchmark() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "benchmarks", "list"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    modules = {file.stem for file in (REPOSITORY / "benchmarks").glob("*.py")}
    named = {line.split()[0] for line in printed.splitlines()}
    shared = {"harness", "loopback", "article", "baselines", "shapes", "picture", "kept", "trees"}
    shared.add("catalogue_2022")  # is run by itself
    shared |= {"two_at_once", "lost_chunks", "stops"}  # parts of faults
    assert named == modules - {"__init__", "__main__"} - shared


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["hela", "--reference", "."], "go together"),
        (["store", "--reference", ".", "--reference-command", "true"], "is for hela and k562"),
        (["hela", "--reference", "/nowhere/at/all", "--reference-command", "true"], "no such folder"),
    ],
)
def test_reference__wrong_use_is_refused(arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    run = subprocess.run(command, check=False, cwd=REPOSITORY, capture_output=True, text=True)
    assert run.returncode == 2
    assert complaint in run.stderr


def test_against_reference__runs_the_command_in_its_folder(tmp_path: Path) -> None:
    row = against_reference([Row(TOTAL, 3.0, None, "s")], tmp_path, "sleep 0.2 && touch here")
    assert (tmp_path / "here").exists()
    assert row.ours == 3.0
    assert row.baseline is not None
    assert row.baseline >= 0.2


def test_interleaved__is_the_median_without_the_first_round() -> None:
    calls: list[str] = []
    seconds = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3)
    assert calls == ["a", "b"] * 4
    assert set(seconds) == {"a", "b"}


def test_timed_command__sees_memory_and_failures() -> None:
    timed = timed_command("--help")
    assert "build-store" in timed.printed
    assert timed.seconds > 0
    assert timed.memory > 1e6
    with pytest.raises(SystemExit, match="No such command"):
        timed_command("no-such-command")


def test_tree_memory__counts_children() -> None:
    hungry = "import time; block = bytearray(200_000_000); print('ready', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hungry!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()
        seen = tree_memory(run.pid)
        subprocess.run(["pkill", "-P", str(run.pid)], check=True)
        run.kill()
    assert 200e6 < seen < 2e9
    assert tree_memory(2**22 + 1) == 0


def test_markdown__has_a_line_a_row() -> None:
    table = markdown("title", [Row("a", 1.0, 2.0, "s"), Row("b", 1.0, None, "s")])
    assert "| a | 1 | 2 | 0.500 | s |" in table
    assert "| b | 1 |  |  | s |" in table
