"""The commands in the boxes of the report are commands that exist, with options that they have."""

import shlex
from pathlib import Path

import click
import pytest
from atypeak_scale.cli.advice import commands_of, workdir_of
from atypeak_scale.cli.commands import commands

from atypeak_scale.report.report import CALLS

NOT_YET = {"show"}  # of another room, while it is made
PLACES = [
    (Path("my runs/hela/store.zarr"), {}, Path("my runs/hela")),
    (Path("hela.zarr"), {"article": Path("hela-model"), "support": "s3://b/s"}, None),
    (Path("hela.zarr"), {"support": "s"}, None),
    ("s3://bucket/hela.zarr", {"article": "m"}, None),
]


@pytest.mark.parametrize(("store", "models", "workdir"), PLACES)
@pytest.mark.parametrize("cell_line", ["hela", "unheard-of"])
def test_commands_of__can_be_typed(store: object, models: dict, workdir: Path | None, cell_line: str) -> None:
    found = commands_of(store, models, cell_line, workdir)
    assert set(found) == set(CALLS)
    for line in "\n".join(found.values()).split("\n"):
        program, name, *arguments = shlex.split(line)
        assert program == "atypeak-scale"
        if name in NOT_YET and name not in commands.commands:
            continue
        command = commands.commands[name]
        known = {option for one in command.params for option in one.opts if isinstance(one, click.Option)}
        assert {one for one in arguments if one.startswith("--")} <= known, line
        # It names the run, or the store and its models.
        assert str(workdir or store) in arguments or name == "compare-releases", line
        assert workdir is None or "--model" not in arguments or name == "train"
    assert (f"--config {cell_line}" in found["search"]) == (cell_line == "hela")


def test_commands_of__a_run_without_configuration_has_left_one(tmp_path: Path) -> None:
    assert "--config CONFIG " in commands_of(tmp_path / "store.zarr", {}, "unheard-of", tmp_path)["search"]
    (tmp_path / "config.yaml").touch()
    found = commands_of(tmp_path / "store.zarr", {}, "unheard-of", tmp_path)
    assert f"--config {tmp_path.name}/config.yaml " in found["search"]
    assert "CONFIG" not in found["stability"]


def test_workdir_of__is_the_folder_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "store.zarr").mkdir(parents=True)
    (tmp_path / "other.zarr").mkdir()
    assert workdir_of(tmp_path / "run" / "store.zarr") == tmp_path / "run"
    assert workdir_of(f"{tmp_path}/run/store.zarr/") == tmp_path / "run"
    assert workdir_of(tmp_path / "other.zarr") is None
    assert workdir_of(tmp_path / "nowhere" / "store.zarr") is None
    monkeypatch.chdir(tmp_path / "run")
    assert workdir_of("store.zarr") == Path()
