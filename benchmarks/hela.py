"""The main job on all HeLa data: time of each stage and peak memory of the whole process."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.harness import SHARED, Row

RUN = "from atypeak_scale.cli import main; main()"


def rows() -> list[Row]:
    """Run `atypeak-scale run hela` in a new folder and report what it prints; there is no baseline."""
    data = SHARED / "data"
    if not data.is_dir():
        raise SystemExit(f"{SHARED} with the real data is absent")
    with tempfile.TemporaryDirectory() as folder:
        command: list[str | Path] = [
            sys.executable, "-c", RUN, "run", "hela", "--workdir", Path(folder) / "work",
            "--peaks", data / "hela.published-raw.bed.xz", "--crms", data / "crm.bed.xz",
        ]  # fmt: skip
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    stages = re.findall(r"^(\S+)\s+([\d.]+) s ", printed, re.MULTILINE)
    memory = re.search(r"^peak memory\s+([\d.]+) GB", printed, re.MULTILINE)
    assert memory is not None
    return [
        *(Row(stage, float(seconds), None, "s") for stage, seconds in stages),
        Row("peak memory", float(memory[1]), None, "GB"),
    ]
