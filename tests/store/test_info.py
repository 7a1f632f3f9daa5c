"""What a store holds, in numbers."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import zarr
from store.by_hand import brute_force

from atypeak_scale.registry.variables import SCORE_VARIABLES
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.info import info
from atypeak_scale.store.result_groups import NORMALIZATION, create_results


def test_info__counts(built: Path, inputs: tuple[Path, Path], cell_line: CellLine) -> None:
    (facts,) = info(built)
    windows = brute_force(*inputs)
    assert facts["cell_line"] == "cell"
    assert facts["windows"] == len(windows) == cell_line.shape.windows
    assert facts["sources"] == len(facts["peaks_of_source"]) == cell_line.shape.sources
    assert sum(facts["peaks_of_source"].values()) == facts["peaks"] == cell_line.peak_count
    lines = inputs[0].read_text().splitlines()[1:]
    account = facts["rows_of_inputs"]["peaks"]
    assert (account["rows"], account["used"]) == (len(lines), facts["peaks"])
    assert facts["rows"] == cell_line.row_count
    assert (facts["datasets"], facts["trs"]) == (3, 3)
    assert (facts["bins"], facts["bp_per_bin"]) == (320, 10)
    assert facts["occupancy_bytes"] == np.prod(cell_line.shape)
    assert 0 < facts["occupancy_bytes_stored"] < facts["occupancy_bytes"]
    assert facts["scores"] == {}
    assert facts["inputs"]["peaks"]["size"] == inputs[0].stat().st_size
    assert "zarr" in facts["versions"]


def test_info__peaks_of_each_source_are_counted_over_all_blocks(built: Path, cell_line: CellLine) -> None:
    (facts,) = info(built)
    source = cell_line.peaks(0, cell_line.peak_count).source
    counted = Counter(".".join(cell_line.sources[number]) for number in source.tolist())
    assert facts["peaks_of_source"] == counted


def test_info__scores_of_the_store_and_of_another_place(store: Path, tmp_path: Path) -> None:
    cell_line = CellLine(store, "cell")
    create_results(cell_line, store, "a", {}, SCORE_VARIABLES)
    create_results(cell_line, tmp_path / "results", "b", {NORMALIZATION: {}}, SCORE_VARIABLES)
    assert info(store)[0]["scores"] == {"a": "not normalized yet"}
    assert info(store, tmp_path / "results")[0]["scores"] == {"b": "normalized"}


def test_info__one_for_each_cell_line(store: Path) -> None:
    shutil.copytree(store / "cell", store / "other")
    zarr.open_group(store, path="other", mode="r+").attrs["cell_line"] = "other"
    found = info(str(store))
    assert [facts["cell_line"] for facts in found] == ["cell", "other"]
    assert found[0] | {"cell_line": "other"} == found[1]
