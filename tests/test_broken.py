"""Random intervals that the benchmark `broken` writes into a catalogue."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.config import Config
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from benchmarks import broken

Catalogue = tuple[Path, Path]
Line = tuple[str, int, int, str]


@pytest.fixture
def real(
    catalogue: Catalogue, config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[CellLine, Path]:
    """Return the store of a catalogue, and its peaks, packed as the real data are."""
    config = config.model_copy(update={"store": config.store.model_copy(update={"min_crm_peaks": 150})})
    build_store(*catalogue, tmp_path / "s.zarr", config)
    (tmp_path / "data").mkdir()
    peaks = tmp_path / "peaks.bed.xz"
    for file, packed in zip(catalogue, (peaks, tmp_path / "data/crm.bed.xz"), strict=True):
        packed.write_bytes(lzma.compress(file.read_bytes()))
    monkeypatch.setattr(broken, "SHARED", tmp_path)
    return open_store(tmp_path / "s.zarr"), peaks


def read(text: str) -> list[Line]:
    fields = [line.split("\t") for line in text.splitlines() if not line.startswith("track")]
    return [(contig, int(start), int(end), name) for contig, start, end, name, *_ in fields]


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_write_broken__replaces_a_share_of_one_source(
    real: tuple[CellLine, Path], catalogue: Catalogue, tmp_path: Path, share: float
) -> None:
    cell_line, peaks = real
    broken.write_broken(peaks, tmp_path / "out.bed", cell_line, "d2.y", share)
    before, after = read(catalogue[0].read_text()), read((tmp_path / "out.bed").read_text())
    others = [line for line in before if line[3] != "d2.y.cell"]
    assert sorted(line for line in after if line[3] != "d2.y.cell") == sorted(others)
    contig_of = cell_line.contigs
    stored = cell_line.peaks(0, cell_line.peak_count)
    mine = stored.source == [".".join(source) for source in cell_line.sources].index("d2.y")
    of_store = {
        (contig_of[c], s, e)
        for c, s, e in zip(stored.contig[mine], stored.start_bp[mine], stored.end_bp[mine], strict=True)
    }
    now = [line[:3] for line in after if line[3] == "d2.y.cell"]
    assert len(now) == mine.sum()
    kept = [line for line in now if line in of_store]
    assert len(kept) == pytest.approx((1 - share) * len(now), abs=1)
    widths = sorted(end - start for _, start, end in of_store)
    assert sorted(end - start for _, start, end in now) == widths


def test_write_broken__random_intervals_lie_in_crms_that_are_used(
    real: tuple[CellLine, Path], catalogue: Catalogue, tmp_path: Path
) -> None:
    cell_line, peaks = real
    broken.write_broken(peaks, tmp_path / "out.bed", cell_line, "d2.y", 1.0)
    crms = [line.split("\t") for line in catalogue[1].read_text().splitlines()]
    used = [(contig, int(start), int(end)) for contig, start, end, _, count in crms if int(count) >= 150]
    assert 0 < len(used) < len(crms)
    for contig, start, end, name in read((tmp_path / "out.bed").read_text()):
        if name == "d2.y.cell" and start:
            centre = start + (end - start) // 2
            assert any(one == contig and low <= centre < high for one, low, high in used)


def test_draw_places__uniform_over_bp() -> None:
    start, end = np.array([100, 1000, 5000]), np.array([200, 1300, 5600])
    crm, place = broken.draw_places(np.random.default_rng(0), start, end, 20_000)
    np.testing.assert_allclose(np.bincount(crm) / 20_000, [0.1, 0.3, 0.6], atol=0.015)
    assert (place >= start[crm]).all() and (place < end[crm]).all()
    within = (place - start[crm]) / (end - start)[crm]
    np.testing.assert_allclose(np.histogram(within, 4, (0, 1))[0] / 20_000, 0.25, atol=0.015)


def test_others__says_who_moved() -> None:
    names = ["a", "b", "c"]
    low, high = np.array([0.0, 0.1, 0.0]), np.array([0.2, 0.3, 0.0])
    real = broken.Shares(names, np.array([0.1, 0.2, 0.0]), low, high)
    after = broken.Shares(names, np.array([0.9, 0.35, 0.0]), low, high)
    change, relative, left = broken._others("case", "a", real, after)
    assert (change.ours, change.baseline) == pytest.approx((0.15, 0.1))
    assert relative.ours == pytest.approx(0.75)
    assert left.ours == 1
    assert "b (0.200, 0.100 to 0.300, now 0.350)" in left.unit
