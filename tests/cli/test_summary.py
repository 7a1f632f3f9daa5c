"""What a command says: lines for people as they come, or one JSON object at the end."""

import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from atypeak_scale.cli.commands import commands
from atypeak_scale.cli.summary import Summary, summary_option
from click.testing import CliRunner

from tests.cli.helpers import Finished, printed


@dataclass(frozen=True)
class Facts:
    """Some facts."""

    peaks: int
    store: Path


@click.command()
@summary_option
def told(summary: Summary) -> None:
    table = pd.DataFrame({"name": ["a", "b"], "value": [0.5, np.nan]})
    summary.say("3 peaks in 2 windows", peaks=np.int64(3), windows=2, mean=float("inf"))
    summary.table("rows", table, table.head(1))
    summary.sentences("found", ["one", "two"])
    summary.sentences("nothing", [])
    summary.files([(Path("out/a.bed"), "every peak")])
    summary.facts(Facts(7, Path("s.zarr")))


@click.command()
@summary_option
def listed(summary: Summary) -> None:
    summary.facts([Facts(1, Path("a")), Facts(2, Path("b"))])


def test_summary__for_people() -> None:
    lines = CliRunner().invoke(told, []).stdout.splitlines()
    assert lines[0] == "3 peaks in 2 windows"
    assert [line.split() for line in lines[1:3]] == [["name", "value"], ["a", "0.5"]]
    assert lines[3:] == ["one", "two", "out/a.bed  every peak", "peaks  7", "store  s.zarr"]


def test_summary__as_json() -> None:
    assert json.loads(CliRunner().invoke(told, ["--json"]).stdout) == {
        "peaks": 7, "windows": 2, "mean": None, "store": "s.zarr", "found": ["one", "two"], "nothing": [],
        "rows": [{"name": "a", "value": 0.5}, {"name": "b", "value": None}],
        "files": [{"file": "out/a.bed", "what": "every peak"}],
    }  # fmt: skip
    assert json.loads(CliRunner().invoke(listed, ["--json"]).stdout) == [
        {"peaks": 1, "store": "a"},
        {"peaks": 2, "store": "b"},
    ]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_summary__every_command_has_one(name: str) -> None:
    assert any("--json" in one.opts for one in commands.commands[name].params)


def test_summary__of_real_commands(steps: Finished, tmp_path: Path) -> None:
    """Nothing but the object is on standard output."""
    model = ("--model", steps.model)
    for words in (
        ("verify", steps.store),
        ("pairs", steps.store, *model),
        ("statistics", steps.store, *model),
        ("crms", steps.store, *model, "--out", tmp_path / "crms"),
        ("export", steps.store, "--out", tmp_path / "exported"),
        ("simulate", tmp_path / "made", "--crms", "5"),
    ):
        found = json.loads(printed(*words, "--json"))
        assert found, words
        for file in found.get("files", []):
            assert Path(file["file"]).exists()
    assert json.loads(printed("verify", steps.store, "--json"))["damages"] == []
