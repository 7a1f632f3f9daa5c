"""Errors say in one line what is wrong, and remember the parameter that mends it."""

import pickle

import pytest

from atypeak_scale.errors import (
    AtypeakError,
    DamagedError,
    InputError,
    InterruptedStageError,
    StageMissingError,
    nearest,
)


@pytest.mark.parametrize("kind", [AtypeakError, InputError, DamagedError, InterruptedStageError])
def test_argument__is_kept_beside_the_message(kind: type[AtypeakError]) -> None:
    assert kind("wrong").argument is None
    error = pickle.loads(pickle.dumps(kind("2 cell lines; name one", argument="cell_line")))
    assert type(error) is kind
    assert str(error) == "2 cell lines; name one"
    assert error.argument == "cell_line"


def test_exit_code__tells_inputs_from_failures() -> None:
    assert (AtypeakError.exit_code, InputError.exit_code) == (1, 2)
    assert DamagedError.exit_code == InterruptedStageError.exit_code == 1


def test_stage_missing__travels_with_what_is_missing() -> None:
    error = StageMissingError("s.zarr: not scored; score it first", "score", ("some", "scores"))
    assert (error.exit_code, error.argument) == (2, None)
    assert isinstance(error, InputError)
    back = pickle.loads(pickle.dumps(error))
    assert str(back) == "s.zarr: not scored; score it first"
    assert (back.stage, back.scores, back.exit_code) == ("score", ("some", "scores"), 2)
    assert pickle.loads(pickle.dumps(StageMissingError("m", "normalize", exit_code=1))).exit_code == 1


def test_nearest__no_known_name() -> None:
    assert nearest("x", []) == "none are known"


def test_nearest__many_names_are_cut() -> None:
    text = nearest("q", [f"name{i:02}" for i in range(12)])
    assert text.startswith("known are name00, ")
    assert text.endswith("name09, ...")


def test_nearest__whatever_the_case() -> None:
    assert nearest("HELA", ["hela", "k562"]) == "the nearest known are hela"
