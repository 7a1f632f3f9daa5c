"""The tables of a store, made block by block, do not show the blocks."""

from pathlib import Path

import numpy as np
import pytest
from store.by_hand import tree

from atypeak_scale.catalogue.windows import read_windows
from atypeak_scale.config import Config
from atypeak_scale.store import overlap
from atypeak_scale.store.build import build_store
from atypeak_scale.store.overlap import overlap_blocks, records

Catalogue = tuple[Path, Path]


def test_build__blocks_do_not_show(
    inputs: Catalogue, built: Path, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atypeak_scale.store.overlap.WINDOWS_PER_OVERLAP_BLOCK", 3)
    monkeypatch.setattr("atypeak_scale.store.overlap.PEAKS_AT_ONCE", 2)
    monkeypatch.setattr("atypeak_scale.catalogue.stretches.STRETCH", 5000)
    build_store(*inputs, tmp_path / "two.zarr", config)
    assert tree(tmp_path / "two.zarr") == tree(built)


@pytest.mark.parametrize("length", [1, 3, 10, 10**6])
def test_overlap_blocks__hold_whole_crms_of_one_contig(
    inputs: Catalogue, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    windows, _ = read_windows(inputs[1], 3200, 0)
    monkeypatch.setattr(overlap, "WINDOWS_PER_OVERLAP_BLOCK", length)
    blocks = overlap_blocks(windows)
    assert [start for start, _ in blocks] == [0, *(stop for _, stop in blocks[:-1])]
    assert blocks[-1][1] == len(windows)
    for start, stop in blocks:
        assert len(set(windows.contig[start:stop].tolist())) == 1
        assert stop == len(windows) or windows.crm[stop - 1] != windows.crm[stop]
        # Only the last CRM of a block may make it longer, and only the end of a contig shorter.
        assert len(set(windows.crm[start + length : stop].tolist())) <= 1
        at_end = stop == len(windows) or windows.contig[stop] != windows.contig[start]
        assert stop - start >= length or at_end
    assert (len(blocks) == len(windows.contigs)) == (length == 10**6)


def test_records__any_range_of_a_table(tmp_path: Path) -> None:
    table = np.zeros(10, overlap.ROW)
    table["peak"] = np.arange(10)
    table.tofile(tmp_path / "rows.raw")
    assert records(tmp_path / "rows.raw", overlap.ROW, 3, 6)["peak"].tolist() == [3, 4, 5]
