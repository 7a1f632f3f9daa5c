"""Which peaks of a transcription-factor binding catalogue should you not trust?

The atyPeak method (Ferré et al. 2021) as an out-of-core batch system. Functions have the names of the
commands. They are imported on first use, so that importing the package does not wait for TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from atypeak_scale import assess, model, plot
    from atypeak_scale.catalogue.artificial import simulate
    from atypeak_scale.catalogue.merging import make_crms
    from atypeak_scale.catalogue.samples import make_catalogue
    from atypeak_scale.catalogue.split import split_catalogue
    from atypeak_scale.config import Config, load_config
    from atypeak_scale.execution.dask_executor import executor
    from atypeak_scale.model.training.train import train
    from atypeak_scale.pipeline import run
    from atypeak_scale.report.report import write_report
    from atypeak_scale.scoring.export import export
    from atypeak_scale.scoring.normalize import normalize
    from atypeak_scale.scoring.open_scores import open_scores
    from atypeak_scale.scoring.score import score
    from atypeak_scale.store.build import build_store
    from atypeak_scale.store.cell_line import open_store
    from atypeak_scale.store.info import info
    from atypeak_scale.store.verify import verify

# No module of the package may have one of these names: importing it would replace the function.
_MODULES = {
    "Config": "config",
    "build_store": "store.build",
    "executor": "execution.dask_executor",
    "export": "scoring.export",
    "info": "store.info",
    "load_config": "config",
    "make_catalogue": "catalogue.samples",
    "make_crms": "catalogue.merging",
    "normalize": "scoring.normalize",
    "open_scores": "scoring.open_scores",
    "open_store": "store.cell_line",
    "run": "pipeline",
    "score": "scoring.score",
    "simulate": "catalogue.artificial",
    "split_catalogue": "catalogue.split",
    "train": "model.training.train",
    "verify": "store.verify",
    "write_report": "report.report",
}
_NAMESPACES = ("assess", "model", "plot")

__all__ = [
    "Config",
    "assess",
    "build_store",
    "executor",
    "export",
    "info",
    "load_config",
    "make_catalogue",
    "make_crms",
    "model",
    "normalize",
    "open_scores",
    "open_store",
    "plot",
    "run",
    "score",
    "simulate",
    "split_catalogue",
    "train",
    "verify",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _NAMESPACES:
        return import_module(f"{__name__}.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
