"""The handle of a cell line: small to send, reads once what it keeps, and says what is in the files."""

import dataclasses
import pickle
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import ROWS_PER_BLOCK, WINDOWS_PER_CHUNK
from store.by_hand import Window, brute_force

from atypeak_scale.config import Config, StoreSettings
from atypeak_scale.errors import InputError
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import STORE_VARIABLES
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import Block, CellLine, cell_lines, open_store, require_source

Catalogue = tuple[Path, Path]
CACHED = ("attributes", "views", "labels", "cells", "sources", "contigs", "shape", "row_count", "peak_count",
          "rows_per_block", "crm_count")  # fmt: skip


def test_pickle__is_the_two_names_without_the_cache(cell_line: CellLine, built: Path) -> None:
    fresh = pickle.dumps(cell_line)
    for name in CACHED:
        getattr(cell_line, name)
    assert set(CACHED) <= set(vars(cell_line))
    assert pickle.dumps(cell_line) == fresh
    assert len(fresh) < len(str(built)) + 200
    back = pickle.loads(fresh)
    assert vars(back) == {"store": built, "name": "cell"}
    assert (back, hash(back)) == (cell_line, hash(cell_line))
    assert back.sources == cell_line.sources
    assert np.array_equal(back.occupancy(0, 5), cell_line.occupancy(0, 5))


def test_handle__is_frozen(cell_line: CellLine) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell_line.name = "other"  # type: ignore[misc]


def test_handle__reads_once_what_it_keeps(store: Path) -> None:
    cell_line = open_store(store)
    kept = {name: getattr(cell_line, name) for name in CACHED}
    made_from, frame = cell_line.made_from, cell_line.frame
    (store / "cell").rename(store / "gone")
    for name in CACHED:
        assert getattr(cell_line, name) is kept[name]
    assert (cell_line.made_from, cell_line.frame) == (made_from, frame)
    with pytest.raises(FileNotFoundError):
        cell_line.occupancy(0, 1)
    with pytest.raises(FileNotFoundError):
        _ = CellLine(store, "cell").views


