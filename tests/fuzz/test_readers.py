"""Mutated files: every reader takes them, or refuses them in one short line. Nothing else comes out.

ATYPEAK_FUZZ_EXAMPLES says how many files each reader gets; see docs/contributing.md.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from atypeak_scale import build_store
from atypeak_scale.catalogue.peaks import spool_peaks
from atypeak_scale.catalogue.windows import read_windows
from atypeak_scale.config import Selection, load_config, parse_config
from atypeak_scale.errors import AtypeakError
from atypeak_scale.model.files import TrainedModel, load_model, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.network_file import ARCHITECTURE
from atypeak_scale.store.cell_line import cell_lines
from atypeak_scale.store.info import info
from atypeak_scale.store.verify import verify

EXAMPLES = int(os.environ.get("ATYPEAK_FUZZ_EXAMPLES", "60"))
LONGEST_MESSAGE = 700  # characters, with the path of the file
fuzz = settings(
    max_examples=EXAMPLES, deadline=None, database=None,
    derandomize="ATYPEAK_FUZZ_EXAMPLES" not in os.environ, phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip

PEAKS = b"track name=x\nchr1\t100\t300\td1.x.cell\t7\nchr1\t900\t1200\td2.y.cell\nchr2\t5\t90\td1.y.other\n"
CRMS = b"chr1\t0\t3200\tcrm\t120\nchr1\t9000\t9900\tcrm\t101\nchr2\t0\t50\tcrm\t3\n"
CONFIG = b"""cell_line: cell
selection: {trs: [x, y], top_trs: 2}
store: {frame: 3200, bin: 10}
model: {filters: 4, deep_dimension: 8}
training: {max_epochs: 2, seed: 1}
inputs: {peaks: peaks.bed, crms: ~/crms.bed}
"""
WORDS = b"chr1|cell|track |-1|0|1e5|nan|inf|99999999|null|true|2001-13-45|../".split(b"|")
SIGNS = [bytes([byte]) for byte in b"\t\n\r.# \"'{}[]:%&*~\x00\xff"]
LONG = [b"\r\n", b"- ", b"---\n", b"&a", b"!!python/object:os.system ", b"[" * 300, b"9" * 30, b"a" * 3000]
MAGIC = [b"\xc3\xa9", b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xfd7zXZ\x00"]
inserted_bytes = st.sampled_from(WORDS + SIGNS + LONG + MAGIC) | st.binary(max_size=6) | st.just(b"")
edit = st.tuples(st.floats(0, 1), st.integers(0, 12), inserted_bytes)
edits = st.lists(edit, min_size=1, max_size=6)
Edits = Sequence[tuple[float, int, bytes]]


def mutated(data: bytes, changes: Edits) -> bytes:
    """Return data with some bytes deleted and others put in their place, at relative positions."""
    for place, deleted, inserted in changes:
        at = int(place * len(data))
        data = data[:at] + inserted + data[at + deleted :]
    return data


def taken_or_refused(read: Callable[[], object]) -> bool:
    """Return whether the reader took it. Anything but a short line of ours fails the test."""
    try:
        read()
    except AtypeakError as error:
        assert "\n" not in str(error)
        assert 0 < len(str(error)) < LONGEST_MESSAGE
        return False
    return True


@given(edits)
@fuzz
def test_fuzz__peaks(tmp_path: Path, changes: Edits) -> None:
    file, folder = tmp_path / "p.bed", tmp_path / "spool"
    file.write_bytes(mutated(PEAKS, changes))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    taken_or_refused(lambda: spool_peaks(file, folder, "cell", Selection(), ["chr1"]))
    assert {path.name for path in tmp_path.iterdir()} == {"p.bed", "spool"}


@given(edits, st.sampled_from([0, 100]))
@fuzz
def test_fuzz__crms(tmp_path: Path, changes: Edits, least: int) -> None:
    file = tmp_path / "c.bed"
    file.write_bytes(mutated(CRMS, changes))
    taken_or_refused(lambda: read_windows(file, 3200, least))


@given(edits)
@fuzz
def test_fuzz__configuration(tmp_path: Path, changes: Edits) -> None:
    file = tmp_path / "c.yaml"
    file.write_bytes(mutated(CONFIG, changes))
    taken_or_refused(lambda: load_config(file))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sizes = {"filters": 2, "deep_dimension": 3, "kernel_width": 4}
    config = parse_config({"cell_line": "cell", "model": sizes, "store": {"frame": 160}}, "test")
    network = build_autoencoder(config.store.bins, 1, 2, config.model, seed=1)
    folder = tmp_path_factory.mktemp("fuzz") / "model"
    save_model(TrainedModel(network, (("d1",), ("x", "y")), config), folder)
    return folder


@given(edits, st.sampled_from(["config.yaml", "history.csv", "model.json", "model.keras", ARCHITECTURE]))
@fuzz
def test_fuzz__model_folder(tmp_path: Path, model: Path, changes: Edits, name: str) -> None:
    folder = tmp_path / "m"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(model, folder)
    if name == ARCHITECTURE:
        with zipfile.ZipFile(model / "model.keras") as archive:
            parts = {part: archive.read(part) for part in archive.namelist()}
        with zipfile.ZipFile(folder / "model.keras", "w") as archive:
            for part, data in parts.items():
                archive.writestr(part, mutated(data, changes) if part == name else data)
    else:
        (folder / name).write_bytes(mutated((folder / name).read_bytes(), changes))
    taken_or_refused(lambda: load_model(folder))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz-store")
    (folder / "p.bed").write_bytes(PEAKS)
    (folder / "c.bed").write_bytes(CRMS)
    config = parse_config({"cell_line": "cell"}, "test")
    build_store(folder / "p.bed", folder / "c.bed", folder / "s.zarr", config)
    return folder / "s.zarr"


@given(st.data(), edits)
@fuzz
def test_fuzz__store_metadata(tmp_path: Path, store: Path, data: st.DataObject, changes: Edits) -> None:
    copy = tmp_path / "s.zarr"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(store, copy)
    names = sorted(str(path.relative_to(copy)) for path in copy.rglob("zarr.json"))
    file = copy / data.draw(st.sampled_from(names))
    file.write_bytes(mutated(file.read_bytes(), changes))
    if taken_or_refused(lambda: cell_lines(copy)):
        taken_or_refused(lambda: info(copy))
        taken_or_refused(lambda: verify(copy))


def test_mutated() -> None:
    assert mutated(b"abcdef", [(0.5, 2, b"XY")]) == b"abcXYf"
    assert mutated(b"ab", [(1, 5, b"c"), (0, 1, b"")]) == b"bc"
    assert json.loads(mutated(b"[1]", [(0.4, 1, b"2")])) == [2]
