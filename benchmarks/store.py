"""Codec chains for the occupancy, on HeLa and on an artificial catalogue of 71 sources."""

import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.codecs.numcodecs import PackBits

from atypeak_scale import build_store, load_config, open_store, simulate
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, parse_config
from atypeak_scale.store.arrays import compressors
from benchmarks.harness import SHARED, Row, interleaved

WINDOWS = 8192
REPEATS = 5


def chains() -> dict[str, dict[str, Any]]:
    """Return the chains that were compared; the first is the one that stores use."""
    blosc = partial(BloscCodec, clevel=5)
    return {
        "zstd (used)": {"compressors": compressors(bool)},
        "Blosc zstd bitshuffle": {"compressors": [blosc(cname="zstd", shuffle="bitshuffle"), Crc32cCodec()]},
        "Blosc lz4 bitshuffle": {"compressors": [blosc(cname="lz4", shuffle="bitshuffle"), Crc32cCodec()]},
        "Blosc zstd no shuffle": {"compressors": [blosc(cname="zstd", shuffle="noshuffle"), Crc32cCodec()]},
        "PackBits, Blosc zstd": {
            "filters": [PackBits()],
            "compressors": [blosc(cname="zstd", shuffle="noshuffle"), Crc32cCodec()],
        },
        "PackBits, Blosc zstd bitshuffle": {
            "filters": [PackBits()],
            "compressors": [blosc(cname="zstd", shuffle="bitshuffle"), Crc32cCodec()],
        },
        "PackBits, zstd": {"filters": [PackBits()], "compressors": [ZstdCodec(level=5), Crc32cCodec()]},
    }


def artificial_71_sources(folder: Path) -> tuple[Path, Path, Config]:
    """Write an artificial catalogue of 9 x 8 sources, all but one of which are selected."""
    simulate(ArtificialSettings(crms=WINDOWS, datasets=9, trs=8), folder / "catalogue")
    sources = [f"dataset{d:02d}.tr{t:02d}" for d in range(9) for t in range(8)][:-1]
    values = {"cell_line": "artificial", "store": {"min_crm_peaks": 0}, "selection": {"sources": sources}}
    return folder / "catalogue/peaks.bed", folder / "catalogue/crms.bed", parse_config(values, "benchmark")


def occupancies(folder: Path) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the first windows of each catalogue: bool (windows, bins, sources)."""
    catalogues = {"artificial, 71 sources": artificial_71_sources(folder)}
    if SHARED.is_dir():
        data = SHARED / "data"
        catalogues["HeLa, 15 sources"] = (
            data / "hela.published-raw.bed.xz", data / "crm.bed.xz", load_config("hela"),
        )  # fmt: skip
    found = {}
    for name, (peaks, crms, config) in catalogues.items():
        store = folder / f"{config.cell_line}.zarr"
        build_store(peaks, crms, store, config)
        cell_line = open_store(store, config.cell_line)
        found[name] = cell_line.occupancy(0, min(WINDOWS, cell_line.shape.windows))
    return found


def rows() -> list[Row]:
    """Compare size, write and read time of each chain with those of the one that stores use."""
    result = []
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        # Codecs of numcodecs warn that they are outside the Zarr v3 specification.
        warnings.simplefilter("ignore")
        folder = Path(name)
        for catalogue, occupancy in occupancies(folder).items():
            arrays = {}
            for number, (chain, codecs) in enumerate(chains().items()):
                arrays[chain] = zarr.create_array(
                    folder / f"{catalogue[:4]}-{number}", shape=occupancy.shape, dtype=bool,
                    chunks=(512, *occupancy.shape[1:]), **codecs,
                )  # fmt: skip
            write = interleaved({c: partial(_write, a, occupancy) for c, a in arrays.items()}, REPEATS)
            read = interleaved({c: partial(_read, a) for c, a in arrays.items()}, REPEATS)
            used = next(iter(arrays))
            for chain, array in arrays.items():
                assert np.array_equal(np.asarray(array[:512]), occupancy[:512])
                label = f"{catalogue}: {chain}"
                for what, unit, per_window in (
                    (
                        "size",
                        "bytes a window",
                        [a.nbytes_stored() / len(occupancy) for a in (array, arrays[used])],
                    ),
                    ("write", "us a window", [write[c] / len(occupancy) * 1e6 for c in (chain, used)]),
                    ("read", "us a window", [read[c] / len(occupancy) * 1e6 for c in (chain, used)]),
                ):
                    result.append(Row(f"{label}, {what}", per_window[0], per_window[1], unit))
    return result


def _write(array: Any, occupancy: npt.NDArray[np.bool_]) -> None:
    array[:] = occupancy


def _read(array: Any) -> npt.NDArray[np.bool_]:
    return np.asarray(array[:])