def test_handle__made_from_a_path_is_read_from_another_working_directory(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(built.parent)
    opened, (listed,) = open_store("s.zarr"), cell_lines(Path("s.zarr"))
    monkeypatch.chdir(tmp_path)
    assert opened == listed == CellLine(built, "cell")
    assert opened.shape == CellLine(built, "cell").shape
    assert opened.tensor.sizes["window"] == opened.shape.windows


def test_facts__are_those_of_the_files(cell_line: CellLine, inputs: Catalogue, config: Config) -> None:
    windows = brute_force(*inputs)
    found = {source for sources in windows.values() for source in sources}
    assert cell_line.views == ("dataset", "tr")
    assert cell_line.labels == (("d1", "d2", "d3"), ("x", "y", "z"))
    assert [".".join(source) for source in cell_line.sources] == sorted(found)
    assert cell_line.cells.tolist() == [
        [cell_line.labels[0].index(a), cell_line.labels[1].index(b)] for a, b in cell_line.sources
    ]
    assert cell_line.contigs == ("chr1", "chr2")
    assert cell_line.frame == (3200, 10)
    assert cell_line.shape == (len(windows), 320, len(found))
    assert cell_line.rows_per_block == config.store.rows_per_block
    assert cell_line.crm_count == 1 + int(cell_line.read(v.CRM).max())
    assert cell_line.made_from["cell_line"] == cell_line.attributes["cell_line"] == "cell"
    assert (cell_line.path, cell_line.group().path) == ("cell", "cell")


@pytest.mark.parametrize("kind", ["windows", "rows", "peaks"])
@pytest.mark.parametrize("chunks", [1, 2, 1000])
def test_blocks__are_whole_chunks(cell_line: CellLine, kind: str, chunks: int) -> None:
    total, length = {
        "windows": (cell_line.shape.windows, WINDOWS_PER_CHUNK),
        "rows": (cell_line.row_count, ROWS_PER_BLOCK),
        "peaks": (cell_line.peak_count, cell_line.peak_count),
    }[kind]
    blocks = cell_line.blocks(kind, chunks)  # type: ignore[arg-type]
    assert all(isinstance(block, Block) for block in blocks)
    assert [start for start, _ in blocks] == [0, *(stop for _, stop in blocks[:-1])]
    assert blocks[-1].stop == total
    assert {stop - start for start, stop in blocks[:-1]} <= {length * chunks}
    assert 0 < blocks[-1].stop - blocks[-1].start <= length * chunks


def peaks_of_file(cell_line: CellLine, peaks: Path, windows: list[Window]) -> list[tuple[int, int, int, int]]:
    """Return (contig, start, end, source) of every peak of a file that lies in a window."""
    sources = [".".join(source) for source in cell_line.sources]
    found = []
    for line in peaks.read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        if any(w[0] == contig and max(int(start), w[1]) < min(int(end), w[2]) for w in windows):
            source = sources.index(name.rsplit(".", 1)[0])
            found.append((cell_line.contigs.index(contig), int(start), int(end), source))
    return found


def test_columns__equal_a_brute_force_reading(cell_line: CellLine, inputs: Catalogue) -> None:
    """Every column of every range, read in blocks, against the input files."""
    occupied = brute_force(*inputs)
    sources = [".".join(source) for source in cell_line.sources]
    windows: list[Window] = []
    for block in cell_line.blocks("windows"):
        part = cell_line.windows(*block)
        places = zip(part.contig.tolist(), part.start_bp.tolist(), part.end_bp.tolist(), strict=True)
        windows += [(cell_line.contigs[contig], start, end) for contig, start, end in places]
        occupancy = cell_line.occupancy(*block)
        for window, cells in zip(windows[block.start :], occupancy, strict=True):
            bins = {s: set(np.flatnonzero(cells[:, i]).tolist()) for i, s in enumerate(sources)}
            assert {source: of for source, of in bins.items() if of} == occupied[window]
    assert sorted(windows) == sorted(occupied)

    crm_lines = [line.split("\t") for line in inputs[1].read_text().splitlines()]
    of_crm: dict[int, set[str]] = defaultdict(set)
    whole = cell_line.windows(0, len(windows))
    for window, crm in zip(windows, whole.crm.tolist(), strict=True):
        of_crm[crm] |= set(occupied[window])
        assert crm_lines[crm][0] == window[0]
    assert whole.crm_start.tolist() == [int(crm_lines[crm][1]) for crm in whole.crm]
    assert whole.crm_end.tolist() == [int(crm_lines[crm][2]) for crm in whole.crm]
    assert whole.crm_sources.tolist() == [len(of_crm[crm]) for crm in whole.crm.tolist()]

    peaks = cell_line.peaks(0, cell_line.peak_count)
    columns = peaks.contig, peaks.start_bp, peaks.end_bp, peaks.source
    stored_peaks = list(zip(*(column.tolist() for column in columns), strict=True))
    assert sorted(stored_peaks) == sorted(peaks_of_file(cell_line, inputs[0], windows))
    assert [peak[:2] for peak in stored_peaks] == sorted(peak[:2] for peak in stored_peaks)

    expected, by_peak = [], defaultdict(list)
    for number, (window, (contig, start, end)) in enumerate(zip(range(len(windows)), windows, strict=True)):
        for peak, (on, left, right, source) in enumerate(stored_peaks):
            if cell_line.contigs[on] == contig and max(left, start) < min(right, end):
                bins = sorted({(bp - (end - 3200)) // 10 for bp in range(max(left, start), min(right, end))})
                expected.append((window, peak, source, bins[0], bins[-1]))
        assert number == window
    parts = [cell_line.rows(*block) for block in cell_line.blocks("rows")]
    rows = [
        row
        for part in parts
        for row in zip(
            part.window.tolist(), part.peak.tolist(), part.source.tolist(), part.first_bin.tolist(),
            part.last_bin.tolist(), strict=True,
        )
    ]  # fmt: skip
    assert sorted(rows) == sorted(expected)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    for place, row in enumerate(rows):
        by_peak[row[1]].append(place)
    assert peaks.first_row.tolist() == [by_peak[peak][0] for peak in range(len(stored_peaks))]
    assert peaks.last_row.tolist() == [by_peak[peak][-1] for peak in range(len(stored_peaks))]


def test_peak_starts__in_any_order(cell_line: CellLine) -> None:
    starts = cell_line.peaks(0, cell_line.peak_count).start_bp
    index = np.random.default_rng(1).integers(cell_line.peak_count, size=50)
    assert np.array_equal(cell_line.peak_starts(index), starts[index])


def test_blocks__of_placements_are_whole_in_a_store_of_few_rows(
    inputs: Catalogue, config: Config, tmp_path: Path
) -> None:
    """Such a store has its rows in one short chunk; there are many more placements."""
    whole = config.model_copy(update={"store": config.store.model_copy(update={"rows_per_block": 5000})})
    build_store(*inputs, tmp_path / "s.zarr", whole)
    cell_line = open_store(tmp_path / "s.zarr")
    assert cell_line.row_count < 5000
    assert cell_line.blocks("rows") == [Block(0, cell_line.row_count)]
    assert cell_line.rows_per_block == StoreSettings().rows_per_block


def test_data__opens_with_xarray_alone(cell_line: CellLine, built: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = xr.open_zarr(built, group="cell")
    data = cell_line.data
    assert all(variable.chunks is not None for variable in data.data_vars.values())
    xr.testing.assert_identical(data.load(), alone.load())
    assert len(data.variables) == len(STORE_VARIABLES)
    assert data["occupancy"].shape == cell_line.shape


def test_cell_lines__a_hidden_group_is_none(config: Config, tmp_path: Path) -> None:
    (tmp_path / "p.bed").write_text("chr1\t5\t9\ta.b.cell\n")
    (tmp_path / "c.bed").write_text("chr1\t0\t100\n")
    store = tmp_path / "s.zarr"
    build_store(tmp_path / "p.bed", tmp_path / "c.bed", store, config)
    assert cell_lines(store) == [CellLine(store, "cell")]
    (store / "cell").rename(store / ".cell.outdated")
    assert cell_lines(store) == []


def test_cell_lines__are_sorted_by_name(store: Path) -> None:
    for name in ("b", "a"):
        zarr.create_group(store / name, attributes={"cell_line": name})
    zarr.create_group(store / "notes")
    assert [cell_line.name for cell_line in cell_lines(store)] == ["a", "b", "cell"]


def test_require_source__names_the_nearest(built: Path) -> None:
    cell_line = open_store(built)
    assert cell_line.sources[require_source(cell_line, "d1.x")] == ("d1", "x")
    for wrong in ("x", "d1", "d1.xx"):
        with pytest.raises(InputError, match=f"has no source '{wrong}'; .*known are"):
            require_source(cell_line, wrong)


def test_open__a_cell_line_within_a_store_names_its_store(built: Path) -> None:
    with pytest.raises(
        InputError, match=f"s.zarr/cell: is a cell line within a store; name the store, {built}$"
    ):
        open_store(built / "cell")
