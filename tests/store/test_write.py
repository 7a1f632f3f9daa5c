"""Every array is filled by tasks that write whole chunks of it."""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROWS_PER_BLOCK, WINDOWS_PER_CHUNK
from hypothesis import given
from hypothesis import strategies as st

from atypeak_scale.config import Config
from atypeak_scale.registry.variables import STORE_VARIABLES, with_views
from atypeak_scale.store import write
from atypeak_scale.store.arrays import CATALOGUE_PEAKS_PER_CHUNK, OCCUPANCY_CHUNKS_PER_TASK, array_of
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.overlap import CATALOGUE, ROW, WINDOW
from atypeak_scale.store.write import (
    PEAK_ARRAYS,
    ROW_ARRAYS,
    ROW_CHUNKS_PER_TASK,
    WINDOW_ARRAYS,
    drawn,
    forget,
    rasterize,
)

Rows = list[tuple[int, int, int, int]]
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 9), st.integers(0, 9)), max_size=20
)


@given(ROWS)
def test_rasterize__every_bin_of_every_row(rows: Rows) -> None:
    ordered = [(window, source, min(a, b), max(a, b)) for window, source, a, b in rows]
    expected = np.zeros((4, 10, 3), bool)
    for window, source, first, last in ordered:
        expected[window, first : last + 1, source] = True
    columns = np.array(ordered, np.int64).reshape(-1, 4).T
    found = rasterize(columns[0], columns[1], columns[2], columns[3], (4, 10, 3))
    assert np.array_equal(found, expected)


@given(st.lists(st.tuples(ROWS, st.integers(1, 4)), max_size=4))
def test_drawn__the_same_in_memory_that_was_used_before(chunks: list[tuple[Rows, int]]) -> None:
    forget()
    for rows, windows in chunks:
        columns = np.array([(w % windows, s, min(a, b), max(a, b)) for w, s, a, b in rows], np.int64)
        columns, shape = columns.reshape(-1, 4).T, (windows, 10, 3)
        with drawn(columns[0], columns[1], columns[2], columns[3], shape) as found:
            assert np.array_equal(found, rasterize(columns[0], columns[1], columns[2], columns[3], shape))


def test_drawn__a_block_that_fails_leaves_nothing() -> None:
    one, shape = np.array([0]), (1, 10, 3)
    with pytest.raises(OSError, match="full"), drawn(one, one, one, one, shape):
        raise OSError("full")
    none = np.array([], np.int64)
    with drawn(none, none, none, none, shape) as found:
        assert not found.any()


@pytest.mark.parametrize("row", [(1, 0, 0, 0), (0, 3, 0, 0), (0, 0, -1, 0), (0, 0, 0, 10)])
def test_rasterize__refuses_a_row_outside(row: tuple[int, int, int, int]) -> None:
    columns = np.array([row]).T
    with pytest.raises(ValueError, match="outside"):
        rasterize(columns[0], columns[1], columns[2], columns[3], (1, 10, 3))


def test_write__keeps_no_memory_for_the_occupancy(
    catalogue: tuple[Path, Path], config: Config, tmp_path: Path
) -> None:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    assert open_store(tmp_path / "s.zarr").shape.windows
    assert not vars(write._kept)


def test_arrays__each_field_becomes_one_array_of_its_type() -> None:
    for record, arrays in ((WINDOW, WINDOW_ARRAYS), (ROW, ROW_ARRAYS), (CATALOGUE, PEAK_ARRAYS)):
        assert record.names == tuple(arrays)
        assert [record[name] for name in arrays] == [np.dtype(variable.dtype) for variable in arrays.values()]
    written = [*WINDOW_ARRAYS.values(), *ROW_ARRAYS.values(), *PEAK_ARRAYS.values()]
    assert len(set(written)) == len(written)


def test_write__every_registered_array_with_its_dims_and_type(cell_line: CellLine) -> None:
    group = cell_line.group()
    assert sorted(group.array_keys()) == sorted(
        with_views(variable.name, cell_line.views) for variable in STORE_VARIABLES
    )
    for variable in STORE_VARIABLES:
        array = array_of(group, with_views(variable.name, cell_line.views))
        dims = tuple(with_views(dim, cell_line.views) for dim in variable.dims)
        assert array.metadata.dimension_names == dims
        assert variable.dtype is str or array.dtype == np.dtype(variable.dtype)
        assert array.attrs["description"] == variable.description


def test_write__tasks_are_whole_chunks(built: Path) -> None:
    """The chunk of each array divides what one task writes of it, so that no two tasks share a chunk."""
    group = open_store(built).group()
    windows, rows = WINDOWS_PER_CHUNK, ROWS_PER_BLOCK
    assert array_of(group, "occupancy").chunks[0] == windows
    for variable in WINDOW_ARRAYS.values():
        array = array_of(group, variable.name)
        assert array.chunks[0] in (windows * OCCUPANCY_CHUNKS_PER_TASK, array.shape[0])
    for variable in ROW_ARRAYS.values():
        assert rows * ROW_CHUNKS_PER_TASK % array_of(group, variable.name).chunks[0] == 0
    for variable in PEAK_ARRAYS.values():
        array = array_of(group, variable.name)
        assert array.chunks[0] in (CATALOGUE_PEAKS_PER_CHUNK, array.shape[0])
