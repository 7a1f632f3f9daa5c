"""Every kept assessment and its arrays are registered once."""

import pytest

from atypeak_scale.registry import results
from atypeak_scale.registry.results import RESULTS, Result
from atypeak_scale.registry.variables import with_views


def test_results__no_name_twice() -> None:
    names = [result.name for result in RESULTS]
    assert len(set(names)) == len(names)


def test_results__every_constant_is_listed() -> None:
    constants = [value for value in vars(results).values() if isinstance(value, Result)]
    assert [result.name for result in constants] == [result.name for result in (*RESULTS, results.MODULE)]


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.name)
@pytest.mark.parametrize("views", [("view0", "view1"), ("dataset", "tr")])
def test_result__no_array_or_dim_twice_and_each_described(result: Result, views: tuple[str, str]) -> None:
    assert result.variables
    assert all(result.variables.values())
    names = [with_views(name, views) for name in (*result.variables, *result.coordinates)]
    assert len(set(names)) == len(names)
    dims = [with_views(name, views) for name in result.dims]
    assert len(set(dims)) == len(dims)
    # A coordinate may have the name of its dim, a variable may not.
    assert not set(dims) & {with_views(name, views) for name in result.variables}
