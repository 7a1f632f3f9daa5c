"""Every cell line of a catalogue in one store: as if each was built from the BED file."""

import random
from pathlib import Path

import pytest
from store.by_hand import tree

from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor
from atypeak_scale.store.build import build_store
from atypeak_scale.store.build_all import build_all
from atypeak_scale.store.cell_line import cell_lines
from tests.catalogue.test_split import piped


@pytest.fixture
def two_lines(catalogue: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """Return the peaks of `cell` and of two others, one of which has peaks in no CRM; CRMs; the folder."""
    peaks, crms = catalogue
    chance = random.Random(0)
    lines = [line for line in peaks.read_text().splitlines() if not line.startswith("track")]
    others = [line.replace(".cell", ".other") for line in lines if chance.random() < 0.5]
    outside = [f"chr1\t{10**8 + i}\t{10**8 + 9 + i}\td1.x.outside" for i in range(5)]
    (tmp_path / "all.bed").write_text("\n".join([*lines, *others, *outside]) + "\n")
    split_catalogue([tmp_path / "all.bed"], tmp_path / "split")
    return tmp_path / "all.bed", crms, tmp_path / "split"


def arrays(store: Path) -> dict[str, object]:
    """Return the content of every file but those that name the input files."""
    return {name: content for name, content in tree(store).items() if not name.endswith("zarr.json")}


def test_build_all__arrays_are_those_of_single_builds(
    two_lines: tuple[Path, Path, Path], config: Config, tmp_path: Path
) -> None:
    peaks, crms, folder = two_lines
    outcomes = build_all(folder, crms, tmp_path / "all.zarr", config)
    assert [one.cell_line for one in outcomes if one.built] == ["cell", "other"]
    (failed,) = (one for one in outcomes if one.problem)
    assert failed.cell_line == "outside"
    assert "no peak" in str(failed.problem) or "overlap" in str(failed.problem)
    for name in ("cell", "other"):
        build_store(peaks, crms, tmp_path / "single.zarr", config.model_copy(update={"cell_line": name}))
    assert arrays(tmp_path / "all.zarr") == arrays(tmp_path / "single.zarr")
    of_all, of_single = (
        {line.name: line.attributes["accounts"] for line in cell_lines(tmp_path / store)}
        for store in ("all.zarr", "single.zarr")
    )
    assert of_all == of_single


def test_build_all__goes_on_with_what_is_not_there(
    two_lines: tuple[Path, Path, Path], config: Config, tmp_path: Path
) -> None:
    _, crms, folder = two_lines
    (first,) = build_all(folder, crms, tmp_path / "s.zarr", config, min_peaks=200)
    assert first.cell_line == "cell"
    before = tree(tmp_path / "s.zarr" / "cell")
    with DaskExecutor(workers=2) as executor:
        outcomes = build_all(folder, crms, tmp_path / "s.zarr", config, executor=executor)
    assert {one.cell_line for one in outcomes} == {"other", "outside"}
    assert tree(tmp_path / "s.zarr" / "cell") == before
    assert [line.name for line in cell_lines(tmp_path / "s.zarr")] == ["cell", "other"]


def test_build_all__refuses_before_the_work(
    two_lines: tuple[Path, Path, Path], config: Config, tmp_path: Path
) -> None:
    peaks, crms, folder = two_lines

    class NoWork(Executor):
        def _finished(self, *arguments: object) -> None:  # type: ignore[override]
            raise AssertionError

    with pytest.raises(InputError, match="no cell line has 9,999 peaks or more; the largest is 'cell'"):
        build_all(folder, crms, tmp_path / "s.zarr", config, 9999, NoWork())
    with pytest.raises(InputError, match="no finished catalogue"):
        build_all(peaks, crms, tmp_path / "s.zarr", config, 0, NoWork())
    with pytest.raises(InputError, match="cannot be read"):
        build_all(folder, tmp_path / "absent.bed", tmp_path / "s.zarr", config, 0, NoWork())
    assert not (tmp_path / "s.zarr").exists()


def test_build_all__crms_that_changed_since_are_read_again(
    two_lines: tuple[Path, Path, Path], config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    """Workers of a cluster outlive a call, and keep the windows of one."""
    _, crms, folder = two_lines
    found = []
    for store in ("a.zarr", "b.zarr"):
        outcomes = build_all(folder, crms, tmp_path / store, config, executor=two_workers)
        found.append({one.cell_line: one.built.windows for one in outcomes if one.built})
        crms.write_text("\n".join(crms.read_text().splitlines()[::2]) + "\n")
    assert all(found[1][name] < found[0][name] for name in ("cell", "other"))


def test_build_all__crms_through_a_pipe(
    two_lines: tuple[Path, Path, Path], config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    _, crms, folder = two_lines
    with pytest.raises(InputError, match=r"/dev/fd/[0-9]+: is a pipe, which no worker can read"):
        build_all(folder, piped(crms.read_bytes()), tmp_path / "s.zarr", config, executor=two_workers)
    outcomes = build_all(folder, piped(crms.read_bytes()), tmp_path / "s.zarr", config)
    assert [one.cell_line for one in outcomes if one.built] == ["cell", "other"]
