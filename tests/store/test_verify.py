"""Damage of every kind is found and named, by the reader and by verify."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from atypeak_scale.config import Config
from atypeak_scale.errors import DamagedError
from atypeak_scale.execution.cluster import Cluster
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from atypeak_scale.store.verify import verify_store


@pytest.fixture
def store(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Path:
    build_store(*catalogue, tmp_path / "s.zarr", config)
    return tmp_path / "s.zarr"


def flip(file: Path, at: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 0xFF
    file.write_bytes(bytes(data))


def test_verify__a_sound_store_has_no_damage(store: Path) -> None:
    found = verify_store(store)
    files = [file for file in store.rglob("c/*") if file.is_file()] + [
        file for file in store.rglob("c/*/*") if file.is_file() and file.parent.parent.name != "c"
    ]
    assert found.damages == []
    assert found.arrays == len(schema.STORE_VARIABLES)
    assert found.chunks >= len(set(files)) > found.arrays


@pytest.mark.parametrize("name", ["occupancy", "peak_window", "catalogue_start", "dataset"])
@pytest.mark.parametrize("at", [0, -1, "half"])
def test_read__a_flipped_byte_or_cut_chunk_is_named(store: Path, name: str, at: int | str) -> None:
    group = schema.open_cell_line(store, None)
    array = schema.array(group, name)
    chunk = min(1, array.cdata_shape[0] - 1)
    file = store / "cell" / name / "c" / "/".join(map(str, (chunk, *[0] * (array.ndim - 1))))
    if isinstance(at, int):
        flip(file, at)
    else:
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(DamagedError) as failure:
        schema.read_array(group, name)
    message = str(failure.value)
    assert f"s.zarr/cell/{name}, chunk {chunk}" in message
    assert "build it again with 'atypeak-scale build-store'" in message
    assert len(message.splitlines()) == 1
    assert [damage for damage in verify_store(store).damages if f"/{name}, chunk {chunk}" in damage]
    # Other chunks are read as before.
    if chunk:
        schema.read_array(group, name, 0, array.chunks[0])


def test_verify__the_same_on_a_cluster(store: Path) -> None:
    flip(store / "cell/occupancy/c/2/0/0", 5)
    flip(store / "cell/peak_source/c/0")
    alone = verify_store(store)
    assert len(alone.damages) == 2
    assert verify_store(store, Cluster(workers=2)) == alone


@pytest.mark.parametrize(
    "lost", ["occupancy/c/1/0/0", "peak_last_bin/c/1", "peak_window/c/1", "peak_source/c/0"]
)
def test_verify__a_lost_chunk_is_found(store: Path, lost: str) -> None:
    (store / "cell" / lost).unlink()
    damages = verify_store(store).damages
    assert damages
    assert all("build it again" in damage for damage in damages)


def test_verify__wrong_values_with_right_checksums_are_found(store: Path) -> None:
    occupancy = schema.array(schema.open_cell_line(store, None, "r+"), "occupancy")
    block = np.asarray(occupancy[7:14])
    block[0, 5, 0] ^= True
    occupancy[7:14] = block
    (damage,) = verify_store(store).damages
    assert "s.zarr/cell/occupancy, chunk 1: is not what the rows of its windows say" in damage


def test_verify__several_cell_lines(store: Path, tmp_path: Path) -> None:
    shutil.copytree(store / "cell", store / "other")
    zarr.open_group(store, path="other", mode="r+").attrs["cell_line"] = "other"
    flip(store / "other/crm/c/0")
    (damage,) = verify_store(store).damages
    assert "/other/crm, chunk 0" in damage
