"""`ur-examples`: its options reach the library, and what it prints."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock, call

import numpy as np
import pytest
import xarray as xr

from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    Refuse,
    Replace,
    Resolved,
    Where,
    invoke,
    scores_of,
)


@pytest.fixture
def ur_examples(replace: Replace, resolve: Resolved, tensorflow: dict[str, Mock]) -> Mock:
    found = xr.Dataset({"activation": ("unit", np.array([1.5, 0.0, 2.0]))})
    return replace("assess.interpretation.ur_examples.ur_examples", found)


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_ur_examples__run(
    resolve: Resolved, ur_examples: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    result = invoke("ur-examples", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert ur_examples.call_args_list == [call(scores_of(model), 1, None, executor=HERE)]
    assert result.stdout == "ur-examples of 3 units; nothing excites 1 of them\n"


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_ur_examples__where(
    ur_examples: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str], where: Where
) -> None:
    invoke("ur-examples", "s.zarr", "--model", model, "--seed", "5", "--out", "o", *options)
    assert ur_examples.call_args_list == [call(scores_of(model), 5, "o", executor=where)]
    assert len(tensorflow["ur_examples"].call_args_list) == (where == HERE)


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["ur-examples", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["ur-examples", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_ur_examples__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
