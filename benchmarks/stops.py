"""Training stopped at random moments and started again; part of the benchmark of faults.

Killed, interrupted or terminated, the command must leave nothing half written, and the same command must then
give the weights of an undisturbed run.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from atypeak_scale import build_store, open_store, simulate
from atypeak_scale.catalogue.artificial import CELL_LINE, ArtificialSettings
from atypeak_scale.config import dump_config, parse_config
from atypeak_scale.model.files import load_model
from benchmarks.harness import COMMAND, Row

CRMS = 600
TRIES = 4  # of every signal
SEED = 1
SECONDS = 180  # after which a run counts as hung
CODES = {signal.SIGKILL: {-9}, signal.SIGINT: {1}, signal.SIGTERM: {143}}
SAME, DONE, WRONG = "same weights after", "done before the signal", "wrong"


class Campaign:
    """A store, and the weights of an undisturbed run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, np.random.default_rng(SEED)
        values = {
            "cell_line": CELL_LINE,
            "store": {"min_crm_peaks": 0},
            "model": {"filters": 8, "deep_dimension": 16},
            "training": {"max_epochs": 6},
        }  # fmt: skip
        config = parse_config(values, "benchmark")
        made = simulate(ArtificialSettings(crms=CRMS), folder / "catalogue")
        build_store(made.peaks, made.crms, folder / "s.zarr", config)
        open_store(folder / "s.zarr")
        (folder / "config.yaml").write_text(dump_config(config))
        started = time.monotonic()
        self.start("whole").wait(SECONDS)
        self.seconds = time.monotonic() - started
        self.expected = self.weights("whole")

    def start(self, model: str) -> "subprocess.Popen[str]":
        """Start training to a folder of that name."""
        arguments = "train", "s.zarr", "--config", "config.yaml", "--model", model
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], cwd=self.folder, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True, env=os.environ | {"TMPDIR": str(self.scratch())},
        )  # fmt: skip

    def scratch(self) -> Path:
        """Return the folder for temporary files of the runs."""
        (self.folder / "scratch").mkdir(exist_ok=True)
        return self.folder / "scratch"

    def weights(self, model: str) -> list[np.ndarray]:
        """Return the weights of a model."""
        return list(load_model(self.folder / model).network.get_weights())

    def run(self, number: signal.Signals, name: str) -> tuple[str, str]:
        """Stop one run at a random moment; return what became of it, and the problem if it is wrong."""
        client = self.start(name)
        time.sleep(self.rng.uniform(0.05, 0.95) * self.seconds)
        client.send_signal(number)
        _, errors = client.communicate(timeout=SECONDS)
        done = client.returncode == 0
        if not done:
            if client.returncode not in CODES[number] or "Traceback" in errors:
                return WRONG, f"exit code {client.returncode}: {errors[-300:]}"
            if number != signal.SIGKILL and (litter := list(self.scratch().iterdir())):
                return WRONG, f"left over: {litter[0].name}"
        if not (self.folder / name).exists():
            self.start(name).wait(SECONDS)
        elif not done and number == signal.SIGINT:
            return SAME, ""  # the weights so far, which Ctrl-C keeps and which the command says
        same = all(np.array_equal(*pair) for pair in zip(self.weights(name), self.expected, strict=True))
        return (DONE if done else SAME, "") if same else (WRONG, "other weights")


def rows() -> list[Row]:
    """For every signal, what became of the runs."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it for what it starts
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="stops-") as folder:
        campaign = Campaign(Path(folder))
        for repeat in range(TRIES):
            for number in CODES:
                outcome, problem = campaign.run(number, f"{number.name}-{repeat}")
                outcomes[number.name, outcome] += 1
                if outcome == WRONG:
                    print(f"training, {number.name}: {problem}", file=sys.stderr, flush=True)
    bad = sum(count for (_, outcome), count in outcomes.items() if outcome == WRONG)
    return [
        *(Row(f"training, {name}: {outcome}", n, None, "runs") for (name, outcome), n in outcomes.items()),
        Row("training stopped: wrong", bad, None, "runs"),
    ]
