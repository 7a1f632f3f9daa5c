"""Everything known of each peak, against a reading of the input files and of the whole arrays."""

import pickle
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import pytest

from atypeak_scale.registry.columns import PEAKS
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW
from atypeak_scale.scoring import peak_table
from atypeak_scale.scoring.export import PEAKS_FILE, export
from atypeak_scale.scoring.peak_table import PeakTable
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import Block, CellLine


def by_hand(scores: Scores, catalogue: Path) -> pd.DataFrame:
    """Return the table from the lines of the two input files, one peak at a time."""
    crms = [line.split("\t") for line in (catalogue / "crms.bed").read_text().splitlines()]
    regions = [(contig, int(start), int(end)) for contig, start, end, *_ in crms]
    peaks = []
    for line in (catalogue / "peaks.bed").read_text().splitlines()[1:]:
        contig, start, end, name = line.split("\t")[:4]
        inside = [
            row for row, (c, left, right) in enumerate(regions)
            if c == contig and left < int(end) and int(start) < right
        ]  # fmt: skip
        if inside:
            peaks.append((contig, int(start), int(end), name, inside))
    names = {row: {peak[3] for peak in peaks if row in peak[4]} for row in range(len(regions))}
    rows = []
    for contig, start, end, name, inside in peaks:
        first = min(inside, key=lambda row: regions[row][1])
        rows.append(
            (contig, start, end, name, *name.split(".")[:2], first, *regions[first][1:],
             len(names[first] - {name}))
        )  # fmt: skip
    columns = [column.name for column in PEAKS.named(("dataset", "tr"))][:10]
    return pd.DataFrame(rows, columns=columns).sort_values(columns[:4]).reset_index(drop=True)


def test_read__equals_the_input_files(normalized: Scores, tmp_path: Path) -> None:
    table = PeakTable(normalized.cell_line, normalized.group())
    (block,) = table.blocks()
    ours = pd.DataFrame(table.read(block))
    assert list(ours.columns) == [column.name for column in table.columns]
    expected = by_hand(normalized, tmp_path / "catalogue")
    found = ours.sort_values(list(expected.columns)[:4]).reset_index(drop=True)
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    for variable in (RAW, K_NORMALIZED, FINAL):
        np.testing.assert_array_equal(ours[variable.name], normalized.read(variable))
    for _, row in ours.iterrows():
        others = ours.loc[ours["tr"] == row["tr"], "final"]
        share = ((others < row["final"]).sum() + (others == row["final"]).sum() / 2) / len(others)
        assert row["percentile"] == pytest.approx(100 * share, abs=1e-3)


def test_columns__have_their_registered_types(normalized: Scores) -> None:
    table = PeakTable(normalized.cell_line, normalized.group())
    (block,) = table.blocks()
    for column in table.columns:
        expected = object if column.dtype == "text" else np.dtype(column.dtype)
        assert table.read(block)[column.name].dtype == expected, column.name


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the peaks into blocks of 20, as a large catalogue is cut by its chunks."""

    def blocks(self: PeakTable) -> list[Block]:
        total = self.cell_line.peak_count
        return [Block(start, min(start + 20, total)) for start in range(0, total, 20)]

    monkeypatch.setattr(peak_table.PeakTable, "blocks", blocks)


@pytest.mark.usefixtures("small_blocks")
def test_blocks__make_up_the_whole(normalized: Scores) -> None:
    table = PeakTable(normalized.cell_line, normalized.group())
    assert len(table.blocks()) > 3
    parts = pd.concat([pd.DataFrame(table.read(block)) for block in table.blocks()], ignore_index=True)
    whole = pd.DataFrame(table.read(Block(0, normalized.cell_line.peak_count)))
    pd.testing.assert_frame_equal(parts, whole)


@pytest.mark.usefixtures("small_blocks")
def test_peaks__equal_the_exported_table(normalized: Scores, tmp_path: Path) -> None:
    export(normalized, tmp_path / "out", formats=("parquet",))
    exported = pd.read_parquet(tmp_path / "out" / PEAKS_FILE)
    ours = normalized.peaks.to_dataframe()
    pd.testing.assert_frame_equal(ours.astype(exported.dtypes.to_dict()), exported, check_index_type=False,
                                  check_names=False)  # fmt: skip


def test_peaks__are_lazy_and_described(normalized: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("read")

    with monkeypatch.context() as patched:
        patched.setattr(CellLine, "peaks", refuse)
        peaks = normalized.peaks
    assert peaks.sizes == {"catalogue_peak": normalized.cell_line.peak_count}
    columns = [column for column in PEAKS.named(("dataset", "tr")) if column.name in peaks]
    assert len(columns) == 14  # those of the article's scores
    for column in columns:
        assert peaks[column.name].attrs["description"] == column.description
        assert dask.is_dask_collection(peaks[column.name].data)
    assert peaks["start"].attrs["units"] == "bp"
    of_x = peaks["final"].where(peaks["tr"] == "x").mean()
    assert float(of_x) == pytest.approx(750, abs=0.1)


def test_dataset__reads_the_final_scores_once_for_all_percentiles(
    normalized: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if every block is computed by another process, to which the table travels alone."""
    sorts: list[int] = []
    whole = PeakTable.sorted_finals
    monkeypatch.setattr(PeakTable, "sorted_finals", lambda self: sorts.append(1) or whole(self))
    monkeypatch.setattr("atypeak_scale.store.arrays.CATALOGUE_PEAKS_PER_CHUNK", 16)
    peaks = normalized.peaks
    peaks["contig"].compute()
    assert not sorts  # which nothing but percentiles needs
    peaks["percentile"].compute(scheduler="synchronous")
    assert len(sorts) == 1
    table = PeakTable(normalized.cell_line, normalized.group())
    size = len(pickle.dumps(table))
    table.read(table.blocks()[0])
    assert len(pickle.dumps(table)) == size
