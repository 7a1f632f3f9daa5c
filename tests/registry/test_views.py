"""No view that is accepted makes two arrays, dims or columns of one table or dataset with the same name."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache

import pytest

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.results import RESULTS
from atypeak_scale.registry.variables import (
    ENSEMBLE_VARIABLES,
    PLACEMENT_VARIABLES,
    STORE_VARIABLES,
    SUPPORT_ENSEMBLE_VARIABLES,
    with_views,
)
from atypeak_scale.registry.views import check_views

Views = tuple[str, str]
REFUSED = (
    "spread", "kind", "place", "related", "loss", "folder", "final", "raw", "occupancy", "window", "bin",
    "label", "source", "contig", "score", "scores", "peak", "peaks", "of", "seed", "view", "view0", "view1",
    "dimension",
)  # fmt: skip
ACCEPTED = ("dataset", "tr", "assay", "model", "variable", "factor", "cell")


def is_accepted(views: Views) -> bool:
    try:
        check_views(views)
    except ValueError:
        return False
    return True


def names_together() -> Iterator[tuple[str, list[str]]]:
    """Yield what must differ: the names of each dataset (variables and dims), and of each table (columns).

    A dim and its coordinate have one name, so each name of a dataset is here once.
    """
    for what, variables in (("store", STORE_VARIABLES), ("scores", ENSEMBLE_VARIABLES)):
        dims = {dim for variable in variables for dim in variable.dims}
        yield what, sorted({variable.name for variable in variables} | dims)
    # All that a reader may merge: a store with its scores.
    both = (
        *STORE_VARIABLES, *ENSEMBLE_VARIABLES, *PLACEMENT_VARIABLES, *SUPPORT_ENSEMBLE_VARIABLES,
    )  # fmt: skip
    yield "both", sorted({v.name for v in both} | {dim for v in both for dim in v.dims})
    for table in TABLES:
        yield table.name, [column.name for column in table.columns]
    for result in RESULTS:
        views = {"view0", "view1"}
        yield result.name, sorted({*result.dims, *result.variables, *result.coordinates, *views})


def clashes(views: Views) -> list[str]:
    found = []
    for what, names in names_together():
        named = Counter(with_views(name, views) for name in names)
        found += [f"{what}: {name}" for name, count in named.items() if count > 1]
    return found


@cache
def candidates() -> list[str]:
    """Return every registered name, every part of one, and every name that a registered one would become."""
    names = {name for _, together in names_together() for name in together}
    words = {name.replace("view0", "dataset").replace("view1", "tr") for name in names} | names
    for name in list(words):
        parts = name.split("_")
        words |= {"_".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1)}
    words |= {word.removesuffix("s") for word in words} | {f"{word}s" for word in words}
    return sorted(word for word in words if re.fullmatch("[a-z][a-z0-9_]*", word))


def test_candidates__are_many() -> None:
    assert {"spread", "kind", "theta", "other", "mann_whitney_u"} <= set(candidates())
    assert len(candidates()) > 300


def test_names__of_one_table_or_dataset_differ() -> None:
    assert clashes(("view0", "view1")) == []


@pytest.mark.parametrize("other", ["x", "dataset", "tr"])
def test_views__that_are_accepted_never_clash(other: str) -> None:
    accepted = [
        views
        for name in candidates()
        for views in ((name, other), (other, name))
        if name != other and is_accepted(views)
    ]
    wrong = {views: found for views in accepted if (found := clashes(views))}
    assert wrong == {}
    assert accepted


def test_views__that_make_the_same_name_together_are_refused() -> None:
    """Each of the two may be harmless with another."""
    together = set()
    for _, names in names_together():
        made = {
            view: {
                (with_views(template, (word, word)), word)
                for template in names if view in template
                for word in candidates()
            }
            for view in ("view0", "view1")
        }  # fmt: skip
        by_name = defaultdict(list)
        for name, first in made["view0"]:
            by_name[name].append(first)
        together |= {(first, second) for name, second in made["view1"] for first in by_name[name]}
    together -= {(first, second) for first, second in together if first == second}
    assert together
    assert [views for views in sorted(together) if is_accepted(views)] == []


@pytest.mark.parametrize("name", REFUSED)
def test_views__refused(name: str) -> None:
    for views in ((name, "x"), ("x", name)):
        with pytest.raises(
            ValueError, match=f"view name '{name}' must be .*not the name of another dim, variable"
        ):
            check_views(views)


def test_views__every_registered_name_is_refused() -> None:
    for _, names in names_together():
        for name in names:
            if not re.search("view[01]", name):
                assert not is_accepted((name, "x")), name
                assert not is_accepted(("x", name)), name


@pytest.mark.parametrize("name", ACCEPTED)
def test_views__accepted(name: str) -> None:
    check_views((name, "x"))
    check_views(("x", name))


def test_views__must_differ() -> None:
    with pytest.raises(ValueError, match="the two views must have different names, but both are 'assay'"):
        check_views(("assay", "assay"))
    check_views(("dataset", "tr"))
    check_views(("model", "variable"))
