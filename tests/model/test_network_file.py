"""A network file from a stranger: what is foreign is refused in one line, and none of it runs."""

import base64
import json
import marshal
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError
from atypeak_scale.model.description import NETWORK
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.model.network_file import ARCHITECTURE, CLASSES, load_network

Change = Callable[[list[dict[str, Any]]], None]


@pytest.fixture
def file(config: Config, tmp_path: Path) -> Path:
    build_autoencoder(320, 2, 3, config.model, seed=1).save(tmp_path / NETWORK)
    return tmp_path / NETWORK


def changed(file: Path, change: Change) -> Path:
    """Return a copy whose layers were changed."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    architecture = json.loads(parts[ARCHITECTURE])
    change(architecture["config"]["layers"])
    parts[ARCHITECTURE] = json.dumps(architecture).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file


def lambda_layer(ran: Path) -> dict[str, Any]:
    code = compile(f"open({str(ran)!r}, 'w')", "evil", "eval")
    return {
        "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
        "config": {"name": "first_view", "function": {
            "class_name": "__lambda__",
            "config": {
                "code": base64.b64encode(marshal.dumps(code)).decode(), "defaults": None, "closure": None,
            },
        }},
    }  # fmt: skip


def layer(name: str) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": name, "registered_name": None, "config": {"name": "x"}}


def test_load__whole(file: Path) -> None:
    assert load_network(file, "m").name == "atypeak"


@pytest.mark.parametrize(
    "name", ["StringLookup", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "../../evil", "x" * 9999]
)
def test_load__foreign_layers_are_refused(file: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"^m: holds .*, which no network of this program has") as told:
        load_network(changed(file, lambda layers: layers.insert(1, layer(name))), "m")
    assert len(str(told.value)) < 300


def test_load__code_is_not_run(file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 'Lambda'"):
        load_network(changed(file, lambda layers: layers.insert(1, lambda_layer(tmp_path / "ran"))), "m")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("activation", ["wobble", {"class_name": "function", "config": "evil"}, None])
def test_load__foreign_activations_are_refused(file: Path, activation: object) -> None:
    def change(layers: list[dict[str, Any]]) -> None:
        (first, *_) = (one for one in layers if one["class_name"] == "Dense")
        first["config"]["activation"] = activation

    with pytest.raises(InputError, match="which no network of this program has"):
        load_network(changed(file, change), "m")


def test_load__other_sizes_are_refused(file: Path) -> None:
    def change(layers: list[dict[str, Any]]) -> None:
        for one in layers:
            if "units" in one["config"]:
                one["config"]["units"] += 1

    with pytest.raises(InputError, match="m: is damaged, or not a network of this program"):
        load_network(changed(file, change), "m")


@pytest.mark.parametrize(
    "data", [b"", b"no zip", b"PK\x03\x04", pytest.param(None, id="cut"), pytest.param("deep", id="deep")]
)
def test_load__damaged_files_are_refused(file: Path, data: bytes | str | None) -> None:
    if data is None:
        file.write_bytes(file.read_bytes()[:-100])
    elif data == "deep":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr(ARCHITECTURE, "[" * 200_000 + "]" * 200_000)
    else:
        assert isinstance(data, bytes)
        file.write_bytes(data)
    with pytest.raises(InputError, match="m: is damaged, or not a network of this program; train"):
        load_network(file, "m")


def test_load__weights_of_another_file(file: Path, tmp_path: Path) -> None:
    """The architecture is ours, but the weights are no HDF5."""
    shutil.copy(file, tmp_path / "other.keras")
    with zipfile.ZipFile(tmp_path / "other.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, b"evil" if name.endswith(".h5") else data)
    with pytest.raises(InputError, match="is damaged"):
        load_network(file, "m")


def test_classes__are_those_of_our_networks(file: Path) -> None:
    """Without this, a layer that was renamed would be foreign to its own program."""
    with zipfile.ZipFile(file) as archive:
        found: set[str] = set()
        json.loads(
            archive.read(ARCHITECTURE), object_hook=lambda part: found.add(part.get("class_name", "")) or part
        )
    # L2 is there if the settings ask for it.
    assert found - {""} == CLASSES - {"L2"} or found - {""} == CLASSES
