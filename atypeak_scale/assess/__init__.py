"""What a model learned, and whether it is good (method, sections 6 to 8).

Names are imported on first use, so that reading tables does not wait for TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atypeak_scale.assess.description.distributions import score_density, score_quartiles
    from atypeak_scale.assess.description.pair_scores import pair_scores
    from atypeak_scale.assess.description.pairs import pairs
    from atypeak_scale.assess.description.statistics import statistics
    from atypeak_scale.assess.evidence.artificial import noise_detection
    from atypeak_scale.assess.evidence.power import power
    from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind
    from atypeak_scale.assess.evidence.replicates import confirmation
    from atypeak_scale.assess.evidence.verdict import verdict
    from atypeak_scale.assess.interpretation.corroboration import corroboration
    from atypeak_scale.assess.interpretation.explain import explain, explain_peaks, least_supported
    from atypeak_scale.assess.interpretation.groups import groups, phantoms
    from atypeak_scale.assess.interpretation.ur_examples import ur_examples
    from atypeak_scale.assess.quality.qscore import qscore
    from atypeak_scale.assess.quality.recommendation import recommend, summarize_search
    from atypeak_scale.assess.quality.search import search
    from atypeak_scale.assess.quality.stability import stability, summarize_stability
    from atypeak_scale.assess.regions.crms import crms
    from atypeak_scale.assess.regions.interesting import interesting_modules
    from atypeak_scale.assess.regions.module import absent_sources, module, modules
    from atypeak_scale.assess.regions.places import find_modules
    from atypeak_scale.assess.regions.releases import compare_releases
    from atypeak_scale.assess.results import load, save

# No room or module of this folder may have one of these names: an imported module would hide the function.
_MODULES = {
    "absent_sources": "regions.module",
    "compare_releases": "regions.releases",
    "confirmation": "evidence.replicates",
    "corroboration": "interpretation.corroboration",
    "crms": "regions.crms",
    "explain": "interpretation.explain",
    "explain_peaks": "interpretation.explain",
    "find_modules": "regions.places",
    "groups": "interpretation.groups",
    "interesting_modules": "regions.interesting",
    "least_supported": "interpretation.explain",
    "load": "results",
    "module": "regions.module",
    "modules": "regions.module",
    "noise_detection": "evidence.artificial",
    "pair_scores": "description.pair_scores",
    "pairs": "description.pairs",
    "phantoms": "interpretation.groups",
    "power": "evidence.power",
    "qscore": "quality.qscore",
    "rebuilt_by_kind": "evidence.rebuilt",
    "recommend": "quality.recommendation",
    "save": "results",
    "score_density": "description.distributions",
    "score_quartiles": "description.distributions",
    "search": "quality.search",
    "stability": "quality.stability",
    "statistics": "description.statistics",
    "summarize_search": "quality.recommendation",
    "summarize_stability": "quality.stability",
    "ur_examples": "interpretation.ur_examples",
    "verdict": "evidence.verdict",
}

__all__ = [
    "absent_sources",
    "compare_releases",
    "confirmation",
    "corroboration",
    "crms",
    "explain",
    "explain_peaks",
    "find_modules",
    "groups",
    "interesting_modules",
    "least_supported",
    "load",
    "module",
    "modules",
    "noise_detection",
    "pair_scores",
    "pairs",
    "phantoms",
    "power",
    "qscore",
    "rebuilt_by_kind",
    "recommend",
    "save",
    "score_density",
    "score_quartiles",
    "search",
    "stability",
    "statistics",
    "summarize_search",
    "summarize_stability",
    "ur_examples",
    "verdict",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
