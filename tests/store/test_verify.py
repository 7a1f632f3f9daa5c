"""Damage of every kind is found and named by verify."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from conftest import WINDOWS_PER_CHUNK
from store.by_hand import flip

from atypeak_scale.errors import DamagedError, InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.registry.variables import SCORE_VARIABLES, STORE_VARIABLES, with_views
from atypeak_scale.store.arrays import EVERY_CHUNK, array_of, read_array, write_chunks
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.groups import consolidate, create_root, open_group
from atypeak_scale.store.result_groups import NORMALIZATION, create_results
from atypeak_scale.store.verify import verify


def test_verify__a_sound_store_has_no_damage(built: Path) -> None:
    found = verify(built)
    files = [file for file in built.rglob("c/*") if file.is_file()] + [
        file for file in built.rglob("c/*/*") if file.is_file() and file.parent.parent.name != "c"
    ]
    assert found.damages == []
    assert found.arrays == len(STORE_VARIABLES)
    assert found.chunks >= len(set(files)) > found.arrays


def test_verify__the_same_on_a_cluster(store: Path, two_workers: DaskExecutor) -> None:
    flip(store / "cell/occupancy/c/2/0/0", 5)
    flip(store / "cell/peak_source/c/0")
    alone = verify(store)
    assert len(alone.damages) == 2
    assert verify(store, executor=two_workers) == alone


@pytest.mark.parametrize(
    "lost", ["occupancy/c/1/0/0", "peak_last_bin/c/1", "peak_window/c/1", "peak_source/c/0"]
)
def test_verify__a_lost_chunk_is_found(store: Path, lost: str) -> None:
    (store / "cell" / lost).unlink()
    damages = verify(store).damages
    assert damages
    assert all("build it again" in damage for damage in damages)


def test_verify__wrong_values_with_right_checksums_are_found(store: Path) -> None:
    occupancy = array_of(open_group(store, "cell", "r+"), "occupancy")
    block = np.asarray(occupancy[WINDOWS_PER_CHUNK : 2 * WINDOWS_PER_CHUNK])
    block[0, 5, 0] ^= True
    occupancy[WINDOWS_PER_CHUNK : 2 * WINDOWS_PER_CHUNK] = block
    (damage,) = verify(store).damages
    assert "s.zarr/cell/occupancy, chunk 1: does not match the rows of its windows" in damage


def test_verify__several_cell_lines(store: Path) -> None:
    shutil.copytree(store / "cell", store / "other")
    zarr.open_group(store, path="other", mode="r+").attrs["cell_line"] = "other"
    flip(store / "other/crm/c/0")
    (damage,) = verify(store).damages
    assert "/other/crm, chunk 0" in damage


def results(store: Path, location: Path) -> zarr.Group:
    """Make complete results whose numbers are all 1."""
    cell_line = CellLine(store, "cell")
    create_results(cell_line, location, "one", {NORMALIZATION: {}}, SCORE_VARIABLES)
    found = open_group(location, "cell/scores/one", "r+")
    for _, array in found.arrays():
        values = np.ones(array.shape) if array.dtype.kind in "fi" else np.full(array.shape, "x", object)
        write_chunks(array, 0, values.astype(array.dtype) if array.dtype.kind in "fi" else values)
    return found


@pytest.mark.parametrize("elsewhere", [False, True])
def test_verify__results_are_read_and_have_no_gap(store: Path, tmp_path: Path, elsewhere: bool) -> None:
    location = tmp_path / "results" if elsewhere else store
    results(store, location)
    events: list[Event] = []
    found = verify(store, location, InProcess(events.append))
    assert found.damages == []
    assert found.arrays == len(STORE_VARIABLES) + len(SCORE_VARIABLES)
    assert {event.stage for event in events} == {"read", "compare", "results"}
    (location / "cell/scores/one/rebuilt_score/c/1").unlink()
    (damage,) = verify(store, location).damages
    assert "chunk 1: lost; run 'atypeak-scale score' again, and 'atypeak-scale normalize' if" in damage
    assert f"{location.name}/cell/scores/one/rebuilt_score, " in damage
    flip(location / "cell/scores/one/raw/c/0")
    (damage,) = verify(store, location).damages
    assert "/cell/scores/one/raw, chunk 0: damaged" in damage
    assert verify(store).damages == ([] if elsewhere else [damage])


def test_verify__unfinished_results_may_have_gaps(store: Path) -> None:
    create_results(CellLine(store, "cell"), store, "one", {}, SCORE_VARIABLES)
    assert verify(store).damages == []


def test_verify__an_empty_store_and_none(tmp_path: Path) -> None:
    create_root(tmp_path / "s.zarr")
    found = verify(tmp_path / "s.zarr")
    assert (found.arrays, found.chunks, found.damages) == (0, 0, [])
    with pytest.raises(InputError, match="none: not a store"):
        verify(tmp_path / "none")


@pytest.mark.parametrize("name", [variable.name for variable in STORE_VARIABLES])
def test_verify__a_lost_chunk_of_any_array_is_named(store: Path, name: str) -> None:
    """Also of arrays that hold nothing but the fill value, and by those that read them."""
    array = array_of(open_group(store), f"cell/{with_views(name, ('dataset', 'tr'))}")
    if not array.size:
        pytest.skip("this catalogue has none")
    chunk = "/".join("0" * array.ndim)
    (store / array.path / "c" / chunk).unlink()
    (damage,) = verify(store).damages
    assert f"/{array.path}, chunk {chunk}: lost; remove the cell line and build" in damage
    with pytest.raises(DamagedError, match=f"/{array.path}, chunk .*: lost"):
        read_array(array)


def test_verify__stores_that_lack_empty_chunks_are_read(store: Path) -> None:
    """Earlier versions did not write chunks of the fill value alone, and did not note that they did."""
    for _, array in open_group(store, "cell", "r+").arrays():
        del array.attrs[EVERY_CHUNK]
    consolidate(store)
    crm = array_of(open_group(store), "cell/crm")
    (store / "cell/crm/c/0").unlink()
    assert verify(store).damages == []
    assert not read_array(crm)[: crm.chunks[0]].any()


@pytest.mark.parametrize("name", ["crm", "catalogue_start", "occupancy"])
def test_verify__a_lost_array_is_named(store: Path, name: str) -> None:
    shutil.rmtree(store / "cell" / name)
    (damage,) = verify(store).damages
    assert f"s.zarr/cell/{name}: lost, or its metadata is damaged; remove the cell line and" in damage
