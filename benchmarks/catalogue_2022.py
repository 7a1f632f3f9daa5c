"""An artificial catalogue of the size and shape of ReMap 2022, streamed to a file, with CRMs.

`python -m benchmarks.catalogue_2022 PEAKS CRMS --millions 182`. By the ending of PEAKS it is gzip (.gz),
bgzip (.bgz) or plain. With fewer peaks there are fewer places, and each place has as many peaks.

8,103 sources (TR and dataset in a cell line) of 737 cell lines have numbers of peaks as skewed as those of
ReMap: the largest cell line has 14% of the sources. Nine of ten peaks lie around places, the others anywhere.
"""

import argparse
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip_threaded, isal_zlib
from scipy.special import ndtri

from atypeak_scale.catalogue.genomes import genome
from atypeak_scale.catalogue.merging import MERGED, merge
from atypeak_scale.catalogue.names import peak_name
from atypeak_scale.catalogue.streams import BGZF_EMPTY_BLOCK

FULL = 182_000_000  # peaks
PLACES = 1_500_000  # at full size
CELL_LINES, TRS, DATASETS, SOURCES = 737, 1_210, 5_000, 8_103
ANYWHERE = 0.1  # share of the peaks that lie around no place
LARGE_LINES = ("K-562", "HepG2", "MCF-7", "HEK293", "LNCaP", "HeLa", "GM12878", "A-549", "MCF-10A", "Jurkat")

PLACE_SIGMA = 1.5  # of the logarithm of the number of peaks at a place
SOURCE_SIGMA = 1.2  # of the logarithm of the number of peaks of a source
SPREAD = 120  # bp, standard deviation of the middle of a peak around its place
SHORTEST, MEDIAN, LONGEST = 100, 300, 1_000  # bp of a peak
HALF_CRM = 400  # bp on each side of a place

PEAKS_PER_TILE = 1 << 20
ROWS_AT_ONCE = 1 << 16  # of text, so that it stays in the cache
# One number a peak: its start, length and source, so that sorting it sorts the peak.
LENGTH_BITS, SOURCE_BITS = 10, 13
DRAW_BITS, SOURCE_DRAW_BITS = (
    12,
    20,
)  # of 64 random ones: of length, of the distance to the place, of the source
MARGIN = 2 * LONGEST  # bp by which a peak may start before its tile
BGZIP_BLOCK = 65_280
BGZIP_HEADER = bytes.fromhex("1f8b08040000000000ff060042430200")

IntArray = npt.NDArray[np.int64]
Write = Callable[[Any], object]


@dataclass(frozen=True)
class Sources:
    """names: dataset.TR.cell_line of each; weights: float64 (sources,), expected share of the peaks."""

    names: list[str]
    weights: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Written:
    """peaks, crms: their numbers; by_source: number of peaks of each name."""

    peaks: int
    crms: int
    by_source: dict[str, int]


@dataclass(frozen=True)
class Tile:
    """Part of a contig, [start, end) bp. centre: its places, bp; count: peaks of each; anywhere: others."""

    seed: np.random.SeedSequence
    start: int
    end: int
    centre: IntArray
    count: IntArray
    anywhere: int


@dataclass(frozen=True)
class Tables:
    """What random bits mean: lengths and distances (bp) and codes of sources, by their probability."""

    length: IntArray
    distance: IntArray
    source: IntArray


