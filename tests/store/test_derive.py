"""A store without a source equals the store that is built without the source's peaks."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.derive import without_source
from atypeak_scale.store.verify import verify

Catalogue = tuple[Path, Path]


def built_without(inputs: Catalogue, config: Config, source: str, folder: Path) -> CellLine:
    """Build the store from the peak file without the lines of a source."""
    lines = inputs[0].read_text().splitlines()
    folder.mkdir()
    (folder / "peaks.bed").write_text("\n".join(line for line in lines if f"\t{source}." not in line))
    build_store(folder / "peaks.bed", inputs[1], folder / "s.zarr", config)
    return open_store(folder / "s.zarr")


@pytest.mark.parametrize("number", range(5))
def test_without__equals_a_store_built_without(
    inputs: Catalogue, cell_line: CellLine, config: Config, tmp_path: Path, number: int
) -> None:
    source = cell_line.sources[number]
    found = without_source(cell_line, source, tmp_path / "derived.zarr")
    expected = built_without(inputs, config, source_name(source), tmp_path / "rebuilt")
    of_found, of_expected = found.data.load(), expected.data.load()
    assert set(of_found.variables) == set(of_expected.variables)
    empty = {"empty_crm", "empty_bp"}
    for name in set(of_expected.variables) - empty:
        assert of_found[name].dtype == of_expected[name].dtype
        np.testing.assert_array_equal(of_found[name].values, of_expected[name].values, str(name))
    pairs = [sorted(zip(*one.empty_windows(), strict=True)) for one in (found, expected)]
    assert pairs[0] == pairs[1]
    assert len(pairs[0]) > len(cell_line.empty_windows()[0])
    assert found.window_count == expected.window_count
    assert not verify(tmp_path / "derived.zarr").damages
    assert sorted(file.name for file in (tmp_path / "derived.zarr").iterdir()) == ["cell", "zarr.json"]


def test_without__is_told_from_the_whole_and_written_by_workers(
    cell_line: CellLine, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    here = without_source(cell_line, ("d2", "y"), tmp_path / "here.zarr")
    there = without_source(cell_line, ("d2", "y"), tmp_path / "there.zarr", two_workers)
    assert here.made_from == {**cell_line.made_from, "without": ["d2.y"]}
    again = without_source(here, ("d1", "x"), tmp_path / "again.zarr")
    assert again.made_from["without"] == ["d2.y", "d1.x"]
    assert here.data.load().identical(there.data.load())


def test_without__refuses(cell_line: CellLine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no source 'd2\.yy'; the nearest known are d2\.y"):
        without_source(cell_line, ("d2", "yy"), tmp_path / "out")
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="taken: exists"):
        without_source(cell_line, ("d2", "y"), tmp_path / "taken")
    alone = cell_line
    for number, source in enumerate(cell_line.sources[1:]):
        alone = without_source(alone, source, tmp_path / f"{number}")
    with pytest.raises(InputError, match=r"has no other source than d1\.x"):
        without_source(alone, ("d1", "x"), tmp_path / "none")
    assert not (tmp_path / "out").exists()
