"""New sources in a cell line that a store has: the arrays of a store built from all peaks at once."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from conftest import random_catalogue
from hypothesis import given, settings
from hypothesis import strategies as st
from store.by_hand import tree

from atypeak_scale.catalogue.names import source_name, split_name
from atypeak_scale.catalogue.split import split_catalogue
from atypeak_scale.config import Config, Selection, StoreSettings
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import SCORE_VARIABLES
from atypeak_scale.store.build import build_store, plan_build
from atypeak_scale.store.build_all import build_all
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.store.result_groups import create_results
from atypeak_scale.store.verify import verify

Catalogue = tuple[Path, Path]


def parts_of(peaks: Path, folder: Path, is_first: Callable[[str], bool]) -> tuple[Path, Path]:
    """Write the peaks of some sources to one file and the others to another."""
    lines = [line for line in peaks.read_text().splitlines() if not line.startswith("track")]
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "first.bed", folder / "second.bed"
    for file, wanted in zip(files, (True, False), strict=True):
        kept = [line for line in lines if is_first(line.split("\t")[3].rsplit(".", 1)[0]) == wanted]
        file.write_text("".join(f"{line}\n" for line in kept))
    return files


def same_arrays(found: CellLine, expected: CellLine) -> None:
    """Assert that two cell lines hold the same files, except what says where they came from."""
    of_found, of_expected = (
        {name: content for name, content in tree(Path(str(line.store))).items() if "zarr.json" not in name}
        for line in (found, expected)
    )
    assert of_found == of_expected
    assert found.data.load().equals(expected.data.load())
    accounts = [line.attributes["accounts"]["peaks"] for line in (found, expected)]
    assert accounts[0] == accounts[1]


@settings(max_examples=6)  # each builds two stores
@given(first=st.sets(st.sampled_from(["d1.x", "d1.y", "d2.y", "d3.x", "d3.z"]), min_size=1, max_size=4))
def test_append__arrays_are_those_of_all_peaks_at_once(
    tmp_path_factory: pytest.TempPathFactory,
    inputs: Catalogue,
    built: Path,
    config: Config,
    first: set[str],
) -> None:
    folder = tmp_path_factory.mktemp("appended")
    before, after = parts_of(inputs[0], folder, first.__contains__)
    build_store(before, inputs[1], folder / "s.zarr", config)
    made = build_store(after, inputs[1], folder / "s.zarr", config, append=True)
    found = open_store(folder / "s.zarr")
    same_arrays(found, open_store(built))
    assert asdict(made.rows_of_peaks) == found.attributes["accounts"]["peaks"]
    assert len(found.made_from["appended"]) == 1
    assert not verify(folder / "s.zarr").damages


def test_append__a_cell_line_that_is_not_there_is_built(
    inputs: Catalogue, cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    build_store(*inputs, tmp_path / "s.zarr", config, append=True)
    same_arrays(open_store(tmp_path / "s.zarr"), cell_line)
    assert "appended" not in open_store(tmp_path / "s.zarr").made_from


def test_append__one_after_the_other_and_from_a_catalogue(
    inputs: Catalogue, cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    """The catalogue has every source, old ones too, and each is added only once."""
    split_catalogue([inputs[0]], tmp_path / "split")
    for sources in (("d3.x",), ("d1.y", "d2.y"), None):
        selection = Selection(sources=sources)
        chosen = config.model_copy(update={"selection": selection})
        build_store(tmp_path / "split", inputs[1], tmp_path / "s.zarr", chosen, append=True)
    found = open_store(tmp_path / "s.zarr")
    assert found.data.load().equals(cell_line.data.load())
    assert [one["selection"]["sources"] for one in found.made_from["appended"]] == [["d1.y", "d2.y"], None]


def test_append__plan_is_of_all_sources(inputs: Catalogue, config: Config, tmp_path: Path) -> None:
    before, after = parts_of(inputs[0], tmp_path, lambda name: name.startswith("d1"))
    build_store(before, inputs[1], tmp_path / "s.zarr", config)
    assert plan_build(after, inputs[1], config, append_to=tmp_path / "s.zarr").sources == 5
    assert plan_build(after, inputs[1], config).sources == 3


def test_append__refuses_and_leaves_the_store_as_it_was(
    inputs: Catalogue, config: Config, tmp_path: Path, store: Path
) -> None:
    peaks, crms = inputs
    before = tree(store)
    line = (tmp_path / "new.bed", crms)
    line[0].write_text("chr1\t1100\t1300\td9.q.cell\n")
    with pytest.raises(InputError, match="the store has all 5 sources of cell line 'cell'"):
        build_store(peaks, crms, store, config, append=True)
    other = config.model_copy(update={"store": StoreSettings(min_crm_peaks=90)})
    with pytest.raises(InputError, match=r"was built with store\.min_crm_peaks \d+, not 90"):
        build_store(*line, store, other, append=True)
    (tmp_path / "crms.bed").write_text(crms.read_text() + "chr1\t9000000\t9001000\tcrm\t200\n")
    with pytest.raises(InputError, match="another CRM file"):
        build_store(line[0], tmp_path / "crms.bed", store, config, append=True)
    with pytest.raises(InputError, match="already holds cell line"):
        build_store(*line, store, config)
    assert tree(store) == before


def test_append__refuses_to_lose_results(inputs: Catalogue, config: Config, store: Path) -> None:
    create_results(open_store(store), store, "model-12345678", {}, SCORE_VARIABLES)
    new = store.parent / "new.bed"
    new.write_text("chr1\t1100\t1300\td9.q.cell\n")
    with pytest.raises(InputError, match=r"has results \(model-12345678\), which would be lost"):
        build_store(new, inputs[1], store, config, append=True)


def test_append__every_line_of_a_catalogue(inputs: Catalogue, config: Config, tmp_path: Path) -> None:
    """One line gets new sources, one is new, and one has nothing new."""
    peaks, crms = inputs
    lines = [line for line in peaks.read_text().splitlines() if not line.startswith("track")]
    (tmp_path / "same.bed").write_text("".join(f"{line.replace('.cell', '.same')}\n" for line in lines))
    before, _ = parts_of(peaks, tmp_path, lambda name: name.startswith("d1"))
    split_catalogue([before, tmp_path / "same.bed"], tmp_path / "old")
    build_all(tmp_path / "old", crms, tmp_path / "s.zarr", config)
    same = tree(tmp_path / "s.zarr" / "same")
    (tmp_path / "more.bed").write_text("".join(f"{line.replace('.cell', '.more')}\n" for line in lines))
    split_catalogue([peaks, tmp_path / "same.bed", tmp_path / "more.bed"], tmp_path / "new")
    outcomes = build_all(tmp_path / "new", crms, tmp_path / "s.zarr", config, append=True)
    found = {one.cell_line: (one.built is not None, one.problem) for one in outcomes}
    assert found == {"cell": (True, None), "more": (True, None), "same": (False, None)}
    assert tree(tmp_path / "s.zarr" / "same") == same
    names = [source_name(source) for source in open_store(tmp_path / "s.zarr", "cell").sources]
    assert names == ["d1.x", "d1.y", "d2.y", "d3.x", "d3.z"]


def test_append__catalogues_of_other_seeds_that_share_no_source(config: Config, tmp_path: Path) -> None:
    """Windows that had no peak get some, and places in windows change: as if built at once."""
    first = random_catalogue(tmp_path / "first", 1)
    more = random_catalogue(tmp_path / "more", 2)[0]
    renamed = more.read_text().replace("\td", "\te")
    more.write_text(renamed)
    both = tmp_path / "both.bed"
    both.write_text(first[0].read_text() + "".join(renamed.splitlines(keepends=True)[1:]))
    build_store(*first, tmp_path / "s.zarr", config)
    build_store(more, first[1], tmp_path / "s.zarr", config, append=True)
    build_store(both, first[1], tmp_path / "at-once.zarr", config)
    found, expected = open_store(tmp_path / "s.zarr"), open_store(tmp_path / "at-once.zarr")
    assert {split_name(f"{source_name(one)}.cell")[0] for one in found.sources} == set(found.sources)
    assert found.data.load().equals(expected.data.load())
    assert np.unique(found.data["source_dataset"]).size == 6
