"""Two builds at once: at every step of one, the other runs as far as it can. Each interleaving is right.

A step is a lock that is taken or a rename to a name that others see.
"""

import fcntl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import zarr
from store.by_hand import tree

from atypeak_scale.config import Config
from atypeak_scale.errors import AtypeakError
from atypeak_scale.store.build import BuildResult, build_store
from atypeak_scale.store.cell_line import cell_lines, open_store
from atypeak_scale.store.verify import verify

Outcome = BuildResult | AtypeakError
MOST_STEPS = 60


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """Three CRMs; peaks.bed has peaks of two cell lines, other.bed has twice as many of the first."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    crms = [f"chr1\t{start}\t{start + 3200}\tc\t120\n" for start in (0, 10_000, 20_000)]
    (folder / "crms.bed").write_text("".join(crms))
    lines = {
        name: [f"chr1\t{n * 10_000 + 300}\t{n * 10_000 + 500}\td{n}.x.{name}\n" for n in range(3)]
        for name in "ab"
    }
    more = [line.replace("300\t", "900\t").replace("500\t", "1100\t") for line in lines["a"]]
    (folder / "peaks.bed").write_text("".join(lines["a"] + lines["b"]))
    (folder / "other.bed").write_text("".join(lines["a"] + more))
    return folder


def attempt(build: Callable[[], BuildResult]) -> Outcome:
    try:
        return build()
    except AtypeakError as error:
        return error


@contextmanager
def at_step(
    number: int, act: Callable[[], None], stuck: threading.Event | None = None
) -> Iterator[list[int]]:
    """Call `act` before step `number` of this thread; yield a list whose only item counts the steps.

    stuck: is set when another thread has to wait for a lock.
    """
    count, thread = [0], threading.get_ident()
    flock, rename = fcntl.flock, Path.rename

    def step() -> None:
        if threading.get_ident() == thread:
            count[0] += 1
            if count[0] == number:
                act()

    def stepping_flock(descriptor: int, operation: int) -> None:
        step()
        if stuck is not None and threading.get_ident() != thread and not operation & fcntl.LOCK_NB:
            try:
                flock(descriptor, operation | fcntl.LOCK_NB)
            except BlockingIOError:
                stuck.set()
            else:
                return
        flock(descriptor, operation)

    def stepping_rename(self: Path, target: Path) -> Path:
        step()
        return rename(self, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", stepping_flock)
        patch.setattr(Path, "rename", stepping_rename)
        yield count


def interleaved(
    number: int, first: Callable[[], BuildResult], second: Callable[[], BuildResult]
) -> tuple[Outcome, Outcome, bool]:
    """Run the second build at a step of the first; return both outcomes, and whether there is such a step."""
    outcomes: list[Outcome] = []
    stuck = threading.Event()  # or done: it runs as far as it can

    def run_second() -> None:
        outcomes.append(attempt(second))
        stuck.set()

    other = threading.Thread(target=run_second)

    def act() -> None:
        other.start()
        assert stuck.wait(60)

    with at_step(number, act, stuck) as count:
        mine = attempt(first)
        reached = count[0] >= number
        if not reached:
            other.start()
        other.join(60)
    assert not other.is_alive(), "it waits for ever"
    return mine, outcomes[0], reached


def consolidated(store: Path) -> list[str]:
    found = zarr.open_group(store, mode="r").metadata.consolidated_metadata
    assert found is not None
    return sorted(name for name, one in found.metadata.items() if one.node_type == "group")


@pytest.mark.parametrize("kind", ["new", "existing", pytest.param("linked", marks=pytest.mark.slow)])
def test_two_builds__of_two_lines_are_both_there(
    catalogue: Path, config: Config, tmp_path: Path, kind: str
) -> None:
    for number in range(1, MOST_STEPS):
        store = tmp_path / f"{kind}-{number}.zarr"
        known = ["a", "b"]
        if kind != "new":
            build_store(catalogue / "peaks.bed", catalogue / "crms.bed", store, of(config, "c", catalogue))
            known.append("c")
        place = store
        if kind == "linked":
            place = tmp_path / f"link-{number}"
            place.symlink_to(store)
        first, second, reached = interleaved(
            number,
            partial(build_store, catalogue / "peaks.bed", catalogue / "crms.bed", store, of(config, "a")),
            partial(build_store, catalogue / "peaks.bed", catalogue / "crms.bed", place, of(config, "b")),
        )
        assert isinstance(first, BuildResult), f"step {number}: {first}"
        assert isinstance(second, BuildResult), f"step {number}: {second}"
        assert sorted(line.name for line in cell_lines(store)) == known
        assert consolidated(store) == known
        assert verify(store).damages == []
        if not reached:
            break
    assert 5 <= number < MOST_STEPS - 1
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("kind", ["new", "linked"])
def test_two_builds__of_one_line_lose_nothing(
    catalogue: Path, config: Config, tmp_path: Path, kind: str
) -> None:
    for number in range(1, MOST_STEPS):
        store = tmp_path / f"{kind}-{number}.zarr"
        place = store
        if kind == "linked":
            place = tmp_path / f"link-{number}"
            place.symlink_to(store)
        outcomes = interleaved(
            number,
            partial(build_store, catalogue / "peaks.bed", catalogue / "crms.bed", store, of(config, "a")),
            partial(build_store, catalogue / "other.bed", catalogue / "crms.bed", place, of(config, "a")),
        )
        (built,) = [one for one in outcomes[:2] if isinstance(one, BuildResult)]
        (refused,) = [one for one in outcomes[:2] if isinstance(one, AtypeakError)]
        assert open_store(store).peak_count == built.peaks == (3 if outcomes[0] is built else 6)
        assert "is being written by process" in str(refused) or "already holds cell line 'a'" in str(refused)
        assert ".partial" not in str(refused)
        assert consolidated(store) == ["a"]
        if not outcomes[2]:
            break
    assert 5 <= number < MOST_STEPS - 1
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]


def of(config: Config, cell_line: str, catalogue: Path | None = None) -> Config:
    """Return the settings of a cell line; with a catalogue, add peaks of it there first."""
    if catalogue is not None and f".{cell_line}\n" not in (catalogue / "peaks.bed").read_text():
        with (catalogue / "peaks.bed").open("a") as out:
            out.write(f"chr1\t300\t500\td1.x.{cell_line}\n")
    store = config.store.model_copy(update={"min_crm_peaks": 0})
    return config.model_copy(update={"cell_line": cell_line, "store": store})


def test_steps__are_counted(catalogue: Path, config: Config, tmp_path: Path) -> None:
    """Without this, a hook that sees nothing would pass."""
    acted: list[int] = []
    with at_step(3, lambda: acted.append(1)) as count:
        build_store(catalogue / "peaks.bed", catalogue / "crms.bed", tmp_path / "s.zarr", of(config, "a"))
    assert count[0] >= 5
    assert acted == [1]
    assert tree(tmp_path / "s.zarr")