def write_catalogue(peaks: Path, crms: Path, count: int = FULL, seed: int = 1) -> Written:
    """Write `count` peaks, sorted by contig (C order) and start, and the CRMs around their places.

    Columns are those of ReMap: contig, start, end, name, score, strand, summit twice, colour. Column 5 of a
    CRM is the number of peaks drawn around its places. The same seed gives the same bytes.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    sources = draw_sources(rng)
    sizes = contig_sizes()
    places = _draw_places(rng, sizes, count)
    tables, suffixes = _tables(sources), _suffixes(sources)
    by_source = np.zeros(len(sources.names), np.int64)
    crm_count = 0
    with opened(peaks) as write, crms.open("w", encoding="utf-8", newline="\n") as crm_file:
        for number, (contig, size) in enumerate(sizes.items()):
            centre, counts, anywhere = places[contig]
            for keys in _sorted(_tiles(size, centre, counts, anywhere, (seed, number)), size, tables):
                by_source += np.bincount(keys & ((1 << SOURCE_BITS) - 1), minlength=len(by_source))
                for first in range(0, len(keys), ROWS_AT_ONCE):
                    write(_text(contig, keys[first : first + ROWS_AT_ONCE], *suffixes))
            merged = _crms(size, centre, counts)
            crm_count += len(merged)
            crm_file.writelines(
                f"{contig}\t{start}\t{end}\tcrm\t{number}\t.\n" for start, end, number in merged.tolist()
            )
    of_name = dict(zip(sources.names, by_source.tolist(), strict=True))
    return Written(int(by_source.sum()), crm_count, of_name)


def contig_sizes() -> dict[str, int]:
    """Return the sizes of the 24 chromosomes of hg38, in C order of their names."""
    sizes = genome("hg38").sizes
    return {name: sizes[name] for name in sorted(sizes) if name != "chrM"}


def draw_sources(rng: np.random.Generator) -> Sources:
    """Return sources: cell lines by Zipf's law, TRs nearly so; a dataset is of one cell line and some TRs."""
    zipf = 1 / np.arange(1, CELL_LINES + 1)
    of_line = _shares(zipf, SOURCES)
    popularity = 1 / (np.arange(TRS) + 5.0)
    tr = np.append(rng.permutation(TRS), rng.choice(TRS, SOURCES - TRS, p=popularity / popularity.sum()))
    rng.shuffle(tr)
    lines = np.repeat(np.arange(CELL_LINES), of_line)
    # A new dataset begins with each cell line, and now and then between.
    new = np.append(True, np.diff(lines) > 0)
    others = np.flatnonzero(~new)
    new[rng.choice(others, DATASETS - int(new.sum()), replace=False)] = True
    dataset = rng.choice(np.arange(10_000, 210_000), DATASETS, replace=False)[np.cumsum(new) - 1]
    while (repeated := _repeated(dataset, tr)).size:
        others = rng.integers(0, SOURCES, len(repeated))
        for one, other in zip(repeated.tolist(), others.tolist(), strict=True):
            tr[[one, other]] = tr[[other, one]]
    names = [
        peak_name((f"GSE{d}", f"TR{t:04d}"), _line_name(c))
        for d, t, c in zip(dataset.tolist(), tr.tolist(), lines.tolist(), strict=True)
    ]
    weights = rng.lognormal(0, SOURCE_SIGMA, SOURCES)
    return Sources(names, weights / weights.sum())


def _repeated(dataset: IntArray, tr: IntArray) -> IntArray:
    """Return the sources whose dataset and TR are those of another before them."""
    _, first = np.unique(dataset * TRS + tr, return_index=True)
    return np.setdiff1d(np.arange(len(tr)), first)


def _line_name(line: int) -> str:
    return LARGE_LINES[line] if line < len(LARGE_LINES) else f"line-{line:03d}"


def _draw_places(
    rng: np.random.Generator, sizes: dict[str, int], count: int
) -> dict[str, tuple[IntArray, IntArray, int]]:
    """Return, by contig, the places (bp, sorted), the number of peaks of each, and that of all others."""
    length = np.array(list(sizes.values()))
    number = max(1, round(PLACES * count / FULL))
    of_contig = rng.multinomial(number, length / length.sum())
    weight = rng.lognormal(0, PLACE_SIGMA, number)
    elsewhere = round(count * ANYWHERE)
    counts = _shares(weight, count - elsewhere)
    found, first = {}, 0
    for contig, size, here, others in zip(
        sizes, length.tolist(), of_contig.tolist(), _shares(length, elsewhere).tolist(), strict=True
    ):
        centre = np.sort(rng.integers(0, size, here))
        found[contig] = centre, counts[first : first + here], others
        first += here
    return found


def _shares(weight: npt.NDArray[Any], total: int) -> IntArray:
    """Return whole numbers whose sum is `total`, in proportion to the weights."""
    shares: IntArray = np.diff(np.rint(np.cumsum(weight) / weight.sum() * total), prepend=0).astype(np.int64)
    return shares


def _tables(sources: Sources) -> Tables:
    share = (np.arange(1 << DRAW_BITS) + 0.5) / (1 << DRAW_BITS)
    normal = ndtri(share)
    length = np.clip(np.rint(MEDIAN * np.exp(0.5 * normal)), SHORTEST, LONGEST).astype(np.int64)
    cells = _shares(sources.weights, (1 << SOURCE_DRAW_BITS) - len(sources.names)) + 1  # of every source some
    return Tables(
        length,
        np.rint(SPREAD * normal).astype(np.int64),
        np.repeat(np.arange(len(sources.names)), cells),
    )


