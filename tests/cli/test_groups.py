"""`groups`: its options reach the library, and what it prints."""

import shutil
from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import numpy as np
import pytest
import xarray as xr

from tests.cli.helpers import (
    HERE,
    MODEL_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    invoke,
    printed,
    scores_of,
)


@pytest.fixture
def groups(replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock]) -> Mock:
    labels = [("d1", "x"), ("d2", "x"), ("d1", "y")]
    columns = {
        "source_dataset": [a for a, _ in labels], "source_tr": [b for _, b in labels],
        "group": [0, 0, 1], "group_name": ["x", "x", "y"], "own": [0.5, 0.25, 0.1],
        "strength": [0.9, 0.8, np.nan], "silhouette": [0.5, 0.5, 0.0],
    }  # fmt: skip
    found = xr.Dataset(
        {
            "rebuilt": (("source", "dataset", "tr"), np.arange(12.0).reshape(3, 2, 2)),
            **{name: ("source", np.array(values)) for name, values in columns.items()},
        },
        coords={"source": [".".join(label) for label in labels], "dataset": ["d1", "d2"], "tr": ["x", "y"]},
        attrs={"groups": 2, "agreement": 0.75, "models": ["f1"]},
    )
    return replace("assess.interpretation.groups.groups", found)


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_groups__run(
    resolve: Resolved, groups: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    result = invoke("groups", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert groups.call_args_list == [call([scores_of(model)], None, None, executor=HERE)]
    assert len(tensorflow["groups"].call_args_list) == 1
    assert result.stdout == (
        "x: 2 sources, rebuilt 0.375: d1.x, d2.x\ny: 1 source, rebuilt 0.100: d1.y\n2 groups of 3 sources\n"
    )


def test_groups__several_models_and_one_source(
    replace: Replace, resolve: Resolved, groups: Mock, model: Path
) -> None:
    groups.return_value.attrs["models"] = ["f1", "f2"]
    known = replace("store.cell_line.require_source", 0)
    result = invoke(
        "groups", "s.zarr", "--model", model, "--model", model, "--groups", "2", "--out", "o",
        "--source", "d1.x",
    )  # fmt: skip
    assert known.call_args_list == [call(scores_of(model).cell_line, "d1.x")]
    assert groups.call_args_list == [call([scores_of(model)] * 2, 2, "o", executor=HERE)]
    assert result.stdout.splitlines()[2:] == [
        "2 groups of 3 sources",
        "agreement of 2 models: mean adjusted Rand index 0.750",
        "phantoms of d1.x:",
        "3.0000  d2.y (not a source)",
        "2.0000  d2.x",
        "1.0000  d1.y",
    ]


# For real


def test_groups__prints_every_source_once(steps: Finished, tmp_path: Path) -> None:
    store = shutil.copytree(steps.store, tmp_path / "s.zarr")
    text = printed("groups", store, "--model", steps.model, "--out", tmp_path / "out")
    *groups, total = text.splitlines()
    assert total == f"{len(groups)} groups of 5 sources"
    shown = [source for line in groups for source in line.rsplit(": ", 1)[1].split(", ")]
    assert sorted(shown) == ["d1.x", "d1.y", "d2.y", "d3.x", "d3.z"]
    assert list((tmp_path / "out").glob("*.tsv"))


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["groups", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["groups", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_groups__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
