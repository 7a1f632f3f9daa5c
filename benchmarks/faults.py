"""Faults of every kind put into runs of score and normalize on a real cluster; what becomes of each.

A run must end within a bound, complete and equal to the reference, or with one clear line; and then the
same command must complete it. Then two commands at once, lost chunks, and training that is stopped.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil

from atypeak_scale import build_store, load_config, open_scores, open_store, simulate, verify
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import ModelSettings
from atypeak_scale.model import save_model
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW, REBUILT_SCORE
from benchmarks import lost_chunks, stops, two_at_once
from benchmarks.harness import COMMAND, Row
from benchmarks.loopback import Loopback, loopback_cluster
from benchmarks.shapes import random_model

SEED = 1
REPEATS = 5  # of every fault, in both stages in turn
WINDOWS = 8_000
ROWS_PER_BLOCK = 512
MODEL = ModelSettings(filters=32, deep_dimension=256)
RUN_SECONDS = 180  # after which a run counts as hung
INTERRUPT_SECONDS = 20
TRIES = 5
NORMALIZE_SECONDS = (1.5, 6.0)  # after the start of normalize, when a fault strikes
PAUSE_SECONDS = 30
TMPFS = "64m"
NETWORK = "atypeak-fault"  # name of the network namespace of one worker
HOST, INSIDE = "10.213.77.1", "10.213.77.2"


@dataclass
class Scene:
    """What a fault may touch: the running command, the cluster, and the store that is written."""

    client: subprocess.Popen[str]
    cluster: Loopback
    store: Path
    scores: Path
    rng: np.random.Generator


Undo = Callable[[], object]


def nothing_to_undo() -> None:
    """Leave things as they are."""


def kill_worker(scene: Scene) -> Undo:
    """SIGKILL of the process that computes; its nanny starts another."""
    for number in scene.rng.permutation(len(scene.cluster.workers)):
        process = scene.cluster.worker_process(int(number))
        if process is not None:
            process.kill()
            break
    return nothing_to_undo


def kill_worker_for_good(scene: Scene) -> Undo:
    """SIGKILL of a worker and its nanny."""
    nanny = psutil.Process(scene.cluster.workers[0].pid)
    for process in [*nanny.children(recursive=True), nanny]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return nothing_to_undo


def kill_scheduler(scene: Scene) -> Undo:
    """SIGKILL of the scheduler."""
    scene.cluster.scheduler.kill()
    return nothing_to_undo


def kill_client(scene: Scene) -> Undo:
    """SIGKILL of the command."""
    scene.client.kill()
    return nothing_to_undo


def interrupt_client(scene: Scene) -> Undo:
    """Ctrl-C."""
    scene.client.send_signal(signal.SIGINT)
    return nothing_to_undo


def pause_worker(scene: Scene) -> Undo:
    """SIGSTOP of a worker for 30 s, longer than the scheduler waits for a sign of life."""
    process = scene.cluster.worker_process(0)
    if process is not None:
        process.suspend()
        time.sleep(PAUSE_SECONDS)
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return nothing_to_undo


def flip_results(scene: Scene) -> Undo:
    """One byte flipped in a chunk of results that is written."""
    written = (scene.scores / "rebuilt_score/c").iterdir()
    chunks = sorted(chunk for chunk in written if chunk.name.isdigit())
    flip(chunks[scene.rng.integers(len(chunks))], scene.rng)
    return nothing_to_undo


def flip_data(scene: Scene) -> Undo:
    """One byte flipped in a chunk of the occupancy; mended as by building the store again."""
    chunks = sorted(scene.store.glob("artificial/occupancy/c/*/0/0"))
    chunk = chunks[scene.rng.integers(len(chunks))]
    before = chunk.read_bytes()
    flip(chunk, scene.rng)
    return lambda: chunk.write_bytes(before)


def fill_disk(scene: Scene) -> Undo:
    """No byte left on the file system of the store."""
    filler = scene.store.parent / "filler"
    with filler.open("wb", buffering=0) as out, suppress(OSError):
        while True:
            out.write(bytes(1 << 12))
    return filler.unlink


def cut_network(scene: Scene) -> Undo:
    """The network of one worker, which has a namespace of its own, goes away."""
    subprocess.run(["ip", "link", "set", f"{NETWORK}0", "down"], check=True)
    return lambda: subprocess.run(["ip", "link", "set", f"{NETWORK}0", "up"], check=True)


def flip(file: Path, rng: np.random.Generator) -> None:
    """Change one byte of a file where it is."""
    with file.open("r+b") as out:
        at = int(rng.integers(file.stat().st_size))
        out.seek(at)
        (byte,) = out.read(1)
        out.seek(at)
        out.write(bytes([byte ^ 0xFF]))


FAULTS: tuple[Callable[[Scene], Undo], ...] = (
    kill_worker, kill_worker_for_good, kill_scheduler, kill_client, interrupt_client, pause_worker,
    flip_results, flip_data, fill_disk, cut_network,
)  # fmt: skip

# After the others the cluster is as it was, and is used again.
BREAK_CLUSTER = (kill_worker_for_good, kill_scheduler, pause_worker, cut_network)
COMPLETE, RESUMED, WRONG, HUNG = "complete at once", "one clear line, then complete", "wrong", "hung"


class Campaign:
    """The reference, and one run after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rng = folder, np.random.default_rng(SEED)
        config = load_config("artificial")
        settings = config.store.model_copy(update={"rows_per_block": ROWS_PER_BLOCK, "windows_per_chunk": 64})
        config = config.model_copy(update={"store": settings, "model": MODEL})
        made = simulate(ArtificialSettings(crms=WINDOWS), folder / "catalogue")
        build_store(made.peaks, made.crms, folder / "plain.zarr", config)
        cell_line = open_store(folder / "plain.zarr")
        self.model = save_model(random_model(cell_line, config), folder / "model")
        self.group = open_scores(cell_line, self.model).path
        shutil.copytree(folder / "plain.zarr", folder / "scored.zarr")
        with loopback_cluster(2) as cluster:
            self.finish(self.start("score", folder / "scored.zarr", cluster))
            shutil.copytree(folder / "scored.zarr", folder / "whole.zarr")
            self.finish(self.start("normalize", folder / "whole.zarr", cluster))
        self.expected = self.arrays(folder / "whole.zarr")
        self.blocks = len(list((folder / "whole.zarr" / self.group / "rebuilt_score/c").iterdir()))

    def start(self, command: str, store: Path, cluster: Loopback) -> "subprocess.Popen[str]":
        """Start a command of the program on a cluster."""
        arguments = command, str(store), "--model", str(self.model), "--scheduler", cluster.address
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
            text=True, env=os.environ | {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"},
        )  # fmt: skip

    def finish(self, client: "subprocess.Popen[str]") -> None:
        """Wait for a command that must succeed."""
        _, errors = client.communicate(timeout=RUN_SECONDS)
        if client.returncode:
            raise AssertionError(errors)

    def arrays(self, store: Path) -> dict[str, npt.NDArray[np.float32]]:
        """Read the scores of every peak."""
        scores = open_scores(open_store(store), self.model)
        return {each.name: scores.read(each) for each in (REBUILT_SCORE, RAW, K_NORMALIZED, FINAL)}

    def is_whole(self, store: Path) -> bool:
        """Whether a store has all scores, as the reference has them, and no damage."""
        if verify(store).damages:
            return False  # what is damaged cannot be read
        found = self.arrays(store)
        return all(np.array_equal(found[name], values) for name, values in self.expected.items())

    def run(self, fault: Callable[[Scene], Undo], stage: str, cluster: Loopback, disk: Path) -> str:
        """Put one fault into one run; return what became of it."""
        store = disk / "store.zarr"
        scores = store / self.group
        for _ in range(TRIES):
            shutil.rmtree(store, ignore_errors=True)
            shutil.copytree(self.folder / ("plain.zarr" if stage == "score" else "scored.zarr"), store)
            client = self.start(stage, store, cluster)
            if self._is_under_way(client, scores, stage):
                break
            self.finish(client)
        else:
            raise AssertionError(f"{stage} was done before a fault could be put into it")
        undo = fault(Scene(client, cluster, store, scores, self.rng))
        struck = time.monotonic()
        try:
            _, errors = client.communicate(timeout=RUN_SECONDS)
        except subprocess.TimeoutExpired:
            client.kill()
            client.communicate()
            return HUNG
        finally:
            undo()
        if fault is interrupt_client and time.monotonic() - struck > INTERRUPT_SECONDS:
            return HUNG
        healthy = None if fault in BREAK_CLUSTER else cluster
        if client.returncode == 0:
            if stage == "score":
                self._resume(store, healthy, "normalize")
            return COMPLETE if self.is_whole(store) else self._mended(store, errors, fault, healthy)
        clear = fault is kill_client or ("Error: " in errors or "Interrupted; " in errors)
        if not clear or "Traceback" in errors:
            print(errors, file=sys.stderr)
            return WRONG
        self._resume(store, healthy, "score", "normalize")
        return RESUMED if self.is_whole(store) else WRONG

    def _mended(
        self, store: Path, errors: str, fault: Callable[[Scene], Undo], cluster: Loopback | None
    ) -> str:
        """A chunk damaged behind the back of a run that ended well: verify must tell, and score mend it."""
        if fault is flip_results and verify(store).damages:
            self._resume(store, cluster, "score", "normalize")
            if self.is_whole(store):
                return RESUMED
        print(errors, file=sys.stderr)
        return WRONG

    def _resume(self, store: Path, cluster: Loopback | None, *commands: str) -> None:
        with nullcontext(cluster) if cluster else loopback_cluster(1) as running:
            for command in commands:
                self.finish(self.start(command, store, running))

    def _is_under_way(self, client: "subprocess.Popen[str]", scores: Path, stage: str) -> bool:
        """Wait for a random part of the run; False if it was done before."""
        wanted = int(self.rng.integers(1, max(2, int(0.8 * self.blocks))))
        late = time.monotonic() + self.rng.uniform(*NORMALIZE_SECONDS)
        while client.poll() is None:
            chunks = scores / "rebuilt_score/c"
            if stage == "score" and chunks.is_dir() and len(list(chunks.iterdir())) >= wanted:
                return True
            if stage == "normalize" and time.monotonic() > late:
                return True
            time.sleep(0.02)
        return False


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Yield a folder on a small file system of its own; needs the right to mount."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def namespace() -> Iterator[tuple[str, ...]]:
    """Yield the command that runs another in a network namespace joined to this one by a pair of devices."""
    steps = (
        f"ip netns add {NETWORK}", f"ip link add {NETWORK}0 type veth peer name {NETWORK}1",
        f"ip link set {NETWORK}1 netns {NETWORK}", f"ip addr add {HOST}/24 dev {NETWORK}0",
        f"ip link set {NETWORK}0 up", f"ip netns exec {NETWORK} ip addr add {INSIDE}/24 dev {NETWORK}1",
        f"ip netns exec {NETWORK} ip link set {NETWORK}1 up", f"ip netns exec {NETWORK} ip link set lo up",
    )  # fmt: skip
    try:
        for step in steps:
            subprocess.run(step.split(), check=True)
        yield ("ip", "netns", "exec", NETWORK)
    finally:
        subprocess.run(["ip", "netns", "del", NETWORK], check=False)


