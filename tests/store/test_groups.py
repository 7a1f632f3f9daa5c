"""Names of groups, versions of the format, and how another version is refused."""

from pathlib import Path

import pytest
import zarr

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.groups import (
    LONGEST_NAME,
    RESULTS_VERSION,
    create_root,
    group_name,
    groups_of_cell_lines,
    open_group,
    open_root,
    the_cell_line,
)
from atypeak_scale.store.info import info
from atypeak_scale.store.verify import verify


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "__x", "x y+z", "ünï", "c", "%2e", "zarr.json"])
def test_group_name__is_one_harmless_path_component(name: str) -> None:
    quoted = group_name(name)
    assert "/" not in quoted
    assert not quoted.startswith((".", "__"))
    assert quoted != "zarr.json"


def test_group_name__differs_for_different_names() -> None:
    names = ["a/b", "a%2Fb", "..", "%2E.", "__x", "%5F_x", "a b", "a+b", "a" * 400, "a" * 401]
    assert len({group_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("name", ["c" * 400, "é" * 200])
def test_group_name__fits_a_file_system(name: str) -> None:
    assert len(group_name(name).encode()) <= LONGEST_NAME + 13


def test_open__refuses_another_schema_version(store: Path, config: Config) -> None:
    zarr.open_group(store, use_consolidated=False).attrs["schema_version"] = 99
    for use in (open_store, info, verify, groups_of_cell_lines):
        with pytest.raises(
            InputError, match="schema version 99, but this program reads version 1; build the store again"
        ):
            use(store)
    with pytest.raises(InputError, match="schema version 99"):
        build_store("none.bed", "none.bed", store, config)


def test_open__refuses_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none: not a store; make one with 'atypeak-scale build-store'$"):
        open_store(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file: not a store"):
        open_store(tmp_path / "file")


def test_open__refuses_a_place_of_results(tmp_path: Path) -> None:
    create_root(tmp_path / "r", RESULTS_VERSION)
    with pytest.raises(InputError, match=r"holds only scores; name their store, and give this as") as failure:
        open_store(tmp_path / "r")
    assert failure.value.argument == "results"


def test_create_root__keeps_what_is_there(store: Path) -> None:
    create_root(store)
    assert groups_of_cell_lines(store) == {"cell": "cell"}


def test_open_root__is_none_if_there_is_no_group(tmp_path: Path, built: Path) -> None:
    assert open_root(tmp_path / "none") is None
    found = open_root(built)
    assert found is not None
    assert open_group(built, "cell").attrs["cell_line"] == "cell"


def test_the_cell_line__is_the_only_one_or_the_one_that_is_named(store: Path) -> None:
    assert the_cell_line(store, None) == the_cell_line(store, "cell") == "cell"
    zarr.create_group(store / "other", attributes={"cell_line": "other"})
    assert the_cell_line(store, "other") == "other"
    with pytest.raises(InputError, match=r"holds 2 cell lines \(cell, other\); name one$") as failure:
        the_cell_line(store, None)
    assert failure.value.argument == "cell_line"


def test_the_cell_line__of_an_empty_store(tmp_path: Path) -> None:
    create_root(tmp_path / "s.zarr")
    with pytest.raises(InputError, match=r"holds no cell line; build one with 'atypeak-scale build-store'"):
        the_cell_line(tmp_path / "s.zarr", None)
