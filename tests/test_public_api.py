"""The public names: each is what the table says, whatever was imported, and importing them is quick."""

import subprocess
import sys
from importlib import import_module
from types import FunctionType, ModuleType

import pytest

import atypeak_scale
from atypeak_scale import model

FUNCTIONS = {
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
OF_MODEL = {
    "load_model": "model.files",
    "model_from_arrays": "model.files",
    "save_model": "model.files",
    "train_seeds": "model.seeds",
}

# Every module, then the names: importing a module sets an attribute of its package.
ALL_MODULES = """
import pkgutil
from importlib import import_module
import atypeak_scale
for module in pkgutil.walk_packages(atypeak_scale.__path__, "atypeak_scale."):
    import_module(module.name)
import atypeak_scale.cli.commands
names = {name: getattr(atypeak_scale, name) for name in atypeak_scale.__all__}
for space in (atypeak_scale.model, atypeak_scale.assess, atypeak_scale.plot):
    names |= {f"{space.__name__}.{name}": getattr(space, name) for name in space.__all__}
print(*(f"{name} {type(value).__name__}" for name, value in names.items()), sep="\\n")
"""
IMPORT = """
import sys, time
began = time.perf_counter()
import atypeak_scale
atypeak_scale.model, atypeak_scale.assess, atypeak_scale.plot, dir(atypeak_scale)
seconds = time.perf_counter() - began
heavy = {"tensorflow", "keras", "zarr", "xarray", "dask", "distributed", "pandas", "pyarrow", "pyranges",
         "matplotlib"}
print(seconds, *sorted(heavy & set(sys.modules)))
"""


def printed(script: str) -> list[str]:
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def test_names__are_those_of_the_guide() -> None:
    assert set(atypeak_scale.__all__) == {"Config", "assess", "model", "plot", *FUNCTIONS}
    assert set(model.__all__) == set(OF_MODEL)
    assert dir(atypeak_scale) == atypeak_scale.__all__
    assert isinstance(atypeak_scale.assess, ModuleType)
    assert atypeak_scale.model is model
    assert atypeak_scale.Config is import_module("atypeak_scale.config").Config


@pytest.mark.parametrize("name", FUNCTIONS)
def test_names__are_functions_with_a_docstring(name: str) -> None:
    function = getattr(atypeak_scale, name)
    assert isinstance(function, FunctionType)
    assert function is getattr(import_module(f"atypeak_scale.{FUNCTIONS[name]}"), name)
    assert function.__doc__


@pytest.mark.parametrize("name", OF_MODEL)
def test_names__of_models(name: str) -> None:
    assert getattr(model, name) is getattr(import_module(f"atypeak_scale.{OF_MODEL[name]}"), name)


def test_names__stay_what_they_are_after_every_module_is_imported() -> None:
    kinds = dict(line.split() for line in printed(ALL_MODULES))
    modules = {"assess", "model", "plot"}
    assert {name for name, kind in kinds.items() if kind == "module"} == modules
    assert {kind for name, kind in kinds.items() if name not in modules | {"Config"}} == {"function"}


def test_unknown_names__are_attribute_errors() -> None:
    for space in (atypeak_scale, model):
        with pytest.raises(AttributeError, match=r"has no attribute 'scroe'"):
            _ = space.scroe


def test_import__takes_less_than_a_second_and_no_heavy_library() -> None:
    seconds, *heavy = printed(IMPORT)[-1].split()
    assert heavy == []
    assert float(seconds) < 1


def test_handles__wait_for_no_heavy_library() -> None:
    """A command that refuses its input, or only reads arrays, starts as quickly as it did."""
    code = (
        "import sys; import atypeak_scale.store.info, atypeak_scale.store.verify, "
        "atypeak_scale.scoring.open_scores; print(*(name for name in "
        "('tensorflow', 'xarray', 'pandas', 'distributed') if name in sys.modules))"
    )
    assert printed(code)[-1:] in ([], [""])