def _tiles(
    size: int, centre: IntArray, count: IntArray, anywhere: int, seed: tuple[int, int]
) -> Iterator[Tile]:
    """Cut a contig into tiles of about PEAKS_PER_TILE peaks."""
    number = max(1, -(-int(count.sum() + anywhere) // PEAKS_PER_TILE))
    edges = np.linspace(0, size, number + 1).astype(np.int64)
    others = _shares(np.diff(edges), anywhere)
    inside = np.searchsorted(centre, edges)
    for tile in range(number):
        here = slice(inside[tile], inside[tile + 1])
        yield Tile(
            np.random.SeedSequence(seed[0], spawn_key=(seed[1], tile)),
            int(edges[tile]), int(edges[tile + 1]), centre[here], count[here], int(others[tile]),
        )  # fmt: skip


def _sorted(tiles: Iterator[Tile], size: int, tables: Tables) -> Iterator[IntArray]:
    """Yield the peaks of a contig in order, as one number each."""
    left = np.empty(0, np.int64)
    for tile in tiles:
        keys = np.sort(np.concatenate([left, _draw_peaks(tile, size, tables)]))
        # Later tiles may have peaks that start before them.
        until = tile.end - MARGIN if tile.end < size else size
        stop = int(np.searchsorted(keys, max(until, 0) << (LENGTH_BITS + SOURCE_BITS)))
        yield keys[:stop]
        left = keys[stop:]
    assert not len(left)


def _draw_peaks(tile: Tile, size: int, tables: Tables) -> IntArray:
    rng = np.random.default_rng(tile.seed)
    number = int(tile.count.sum()) + tile.anywhere
    raw = rng.bit_generator.random_raw(number).view(np.int64)
    middle = np.empty(number, np.int64)
    middle[tile.anywhere :] = np.repeat(tile.centre, tile.count)
    middle[: tile.anywhere] = rng.integers(tile.start, tile.end, tile.anywhere)
    draws = (1 << DRAW_BITS) - 1
    source = tables.source[raw & ((1 << SOURCE_DRAW_BITS) - 1)]
    length = tables.length[raw >> SOURCE_DRAW_BITS & draws]
    middle += tables.distance[raw >> (SOURCE_DRAW_BITS + DRAW_BITS) & draws]
    start: IntArray = np.clip(middle - length // 2, 0, size - length)
    keys: IntArray = (start << LENGTH_BITS | length) << SOURCE_BITS | source
    return keys


def _suffixes(sources: Sources) -> tuple[pa.Array, pa.Array]:
    """Return columns 4 to 6, and 9 with the line end, by source."""
    colours = [f"{tr * 37 % 256},{tr * 91 % 256},{tr * 53 % 256}" for tr in range(TRS)]
    trs = [int(name.split(".")[1].removeprefix("TR")) for name in sources.names]
    return pa.array([f"{name}\t0\t." for name in sources.names]), pa.array([f"{colours[tr]}\n" for tr in trs])


def _text(contig: str, keys: IntArray, names: pa.Array, colours: pa.Array) -> memoryview:
    """Return the lines of some peaks."""
    place = keys >> SOURCE_BITS
    source = pa.array(keys & ((1 << SOURCE_BITS) - 1))
    start, length = place >> LENGTH_BITS, place & ((1 << LENGTH_BITS) - 1)
    summit = start + length // 2
    begins, ends, tops, after = (
        pc.cast(pa.array(column.astype(np.uint32)), pa.string())
        for column in (start, start + length, summit, summit + 1)
    )
    lines = pc.binary_join_element_wise(
        contig, begins, ends, names.take(source), tops, after, colours.take(source), "\t"
    )
    return memoryview(lines.buffers()[2])


def _crms(size: int, centre: IntArray, count: IntArray) -> npt.NDArray[np.void]:
    around = np.empty(len(centre), MERGED)
    around["start"], around["end"] = np.maximum(centre - HALF_CRM, 0), np.minimum(centre + HALF_CRM, size)
    around["peaks"] = count
    return merge(around)


@contextmanager
def opened(file: Path) -> Iterator[Write]:
    """Yield a function that writes bytes to a file, compressed as its ending says."""
    if file.suffix == ".bgz":
        with file.open("wb") as out:
            blocks = _Bgzip(out.write)
            yield blocks.write
            blocks.close()
    elif file.suffix == ".gz":
        with igzip_threaded.open(file, "wb", compresslevel=1, threads=1) as out:  # type: ignore[no-untyped-call]
            yield out.write
    else:
        with file.open("wb") as out:
            yield out.write


class _Bgzip:
    """Cuts what is written into blocks of bgzip; isal compresses them several times as fast as htslib."""

    def __init__(self, write: Write) -> None:
        self._write, self._left = write, b""

    def write(self, data: memoryview) -> None:
        whole = self._left + bytes(data)
        stop = len(whole) - len(whole) % BGZIP_BLOCK
        for first in range(0, stop, BGZIP_BLOCK):
            self._write(_bgzip_block(whole[first : first + BGZIP_BLOCK]))
        self._left = whole[stop:]

    def close(self) -> None:
        self._write(_bgzip_block(self._left) + BGZF_EMPTY_BLOCK)


def _bgzip_block(data: bytes) -> bytes:
    packed = isal_zlib.compress(data, 1, -15)
    length = len(BGZIP_HEADER) + 2 + len(packed) + 8
    return b"".join(
        [
            BGZIP_HEADER,
            struct.pack("<H", length - 1),
            packed,
            struct.pack("<II", isal_zlib.crc32(data), len(data)),
        ]
    )


def main() -> None:
    """Write a catalogue."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.catalogue_2022", description=__doc__)
    parser.add_argument("peaks", type=Path)
    parser.add_argument("crms", type=Path)
    parser.add_argument("--millions", type=float, default=FULL / 1e6, help="of peaks")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    found = write_catalogue(arguments.peaks, arguments.crms, round(arguments.millions * 1e6), arguments.seed)
    print(f"{found.peaks:,} peaks, {found.crms:,} CRMs")


if __name__ == "__main__":
    main()
