"""What a view must not be called: any name that the store, its results or a table already uses.

A view names a dim and arrays of the store and columns of tables. The names in use are computed from the
registries, so that a new array or column can never collide with a view.
"""

import re
from collections.abc import Iterator
from functools import cache

from atypeak_scale.registry.columns import TABLES
from atypeak_scale.registry.results import RESULTS
from atypeak_scale.registry.variables import (
    ENSEMBLE_VARIABLES,
    PLACEMENT_VARIABLES,
    STORE_VARIABLES,
    SUPPORT_ENSEMBLE_VARIABLES,
    with_views,
)

VIEWS = ("view0", "view1")
# Names of groups, dims, attributes and facts of a store that no other registry holds.
OTHERS = (
    "scores", "peak", "catalogue_peak", "catalogue", "row", "rows", "score", "inputs", "versions", "views",
)  # fmt: skip


def _registered() -> Iterator[str]:
    """Yield every registered name, with `view0` and `view1` in place of the views' names."""
    for variable in (
        *STORE_VARIABLES, *ENSEMBLE_VARIABLES, *PLACEMENT_VARIABLES, *SUPPORT_ENSEMBLE_VARIABLES,
    ):  # fmt: skip
        yield from (variable.name, *variable.dims)
    for table in TABLES:
        yield from (column.name for column in table.columns)
    for result in RESULTS:
        yield from (result.name, *result.dims, *result.variables, *result.coordinates)
    yield from OTHERS


@cache
def _fixed_and_templates() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names without `view0` or `view1`, and those that hold one of them and more."""
    names = frozenset(_registered())
    templates = frozenset(name for name in names if re.search("view[01]", name))
    return names - templates | {*VIEWS}, templates - {*VIEWS}


def is_taken(view: str, views: tuple[str, str]) -> bool:
    """Return whether the name of one of the two `views` collides with a registered name.

    Names made from a view's name count too: a view `theta` would make an array `theta_mean`.
    """
    fixed, templates = _fixed_and_templates()
    # `peaks` is a fact of a store, so a view `peak`, whose number is reported as `peaks`, is refused too.
    if view in fixed or f"{view}s" in fixed:
        return True
    # `source_x` is refused whatever the other view is called, because stores of several views may be read
    # together.
    if any(
        view.startswith(name.removesuffix(end)) for name in templates for end in VIEWS if name.endswith(end)
    ):
        return True
    made = {with_views(name, views) for name in templates}
    own = {with_views(name, views) for name in templates if VIEWS[views.index(view)] in name}
    return view in made or not own.isdisjoint(fixed)


def check_views(views: tuple[str, str]) -> None:
    """Raise ValueError if two views cannot have these names."""
    for view in views:
        if not re.fullmatch(r"[a-z][a-z0-9_]*", view) or is_taken(view, views):
            raise ValueError(
                f"view name {view!r} must be lower-case letters, digits and underscores, "
                "and not the name of another dim, variable or column; use a name like 'assay' or 'model'"
            )
    if views[0] == views[1]:
        raise ValueError(f"the two views must have different names, but both are {views[0]!r}")
