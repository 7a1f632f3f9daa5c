"""What a person sees who waits: a sign of life at once, stages by name, and no bar that looks unfinished."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from atypeak_scale.cli.commands import commands

from atypeak_scale.config import Config, dump_config
from tests.cli.helpers import Finished

COMMAND = "from atypeak_scale.cli import main; main()"
COUNT = re.compile(r"\b(\d+)/(\d+)\b")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ENOUGH = 1.0  # seconds of CPU before the first output


def at_terminal(*words: object, cwd: Path) -> tuple[str, float]:
    """Run a command in a pseudo-terminal; return what it showed, and its CPU seconds till then."""
    ours, theirs = pty.openpty()
    client = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(theirs)
    shown, used = b"", None
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        if used is None:
            used = cpu_seconds(client.pid)
        shown += part
    os.close(ours)
    client.wait(60)
    assert used is not None, "nothing was shown"
    return shown.decode(), used


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process so far: wall time says little on a busy machine."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system does not tell CPU times")
@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command__shows_a_sign_of_life_at_once(name: str, tmp_path: Path) -> None:
    shown, used = at_terminal(name, "no-such-file", "--no-such-option", cwd=tmp_path)
    assert f"atypeak-scale {name} ..." in shown.splitlines()[0]
    assert "No such option" in shown
    assert used < ENOUGH


def last_screen(shown: str) -> list[str]:
    """Return the lines as they stand at the end: a bar is drawn over itself."""
    lines: list[str] = [""]
    row = 0
    for part in re.split(r"(\x1b\[\d*A|\x1b\[2K|\r|\n)", shown):
        if part == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif part.endswith("A") and part.startswith("\x1b["):
            row = max(0, row - int(part[2:-1] or 1))
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part and part != "\r":
            lines[row] += ESCAPES.sub("", part)
    return lines


@pytest.mark.slow
def test_bars__are_full_at_the_end(steps: Finished, config: Config, tmp_path: Path) -> None:
    """Also of training that stops before its last epoch."""
    training = config.training.model_copy(update={"max_epochs": 30, "stop_at_loss": 1e9})
    (tmp_path / "c.yaml").write_text(dump_config(config.model_copy(update={"training": training})))
    inputs = ("--peaks", steps.peaks, "--crms", steps.crms, "--scores", "article")
    shown, _ = at_terminal("run", "c.yaml", "--workdir", "w", *inputs, cwd=tmp_path)
    screen = last_screen(shown)
    bars = [line for line in screen if "━" in line or "╸" in line]
    assert {line.split("  ")[0].split(" ━")[0].strip() for line in bars} >= {"train", "score", "export"}
    unfinished = [line for line in bars for done, total in COUNT.findall(line) if done != total]
    assert unfinished == []
    assert "train: stopped after 1 epochs: the loss reached training.stop_at_loss" in shown
    stages = re.findall(r"stage (\d) of (\d): ([a-z ]+)", ESCAPES.sub("", shown))
    assert [int(number) for number, _, _ in stages] == list(range(1, int(stages[0][1]) + 1))
    assert stages[1][2].startswith("train the network of the article")