def rows() -> list[Row]:
    """Every fault, how often it was tried, and what became of it; needs root for two of them."""
    # Ignored where a shell started this in the background, and so by the commands that this starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    outcomes: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        campaign = Campaign(Path(folder))
        with small_disk(Path(folder) / "disk") as disk, ExitStack() as standing:
            cluster = standing.enter_context(loopback_cluster(2))
            for repeat in range(REPEATS):
                for number, fault in enumerate(FAULTS):
                    stage = ("score", "normalize")[(repeat + number) % 2]
                    if fault in BREAK_CLUSTER:
                        outcome = _on_its_own_cluster(campaign, fault, stage, disk)
                    else:
                        outcome = campaign.run(fault, stage, cluster, disk)
                    name = fault.__name__.replace("_", " ")
                    outcomes[f"{name} in {stage}", outcome] += 1
                    print(f"{name} in {stage}: {outcome}", file=sys.stderr, flush=True)
    bad = sum(count for (_, outcome), count in outcomes.items() if outcome in (WRONG, HUNG))
    return [
        *(Row(f"{fault}: {outcome}", count, None, "runs") for (fault, outcome), count in outcomes.items()),
        Row("all faults", outcomes.total(), None, "runs"),
        Row("wrong or hung", bad, None, "runs"),
        *two_at_once.rows(),
        *lost_chunks.rows(),
        *stops.rows(),
    ]


def _on_its_own_cluster(campaign: Campaign, fault: Callable[[Scene], Undo], stage: str, disk: Path) -> str:
    if fault is not cut_network:
        with loopback_cluster(2) as cluster:
            return campaign.run(fault, stage, cluster, disk)
    with namespace() as prefix, loopback_cluster(1, HOST) as cluster:
        cluster.workers.append(cluster.start_worker(prefix, "--host", INSIDE))
        cluster.wait_for(2)
        return campaign.run(fault, stage, cluster, disk)
