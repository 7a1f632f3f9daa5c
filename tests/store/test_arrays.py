"""Damage is named by whoever reads, and only whole chunks are written."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from conftest import ROWS_PER_BLOCK
from store.by_hand import flip

from atypeak_scale.errors import DamagedError
from atypeak_scale.registry import variables as v
from atypeak_scale.store.arrays import (
    array_of,
    create_arrays,
    damage_of,
    has_gap,
    read_array,
    read_elements,
    write_chunks,
)
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.verify import verify

SIZES = {
    "window": 20,
    "bin": 4,
    "source": 2,
    "peak": 10,
    "catalogue_peak": 0,
    "view0": 1,
    "view1": 2,
    "contig": 1,
}


@pytest.mark.parametrize("name", ["occupancy", "peak_window", "catalogue_start", "dataset"])
@pytest.mark.parametrize("at", [0, -1, "half"])
def test_read__a_flipped_byte_or_cut_chunk_is_named(store: Path, name: str, at: int | str) -> None:
    array = array_of(open_store(store).group(), name)
    chunk = min(1, array.cdata_shape[0] - 1)
    file = store / "cell" / name / "c" / "/".join(map(str, (chunk, *[0] * (array.ndim - 1))))
    if isinstance(at, int):
        flip(file, at)
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DamagedError) as failure:
        read_array(array)
    message = str(failure.value)
    assert f"s.zarr/cell/{name}, chunk {chunk}" in message
    assert "build it again with 'atypeak-scale build-store'" in message
    assert len(message.splitlines()) == 1
    assert [damage for damage in verify(store).damages if f"/{name}, chunk {chunk}" in damage]
    # Other chunks are read as before.
    if chunk:
        read_array(array, 0, array.chunks[0])


def test_read__by_the_handle_names_the_damage(store: Path) -> None:
    flip(store / "cell/peak_last_bin/c/1")
    cell_line = open_store(store)
    assert len(cell_line.rows(0, ROWS_PER_BLOCK).last_bin) == ROWS_PER_BLOCK
    with pytest.raises(DamagedError, match=r"cell/peak_last_bin, chunk 1: damaged"):
        _ = cell_line.rows(0, ROWS_PER_BLOCK + 1).last_bin


def test_read_elements__in_any_order_across_chunks(cell_line: CellLine) -> None:
    array = array_of(cell_line.group(), "peak_first_bin")
    whole = read_array(array)
    assert len(whole) > 5 * array.chunks[0]
    index = np.random.default_rng(1).integers(len(whole), size=300)
    assert np.array_equal(read_elements(array, index), whole[index])
    assert read_elements(array, index[:0]).shape == (0,)


@pytest.fixture
def group(tmp_path: Path) -> zarr.Group:
    """Make empty arrays: chunks of 3 windows, 24 for what is not occupancy, and 4 rows."""
    made = zarr.create_group(tmp_path / "g")
    variables = (v.OCCUPANCY, v.CRM, v.ROW_WINDOW, v.REBUILT_SCORE, v.RAW, v.VIEW1, v.SOURCE_VIEW0)
    create_arrays(made, variables, SIZES, ("model", "assay"), 3, 4)
    return made


def test_create__chunks_types_and_names(group: zarr.Group) -> None:
    chunks = {name: array.chunks for name, array in group.arrays()}
    assert chunks == {
        "occupancy": (3, 4, 2), "crm": (20,), "peak_window": (4,), "rebuilt_score": (4,), "raw": (1,),
        "assay": (2,), "source_model": (2,),
    }  # fmt: skip
    assert array_of(group, "occupancy").metadata.dimension_names == ("window", "bin", "source")
    assert group.attrs["coordinates"] == "crm source_model"
    assert np.isnan(read_array(array_of(group, "rebuilt_score"))).all()
    assert not read_array(array_of(group, "occupancy")).any()
    assert read_array(array_of(group, "assay")).tolist() == ["", ""]
    told = {name: array.attrs["description"] for name, array in group.arrays()}
    assert told["crm"] == v.CRM.description
    assert told["raw"] == f"{v.RAW.description}; NaN until scored"


@pytest.mark.parametrize("start, length", [(0, 4), (4, 4), (8, 2), (0, 10), (4, 6), (0, 0)])
def test_write__whole_chunks(group: zarr.Group, start: int, length: int) -> None:
    array = array_of(group, "peak_window")
    write_chunks(array, start, np.arange(1, length + 1))
    expected = np.zeros(10, int)
    expected[start : start + length] = np.arange(1, length + 1)
    assert read_array(array).tolist() == expected.tolist()


@pytest.mark.parametrize("start, length", [(1, 4), (0, 3), (4, 5), (2, 8), (9, 1)])
def test_write__a_part_of_a_chunk_is_refused(group: zarr.Group, start: int, length: int) -> None:
    array = array_of(group, "peak_window")
    with pytest.raises(AssertionError, match=r"of peak_window does not fall on whole chunks of 4$"):
        write_chunks(array, start, np.ones(length, int))
    assert not read_array(array).any()


def test_has_gap__what_is_missing_or_damaged(group: zarr.Group, tmp_path: Path) -> None:
    array = array_of(group, "rebuilt_score")
    assert has_gap(array, 0, 4)
    write_chunks(array, 0, np.zeros(8, np.float32))
    assert not has_gap(array, 0, 8)
    assert has_gap(array, 4, 10)
    flip(tmp_path / "g/rebuilt_score/c/1")
    assert has_gap(array, 4, 8)
    assert not has_gap(array, 0, 4)


def test_damage__of_results_is_mended_by_scoring(tmp_path: Path) -> None:
    made = zarr.create_group(tmp_path / "g").create_group("cell/scores/one")
    create_arrays(made, (v.REBUILT_SCORE,), SIZES, ("model", "assay"), 3, 4)
    array = array_of(made, "rebuilt_score")
    write_chunks(array, 0, np.zeros(4, np.float32))
    assert damage_of(array, (0,)) is None
    flip(tmp_path / "g/cell/scores/one/rebuilt_score/c/0")
    damage = damage_of(array, (0,))
    assert damage is not None
    assert damage.endswith(
        "; run 'atypeak-scale score' again, and 'atypeak-scale normalize' if it was normalized"
    )
    assert "cell/scores/one/rebuilt_score, chunk 0: damaged (" in damage
