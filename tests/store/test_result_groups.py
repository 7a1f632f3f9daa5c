"""Scores are in their store, or at another place that belongs to it and to no other."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from conftest import random_catalogue
from store.by_hand import tree

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import ENSEMBLE_VARIABLES, SCORE_VARIABLES, with_views
from atypeak_scale.storage.locations import Location
from atypeak_scale.store.arrays import array_of, read_array
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.groups import create_root
from atypeak_scale.store.result_groups import (
    NORMALIZATION,
    all_results,
    create_results,
    find_results,
    is_complete,
)


@pytest.fixture
def scored(store: Path) -> CellLine:
    """Return the handle of a store that may be written."""
    return CellLine(store, "cell")


def test_find__nothing_is_made_by_looking(scored: CellLine, tmp_path: Path) -> None:
    before = tree(tmp_path)
    for location in (scored.store, tmp_path / "results"):
        assert find_results(scored, location, "one") is None
        assert all_results(scored, location) == {}
    assert all_results(scored) == {}
    assert tree(tmp_path) == before


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("variables", [SCORE_VARIABLES, ENSEMBLE_VARIABLES])
def test_create__empty_arrays_that_are_found(
    scored: CellLine, tmp_path: Path, elsewhere: bool, variables: tuple[()]
) -> None:
    location: Location = tmp_path / "results" if elsewhere else scored.store
    create_results(scored, location, "one", {"model_fingerprint": "x"}, variables)
    found = find_results(scored, location, "one")
    assert found is not None
    assert dict(found.attrs)["model_fingerprint"] == "x"
    assert not is_complete(found)
    for variable in variables:
        array = array_of(found, with_views(variable.name, scored.views))
        sizes = {"peak": scored.row_count, "catalogue_peak": scored.peak_count, "source": 5, "view1": 3}
        assert array.shape == (sizes[variable.dims[0]],)
        if array.dtype.kind == "f":
            assert np.isnan(read_array(array)).all()
    assert list(all_results(scored, location)) == ["one"]
    assert list(all_results(scored)) == ([] if elsewhere else ["one"])
    create_results(scored, location, "another", {NORMALIZATION: {}}, variables)
    assert list(all_results(scored, location)) == ["another", "one"]
    assert is_complete(all_results(scored, location)["another"])


def test_create__elsewhere_the_store_is_only_read(scored: CellLine, tmp_path: Path) -> None:
    before = tree(Path(scored.store))
    create_results(scored, tmp_path / "results", "one", {}, SCORE_VARIABLES)
    assert tree(Path(scored.store)) == before
    told = json.loads((tmp_path / "results/cell/zarr.json").read_text())["attributes"]
    assert told == {"cell_line": "cell", "made_from": scored.made_from}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_create__interrupted_leaves_no_results(scored: CellLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("atypeak_scale.store.result_groups.create_arrays", stop)
    with pytest.raises(KeyboardInterrupt):
        create_results(scored, scored.store, "one", {}, SCORE_VARIABLES)
    assert find_results(scored, scored.store, "one") is None
    assert all_results(scored) == {}
    assert sorted(path.name for path in Path(scored.store).parent.iterdir()) == ["s.zarr"]


def refused(cell_line: CellLine, location: Location) -> str:
    with pytest.raises(InputError) as failure:
        all_results(cell_line, location)
    assert failure.value.argument == "results"
    return str(failure.value)


def test_place__of_something_else_is_refused(scored: CellLine, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("x")
    assert "notes: holds something other than scores; name a new folder" in refused(
        scored, tmp_path / "notes"
    )
    create_root(tmp_path / "other.zarr")
    assert "is itself a store, or has another version; name" in refused(scored, tmp_path / "other.zarr")


def test_place__of_another_version_is_refused(scored: CellLine, tmp_path: Path) -> None:
    create_results(scored, tmp_path / "results", "one", {}, SCORE_VARIABLES)
    zarr.open_group(tmp_path / "results").attrs["results_version"] = 99
    assert "has another version; name a new folder" in refused(scored, tmp_path / "results")


def test_place__of_another_store_is_refused(scored: CellLine, config: Config, tmp_path: Path) -> None:
    create_results(scored, tmp_path / "results", "one", {}, SCORE_VARIABLES)
    build_store(*random_catalogue(tmp_path / "two", seed=2), tmp_path / "two.zarr", config)
    assert refused(CellLine(tmp_path / "two.zarr", "cell"), tmp_path / "results") == (
        f"{tmp_path}/results: holds scores of another store, with other inputs or settings of cell line "
        f"'cell' than {tmp_path}/two.zarr; name a new folder"
    )
