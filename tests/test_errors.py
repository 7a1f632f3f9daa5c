"""Errors say in one line what is wrong, and remember the parameter that mends it."""

import pickle

import pytest

from atypeak_scale.errors import AtypeakError, DamagedError, InputError, InterruptedStageError


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
