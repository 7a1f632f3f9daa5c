"""A column of a range is read when it is first asked for, and once."""

from pathlib import Path

import numpy as np
import pytest
from conftest import ROWS_PER_BLOCK

from atypeak_scale.errors import DamagedError
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.ranges import PeakRange, RowRange, WindowRange

ARRAYS = {
    "windows": {
        "contig": "window_contig", "start_bp": "window_start", "end_bp": "window_end", "crm": "crm",
        "crm_start": "crm_start", "crm_end": "crm_end", "crm_sources": "crm_sources",
    },
    "rows": {
        "window": "peak_window", "peak": "peak_catalogue", "source": "peak_source",
        "first_bin": "peak_first_bin", "last_bin": "peak_last_bin",
    },
    "peaks": {
        "contig": "catalogue_contig", "start_bp": "catalogue_start", "end_bp": "catalogue_end",
        "source": "catalogue_source", "first_row": "catalogue_first_row", "last_row": "catalogue_last_row",
    },
}  # fmt: skip
KINDS = {"windows": WindowRange, "rows": RowRange, "peaks": PeakRange}


@pytest.mark.parametrize("kind", KINDS)
def test_column__is_a_part_of_its_array(cell_line: CellLine, kind: str) -> None:
    data = cell_line.data
    found = getattr(cell_line, kind)(3, 20)
    assert type(found) is KINDS[kind]
    assert (found.start, found.stop) == (3, 20)
    for column, array in ARRAYS[kind].items():
        values = getattr(found, column)
        assert values.dtype == data[array].dtype
        assert np.array_equal(values, data[array].values[3:20])


@pytest.mark.parametrize("kind", KINDS)
def test_columns__are_all_there_are(kind: str) -> None:
    columns = {name for name in vars(KINDS[kind]) if not name.startswith("_")}
    assert columns == set(ARRAYS[kind])


def test_column__is_read_when_asked_and_once(store: Path) -> None:
    rows = open_store(store).rows(0, ROWS_PER_BLOCK)
    source = rows.source
    for array in ("peak_source", "peak_window"):
        (store / "cell" / array / "c/0").unlink()
    assert rows.source is source
    with pytest.raises(DamagedError, match="/peak_window, chunk 0: lost"):
        _ = rows.window
