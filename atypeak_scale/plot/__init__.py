"""The article's figures, drawn by matplotlib; one module for each kind of figure.

Each function takes what an assessment returned, and axes to draw into or None, and returns the axes. Names
are imported on first use, and matplotlib, which the extra `figures` installs, when something is drawn.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atypeak_scale.plot.alone_both import pair, pairs
    from atypeak_scale.plot.artificial import rebuilt_by_kind, scores_by_kind
    from atypeak_scale.plot.budgets import search
    from atypeak_scale.plot.crm_sizes import score_density
    from atypeak_scale.plot.figures import save_figures
    from atypeak_scale.plot.group_matrix import groups
    from atypeak_scale.plot.matrices import correlation, jaccard, mean_crm, qscore
    from atypeak_scale.plot.modules import module, module_panels, tracks
    from atypeak_scale.plot.normalizations import score_quartiles
    from atypeak_scale.plot.p_histogram import p_values
    from atypeak_scale.plot.random_shares import shares_like_random
    from atypeak_scale.plot.units import ur_examples
    from atypeak_scale.plot.update_ratios import releases

# No module of this folder may have one of these names: an imported module would hide the function.
_MODULES = {
    "correlation": "matrices",
    "groups": "group_matrix",
    "jaccard": "matrices",
    "mean_crm": "matrices",
    "module": "modules",
    "module_panels": "modules",
    "p_values": "p_histogram",
    "pair": "alone_both",
    "pairs": "alone_both",
    "qscore": "matrices",
    "rebuilt_by_kind": "artificial",
    "releases": "update_ratios",
    "save_figures": "figures",
    "score_density": "crm_sizes",
    "score_quartiles": "normalizations",
    "scores_by_kind": "artificial",
    "search": "budgets",
    "shares_like_random": "random_shares",
    "tracks": "modules",
    "ur_examples": "units",
}

__all__ = [
    "correlation",
    "groups",
    "jaccard",
    "mean_crm",
    "module",
    "module_panels",
    "p_values",
    "pair",
    "pairs",
    "qscore",
    "rebuilt_by_kind",
    "releases",
    "save_figures",
    "score_density",
    "score_quartiles",
    "scores_by_kind",
    "search",
    "shares_like_random",
    "tracks",
    "ur_examples",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
