"""Every array is registered once, and says what it is."""

import numpy as np
import pytest

from atypeak_scale.registry import variables
from atypeak_scale.registry.variables import (
    ENSEMBLE_VARIABLES,
    LABEL_VARIABLES,
    PEAK_SCORES,
    PLACEMENT_VARIABLES,
    SCORE_VARIABLES,
    SPREAD,
    STORE_VARIABLES,
    SUPPORT_ENSEMBLE_VARIABLES,
    WEIGHT_VARIABLES,
    Variable,
    with_views,
)

ALL = (*STORE_VARIABLES, *ENSEMBLE_VARIABLES, *PLACEMENT_VARIABLES, *SUPPORT_ENSEMBLE_VARIABLES)
CHUNKED = {
    "occupancy": "window", "window": "window", "empty": "empty_window", "row": "peak",
    "catalogue": "catalogue_peak", "placement": "placement", "sample": "sample_block", "source": "source",
}  # fmt: skip


def test_variables__no_name_twice() -> None:
    names = [variable.name for variable in ALL]
    assert len(set(names)) == len(names)


def test_variables__every_constant_is_in_one_list() -> None:
    constants = [value for value in vars(variables).values() if isinstance(value, Variable)]
    assert sorted(constants, key=lambda one: one.name) == sorted(ALL, key=lambda one: one.name)


@pytest.mark.parametrize("variable", ALL, ids=lambda variable: variable.name)
def test_variables__say_what_they_are(variable: Variable) -> None:
    assert variable.description
    assert variable.dims
    assert variable.dtype is str or np.dtype(variable.dtype).kind in "biuf"
    # The first dim is the one that is cut into chunks.
    assert variable.dims[0] == CHUNKED.get(variable.chunks, variable.dims[0])
    assert variable.chunks != "whole" or len(variable.dims) == 1


def test_variables__of_scores() -> None:
    assert set(PEAK_SCORES) | set(WEIGHT_VARIABLES) | set(LABEL_VARIABLES) < set(SCORE_VARIABLES)
    assert set(ENSEMBLE_VARIABLES) - set(SCORE_VARIABLES) == {SPREAD}
    assert {variable.dims for variable in PEAK_SCORES} == {("catalogue_peak",)}
    assert {variable.dims for variable in WEIGHT_VARIABLES} == {("source",)}
    assert {variable.dims for variable in LABEL_VARIABLES} == {("view1",)}


@pytest.mark.parametrize(
    "name, views, expected",
    [
        ("source_view0", ("dataset", "tr"), "source_dataset"),
        ("view1_mean", ("dataset", "tr"), "tr_mean"),
        ("view1s", ("dataset", "tr"), "trs"),
        ("other_view1", ("model", "variable"), "other_variable"),
        ("theta_mean", ("a", "b"), "theta_mean"),
        ("source_view0", ("preview1", "view"), "source_preview1"),  # replaced once, not twice
        ("view0_view1", ("view1", "view0"), "view1_view0"),
    ],
)
def test_with_views__each_stands_for_its_view(name: str, views: tuple[str, str], expected: str) -> None:
    assert with_views(name, views) == expected
