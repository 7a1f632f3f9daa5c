"""Which peaks of a transcription-factor binding catalogue should you not trust?

The atyPeak method (Ferré et al. 2021) as an out-of-core batch system. Names are imported when they are
first used, so that importing the package does not wait for TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atypeak_scale.assess.description.distributions import score_density, score_quartiles
    from atypeak_scale.assess.description.pairs import compare_pairs
    from atypeak_scale.assess.description.statistics import data_statistics
    from atypeak_scale.assess.evidence.artificial import noise_detection
    from atypeak_scale.assess.evidence.rebuilt import rebuilt_by_kind
    from atypeak_scale.assess.interpretation.groups import correlation_groups
    from atypeak_scale.assess.interpretation.ur_examples import ur_examples
    from atypeak_scale.assess.quality.qscore import q_score
    from atypeak_scale.assess.quality.search import search
    from atypeak_scale.assess.regions.crms import crm_table
    from atypeak_scale.assess.regions.releases import compare_releases
    from atypeak_scale.catalogue.artificial import simulate
    from atypeak_scale.config import Config, load_config
    from atypeak_scale.model.files import load_model, model_from_arrays, save_model
    from atypeak_scale.model.training.train import train
    from atypeak_scale.pipeline import run_pipeline
    from atypeak_scale.scoring.blocks import score_run, score_store
    from atypeak_scale.scoring.export import export_scores
    from atypeak_scale.scoring.normalize import normalize_scores
    from atypeak_scale.store.build import build_store
    from atypeak_scale.store.tensor import open_store

_HOMES = {
    "Config": "config",
    "build_store": "store.build",
    "correlation_groups": "assess.interpretation.groups",
    "compare_releases": "assess.regions.releases",
    "crm_table": "assess.regions.crms",
    "compare_pairs": "assess.description.pairs",
    "data_statistics": "assess.description.statistics",
    "export_scores": "score.export",
    "load_config": "config",
    "load_model": "model.files",
    "model_from_arrays": "model.files",
    "noise_detection": "assess.evidence.artificial",
    "normalize_scores": "score.normalize",
    "open_store": "store.tensor",
    "q_score": "assess.quality.qscore",
    "rebuilt_by_kind": "assess.evidence.rebuilt",
    "run_pipeline": "pipeline",
    "save_model": "model.files",
    "score_density": "assess.description.distributions",
    "score_quartiles": "assess.description.distributions",
    "score_run": "score.blocks",
    "score_store": "score.blocks",
    "search": "assess.quality.search",
    "simulate": "catalogue.artificial",
    "train": "model.training.train",
    "ur_examples": "assess.interpretation.ur_examples",
}

__all__ = [
    "Config",
    "build_store",
    "compare_pairs",
    "compare_releases",
    "correlation_groups",
    "crm_table",
    "data_statistics",
    "export_scores",
    "load_config",
    "load_model",
    "model_from_arrays",
    "noise_detection",
    "normalize_scores",
    "open_store",
    "q_score",
    "rebuilt_by_kind",
    "run_pipeline",
    "save_model",
    "score_density",
    "score_quartiles",
    "score_run",
    "score_store",
    "search",
    "simulate",
    "train",
    "ur_examples",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
