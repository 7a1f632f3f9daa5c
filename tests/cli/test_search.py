"""`search`: its options reach the library, and which grids it refuses."""

from pathlib import Path
from typing import Any
from unittest.mock import Mock

import click
import pandas as pd
import pytest

from atypeak_scale.config import load_config
from atypeak_scale.errors import InputError
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    Refuse,
    Replace,
    Resolved,
    Where,
    cell_line_of,
    invoke,
)

TRIALS = pd.DataFrame(
    {
        "model.deep_dimension": [8, 32], "seed": 1, "loss": [0.5, 0.25], "epochs": 4,
        "parameters": [100, 200], "seconds": 3.0, "q_score": [2.0, 1.0],
    }
)  # fmt: skip
GRIDS: list[tuple[list[str], dict[str, list[Any]]]] = [
    (["--over", "model.filters=4, 8,4"], {"model.filters": [4, 8]}),
    (
        ["--over", "training.learning_rate=1.0e-3,0.1", "--over", "training.stop_at_loss=null"],
        {"training.learning_rate": [0.001, 0.1], "training.stop_at_loss": [None]},
    ),
    (["--over", "training.source_weights={a.x: 2},{}"], {"training.source_weights": [{"a.x": 2}, {}]}),
]


@pytest.fixture
def searched(replace: Replace, tensorflow: dict[str, Mock]) -> Mock:
    replace("store.cell_line.open_store", cell_line_of("hela"))
    return replace("assess.quality.search.search", TRIALS)


@pytest.mark.parametrize("options, grid", GRIDS)
def test_search__grid(searched: Mock, options: list[str], grid: dict[str, list[Any]]) -> None:
    result = invoke("search", "s.zarr", "--config", "hela", "--out", "o", *options)
    (arguments,) = searched.call_args_list
    cell_line, config, out, given, *others = arguments.args
    assert (cell_line, config, out) == (cell_line_of("hela"), load_config("hela"), "o")
    assert {key: list(values) for key, values in given.items()} == grid
    assert (others, arguments.kwargs) == ([3, HERE, "q-score"], {})
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "model.deep_dimension", "seeds", "loss", "epochs", "parameters", "seconds", "q_score", "q_error"
    ]  # fmt: skip
    assert lines[-2] == "recommended: model.deep_dimension: 32; its mean Q-score, 1, is the lowest of 2"
    assert lines[-1] == f"{Path('o') / 'search.tsv'}  every model"


def test_search__without_a_grid_takes_that_of_the_criterion(searched: Mock) -> None:
    invoke("search", "s.zarr", "--config", "hela", "--out", "o")
    (arguments,) = searched.call_args_list
    assert arguments.args[3:] == (None, 3, HERE, "q-score")


def test_search__power(searched: Mock) -> None:
    trials = TRIALS.rename(columns={"model.deep_dimension": "support.filters", "q_score": "power"})
    trials.insert(3, "validation_loss", 0.5)
    searched.return_value = trials
    result = invoke(
        "search", "s.zarr", "--config", "hela", "--out", "o", "--criterion", "power",
        "--over", "support.filters=8,32",
    )  # fmt: skip
    (arguments,) = searched.call_args_list
    assert arguments.args[3:] == ({"support.filters": [8, 32]}, 3, HERE, "power")
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "support.filters", "seeds", "loss", "validation_loss", "epochs", "parameters", "seconds", "power",
        "power_error",
    ]  # fmt: skip
    assert lines[-2] == "recommended: support.filters: 8; its mean power, 2, is the highest of 2"


def test_search__power_has_no_sample_of_windows(searched: Mock) -> None:
    with pytest.raises(InputError, match="--sample: is of the Q-score, which --criterion power does not"):
        invoke("search", "hela", "--store", "s", "--out", "o", "--criterion", "power", "--sample", "50")
    assert searched.call_args_list == []


def test_search__seeds_and_sample(searched: Mock) -> None:
    invoke("search", "s.zarr", "--config", "hela", "--out", "o", "--seeds", "2", "--sample", "50")
    (arguments,) = searched.call_args_list
    assert arguments.args[1].normalization.sample == 50
    assert arguments.args[4] == 2


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_search__where(searched: Mock, options: list[str], where: Where) -> None:
    invoke("search", "s.zarr", "--config", "hela", "--out", "o", *options)
    (arguments,) = searched.call_args_list
    assert arguments.args[5] == where


@pytest.mark.parametrize(
    "over, message",
    [
        (["model.filters"], "no value; expected KEY=A,B"),
        (["model.filters="], "no value"),
        (["model.filters=["], "are not valid YAML values"),
        (["model.l2=0,1", "model.l2=2"], "given twice"),
    ],
)
def test_search__bad_grid(searched: Mock, over: list[str], message: str) -> None:
    options = [word for text in over for word in ("--over", text)]
    with pytest.raises(InputError, match=message):
        invoke("search", "s.zarr", "--config", "hela", "--out", "o", *options)
    assert searched.call_args_list == []


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["search", "{config}", "--store", "no.zarr", "--out", "o"], r"^no\.zarr: not a store; make one"),
        (["search", "k56", "--store", "{store}", "--out", "o"], r"^k56: no such config file or .* are k562$"),
    ],
)  # fmt: skip
def test_search__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_search__in_the_order_of_earlier_versions(
    replace: Replace, resolve: Resolved, tensorflow: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = replace("assess.quality.search.search", None)
    search.side_effect = InputError("stop here")
    for words in (["s.zarr", "--config", "hela"], ["hela", "--store", "s.zarr"]):
        with pytest.raises(InputError, match="stop here"):
            invoke("search", *words, "--out", "o")
    first, second = search.call_args_list
    assert first.args[:-2] == second.args[:-2]  # the executors differ
    assert [one.args[0] for one in resolve.cell_line.call_args_list] == ["s.zarr", "s.zarr"]


def test_search__without_a_configuration() -> None:
    with pytest.raises(click.UsageError, match="Missing option '--config'"):
        invoke("search", "s.zarr", "--out", "o")
