"""HeLa and Jurkat through a catalogue folder, from a file or a sample sheet: the arrays are the same."""

import gzip
import lzma
import random
from collections import defaultdict
from pathlib import Path

import pytest

from atypeak_scale import build_store, load_config, make_catalogue, split_catalogue
from atypeak_scale.catalogue.names import split_name

pytestmark = pytest.mark.slow

CELL_LINES = ("hela", "jurkat")


@pytest.fixture(scope="module")
def lines(shared: Path) -> list[str]:
    """Return the peaks of both cell lines, shuffled."""
    found = []
    for name in CELL_LINES:
        with lzma.open(shared / f"data/{name}.published-raw.bed.xz", "rt") as text:
            found += [line for line in text if not line.startswith("track")]
    random.Random(1).shuffle(found)
    return found


def arrays(store: Path) -> dict[str, bytes]:
    """Return every chunk of a store."""
    files = (file for file in store.rglob("*") if file.is_file() and file.name != "zarr.json")
    return {str(file.relative_to(store)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def directly(shared: Path, lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Build both cell lines from the files as they are."""
    folder = tmp_path_factory.mktemp("direct")
    for name in CELL_LINES:
        peaks, crms = shared / f"data/{name}.published-raw.bed.xz", shared / "data/crm.bed.xz"
        build_store(peaks, crms, folder / "s.zarr", load_config(name))
    return arrays(folder / "s.zarr")


def built(catalogue: Path, shared: Path) -> dict[str, bytes]:
    """Build both cell lines from a catalogue folder."""
    store = catalogue.with_suffix(".zarr")
    for name in CELL_LINES:
        build_store(catalogue, shared / "data/crm.bed.xz", store, load_config(name))
    return arrays(store)


def test_split__gives_the_arrays_of_the_file(
    shared: Path, lines: list[str], directly: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "all.bed.gz").write_bytes(gzip.compress("".join(lines).encode()))
    found = split_catalogue([tmp_path / "all.bed.gz"], tmp_path / "split")
    assert found.rows == len(lines)
    assert built(found.path, shared) == directly


def test_sample_sheet__gives_the_arrays_of_the_file(
    shared: Path, lines: list[str], directly: dict[str, bytes], tmp_path: Path
) -> None:
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        contig, start, end, name = line.split("\t")[:4]
        by_name[name].append(f"{contig}\t{start}\t{end}\n")
    sheet = ["file,dataset,tr,cell_line\n"]
    for number, (name, rows) in enumerate(by_name.items()):
        (tmp_path / f"{number}.bed").write_text("".join(rows))
        (dataset, tr), cell_line = split_name(name)
        sheet.append(f"{number}.bed,{dataset},{tr},{cell_line}\n")
    (tmp_path / "samples.csv").write_text("".join(sheet))
    found = make_catalogue(tmp_path / "samples.csv", tmp_path / "sheet", "hg38")
    assert built(found.path, shared) == directly
