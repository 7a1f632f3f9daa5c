"""What tests share: a small random catalogue, and the settings of a tiny model on it."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from atypeak_scale.config import Config, parse_config
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

# Made once in a process, for tests of any folder.
pytest_plugins = ["scoring.support_fixtures"]

# Machines that run tests are shared; how long an example takes says nothing.
settings.register_profile("shared", deadline=None)
settings.load_profile("shared")

# A shell that starts the tests in the background lets them, and the commands they interrupt, ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a text file into the test's folder."""

    def write_file(name: str, text: str) -> Path:
        file = tmp_path / name
        file.write_text(text)
        return file

    return write_file


@pytest.fixture
def catalogue(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """Write peaks.bed and crms.bed: CRMs of 500 to 8,000 bp, peaks inside, across borders and outside.

    A test may choose the seed, by indirect parametrization.
    """
    return random_catalogue(tmp_path / "catalogue", getattr(request, "param", 0))


@pytest.fixture
def cell_line(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> CellLine:
    """Build a store of the random catalogue, s.zarr in the test's folder."""
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return open_store(tmp_path / "s.zarr")


def random_catalogue(folder: Path, seed: int = 0, crms: int = 60, contigs: int = 2) -> tuple[Path, Path]:
    """Write a catalogue of five sources on three datasets and three TRs."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    sources = [("d1", "x"), ("d1", "y"), ("d2", "y"), ("d3", "x"), ("d3", "z")]
    crm_lines, peak_lines = [], []
    for contig in range(contigs):
        start = 1000
        for _ in range(crms // contigs):
            end = start + int(rng.integers(500, 8000))
            crm_lines.append(f"chr{contig + 1}\t{start}\t{end}\tcrm\t{rng.integers(90, 300)}")
            for _ in range(rng.poisson(4)):
                left = int(rng.integers(start - 400, end + 100))
                right = left + int(rng.integers(1, 900))
                dataset, tr = sources[rng.integers(len(sources))]
                peak_lines.append(f"chr{contig + 1}\t{max(left, 0)}\t{right}\t{dataset}.{tr}.cell\t0\t.")
            start = end + int(rng.integers(0, 2000))
    rng.shuffle(peak_lines)
    (folder / "peaks.bed").write_text("\n".join(["track name=x", *peak_lines]) + "\n")
    (folder / "crms.bed").write_text("\n".join(crm_lines) + "\n")
    return folder / "peaks.bed", folder / "crms.bed"


WINDOWS_PER_CHUNK, ROWS_PER_BLOCK = 7, 16
TINY = parse_config(
    {
        "cell_line": "cell",
        "store": {
            "min_crm_peaks": 0,
            "windows_per_chunk": WINDOWS_PER_CHUNK,
            "rows_per_block": ROWS_PER_BLOCK,
        },
        "model": {"filters": 4, "deep_dimension": 8},
        "training": {"batch_windows": 8, "batches_per_epoch": 3, "max_epochs": 3, "learning_rate": 0.001},
        "normalization": {"sample": "all"},
        "support": {"filters": 4, "deep_dimension": 8, "epochs": 2, "batches_per_epoch": 2},
        "chance": {"placements": 100},
    },
    "test",
)


# The same in few blocks, where blocks are not the subject: small runs spend most of their time on the files.
COARSE = TINY.model_copy(
    update={"store": TINY.store.model_copy(update={"windows_per_chunk": 64, "rows_per_block": 128})}
)


@pytest.fixture(scope="module")
def short_report() -> Iterator[None]:
    """Leave out the long sections of reports, where they are only one of the things that are made."""
    from atypeak_scale.report import report
    from atypeak_scale.report.sections import good, verdict

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "SECTIONS", (verdict, good))
        yield


@pytest.fixture(scope="session")
def config() -> Config:
    """Return settings of tiny models on the random catalogue."""
    return TINY


@pytest.fixture(scope="session")
def two_workers() -> Iterator[DaskExecutor]:
    """Start two local workers for all tests: each of them needs seconds to start and to import TensorFlow."""
    with DaskExecutor(workers=2) as executor:
        yield executor
