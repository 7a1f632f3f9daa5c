"""The generated catalogue has the size, the shape and the order of ReMap's, and other tools read it."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pysam
import pytest

from atypeak_scale import build_store, load_config
from benchmarks import catalogue_2022
from benchmarks.catalogue_2022 import (
    CELL_LINES,
    DATASETS,
    SOURCES,
    TRS,
    Written,
    contig_sizes,
    draw_sources,
    opened,
    write_catalogue,
)

COUNT = 30_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Written]:
    """Return a folder with peaks.bed and crms.bed, made in tiles of some hundred peaks, and what was told."""
    folder = tmp_path_factory.mktemp("catalogue")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.catalogue_2022.PEAKS_PER_TILE", 300)
        patch.setattr("benchmarks.catalogue_2022.ROWS_AT_ONCE", 70)
        return folder, write_catalogue(folder / "peaks.bed", folder / "crms.bed", COUNT)


def rows_of(file: Path) -> list[list[str]]:
    return [line.split("\t") for line in file.read_text().splitlines()]


def test_peaks__are_so_many_in_order_and_within_their_contigs(made: tuple[Path, Written]) -> None:
    folder, written = made
    rows = rows_of(folder / "peaks.bed")
    assert written.peaks == len(rows) == COUNT
    places = [(contig, int(start)) for contig, start, *_ in rows]
    assert places == sorted(places)
    sizes = contig_sizes()
    assert len(sizes) == 24
    assert {contig for contig, _ in places} == set(sizes)
    assert all(0 <= int(row[1]) < int(row[2]) <= sizes[row[0]] for row in rows)
    lengths = np.array([int(row[2]) - int(row[1]) for row in rows])
    assert (lengths.min(), lengths.max()) == (100, 1000)
    assert 280 < np.median(lengths) < 320
    assert all(int(row[1]) < int(row[6]) < int(row[7]) <= int(row[2]) for row in rows)
    assert {(len(row), *row[4:6]) for row in rows} == {(9, "0", ".")}


def test_peaks__are_of_sources_as_told(made: tuple[Path, Written]) -> None:
    folder, written = made
    found = Counter(row[3] for row in rows_of(folder / "peaks.bed"))
    assert found == {name: count for name, count in written.by_source.items() if count}
    lines = Counter(line for name in found.elements() for line in [name.split(".")[2]])
    assert lines.most_common(1)[0][0] == "K-562"
    assert lines["K-562"] > 0.1 * COUNT > 5 * lines["line-100"]


def test_sources__are_as_many_and_as_skewed_as_those_of_remap() -> None:
    sources = draw_sources(np.random.default_rng(3))
    datasets, trs, lines = zip(*(name.split(".") for name in sources.names), strict=True)
    assert len(set(sources.names)) == len(sources.names) == SOURCES
    assert len(set(zip(datasets, trs, strict=True))) == SOURCES
    assert [len(set(labels)) for labels in (datasets, trs, lines)] == [DATASETS, TRS, CELL_LINES]
    counts = [count for _, count in Counter(lines).most_common()]
    assert counts[0] / counts[1] == pytest.approx(2, abs=0.1)  # Zipf's law
    assert 1000 < counts[0] < 1200
    assert counts[-1] >= 1
    assert len({(dataset, line) for dataset, line in zip(datasets, lines, strict=True)}) == DATASETS
    assert sources.weights.sum() == pytest.approx(1)
    assert sources.weights.max() > 20 * np.median(sources.weights)


def test_crms__hold_the_peaks_around_their_places(made: tuple[Path, Written]) -> None:
    folder, written = made
    crms = rows_of(folder / "crms.bed")
    assert len(crms) == written.crms
    assert sum(int(crm[4]) for crm in crms) == round(0.9 * COUNT)
    ends: dict[str, int] = {}
    for contig, start, end, *_ in crms:
        assert ends.get(contig, -1) < int(start) < int(end) <= contig_sizes()[contig]
        ends[contig] = int(end)
    inside = 0
    by_contig: dict[str, list[tuple[int, int]]] = {}
    for contig, start, end, *_ in crms:
        by_contig.setdefault(contig, []).append((int(start), int(end)))
    for contig, start, end, *_ in rows_of(folder / "peaks.bed"):
        inside += any(a < int(end) and int(start) < b for a, b in by_contig.get(contig, []))
    assert 0.88 * COUNT < inside < 0.95 * COUNT


def test_catalogue__is_repeatable_by_its_seed(tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_catalogue(tmp_path / f"{name}.bed", tmp_path / f"{name}.crms", 2000, seed)
    for ending in ("bed", "crms"):
        a, b, c = ((tmp_path / f"{name}.{ending}").read_bytes() for name in "abc")
        assert a == b
        assert a != c


def test_catalogue__is_compressed_by_its_ending(made: tuple[Path, Written], tmp_path: Path) -> None:
    plain = (made[0] / "peaks.bed").read_bytes()
    for name in ("p.bed", "p.bed.gz", "p.bed.bgz"):
        with opened(tmp_path / name) as write:
            for first in range(0, len(plain), 99_991):
                write(memoryview(plain)[first : first + 99_991])
    assert (tmp_path / "p.bed").read_bytes() == plain
    assert gzip.decompress((tmp_path / "p.bed.gz").read_bytes()) == plain
    assert gzip.decompress((tmp_path / "p.bed.bgz").read_bytes()) == plain
    with pysam.BGZFile(str(tmp_path / "p.bed.bgz")) as file:
        assert b"".join(line + b"\n" for line in file) == plain
    pysam.tabix_index(str(tmp_path / "p.bed.bgz"), preset="bed", force=True)
    with pysam.TabixFile(str(tmp_path / "p.bed.bgz")) as indexed:
        first = indexed.fetch("chr3", 0, 50_000_000)
        expected = [
            line for line in plain.decode().splitlines()
            if line.startswith("chr3\t") and int(line.split("\t")[1]) < 50_000_000
        ]  # fmt: skip
        assert list(first) == expected


def test_catalogue__is_read_as_a_catalogue(made: tuple[Path, Written], tmp_path: Path) -> None:
    folder, written = made
    config = load_config("k562").model_copy(update={"cell_line": "K-562"})
    config = config.model_copy(
        update={
            "selection": type(config.selection)(),
            "store": config.store.model_copy(update={"min_crm_peaks": 20}),
        }
    )
    built = build_store(folder / "peaks.bed", folder / "crms.bed", tmp_path / "s.zarr", config)
    told = built.rows_of_peaks
    of_line = sum(count for name, count in written.by_source.items() if name.endswith(".K-562"))
    assert told.rows - told.other_cell_line == of_line
    assert told.used > 0.5 * of_line


def test_main__writes_what_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    peaks, crms = str(tmp_path / "p.bed.gz"), str(tmp_path / "c.bed")
    monkeypatch.setattr("sys.argv", ["catalogue_2022", peaks, crms, "--millions", "0.001", "--seed", "4"])
    catalogue_2022.main()
    assert capsys.readouterr().out.startswith("1,000 peaks, ")
    assert len(gzip.decompress(Path(peaks).read_bytes()).splitlines()) == 1000
