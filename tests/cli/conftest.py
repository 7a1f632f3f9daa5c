"""What is made once for all tests of commands, and ways to run a command."""

import importlib
import logging
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import Mock, create_autospec

import pytest
import yaml
from atypeak_scale.cli import main
from conftest import random_catalogue

from atypeak_scale.config import Config, dump_config, parse_config
from tests.cli.helpers import (
    CELL,
    DATASETS,
    TRS,
    Catalogue,
    Finished,
    Outcome,
    Refuse,
    Replace,
    Resolved,
    Run,
    Truth,
    cell_line_of,
    contents,
    invoke,
    printed,
    scores_of,
)

# The library replaced


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Replace a function of the library by one that takes the same arguments and returns `result`."""

    def replace_function(target: str, result: Any) -> Mock:
        module, name = target.rsplit(".", 1)
        module = f"atypeak_scale.{module}"
        spy: Mock = create_autospec(getattr(importlib.import_module(module), name), return_value=result)
        monkeypatch.setattr(f"{module}.{name}", spy)
        return spy

    return replace_function


@pytest.fixture
def tensorflow(replace: Replace) -> dict[str, Mock]:
    """Watch which command imports TensorFlow."""
    return {
        name: replace(f"cli.{name}.import_tensorflow_quietly", None)
        for name in (
            "train",
            "search",
            "score",
            "normalize",
            "qscore",
            "groups",
            "ur_examples",
            "run",
            "demo",
        )
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


@pytest.fixture
def resolve(replace: Replace, model: Path) -> Resolved:
    """Replace what makes handles."""
    return Resolved(
        replace("store.cell_line.open_store", cell_line_of()),
        replace("scoring.open_scores.open_scores", scores_of(model)),
    )


# Commands as the script runs them


@pytest.fixture
def atypeak(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run main() in this process, as the script does."""

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["atypeak-scale", *map(str, arguments)])
        monkeypatch.setattr(logging.getLogger("atypeak_scale"), "handlers", [])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(str(end.code))
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def unchanged(tmp_path: Path) -> Callable[[], bool]:
    """Return a function that says whether the test's folder is as it was when this was first called."""
    before: list[dict[str, bytes | None]] = []

    def is_unchanged() -> bool:
        before.append(contents(tmp_path))
        return before[-1] == before[0]

    return is_unchanged


@pytest.fixture
def refuse_missing(
    atypeak: Run, catalogue: Catalogue, built: Path, config: Config, unchanged: Callable[[], bool],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> Refuse:  # fmt: skip
    """Assert that a command names what is missing, or is something else, and leaves nothing.

    In the arguments, {peaks}, {crms}, {store} and {config} are what they say, {folder} is an empty folder.
    """

    def check(arguments: list[str], message: str) -> None:
        (tmp_path / "my.yaml").write_text(dump_config(config))
        (tmp_path / "folder").mkdir()
        monkeypatch.chdir(tmp_path)
        unchanged()
        places = {"peaks": catalogue[0], "crms": catalogue[1], "store": built, "config": tmp_path / "my.yaml",
                  "folder": tmp_path / "folder"}  # fmt: skip
        done = atypeak(*(argument.format(**places) for argument in arguments))
        assert re.search(message, done.message())
        assert unchanged()

    return check


@pytest.fixture
def refuse_usage(atypeak: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Refuse:
    """Assert that arguments which are no use of the command end with exit code 2 and leave nothing."""

    def check(arguments: list[str], message: str) -> None:
        monkeypatch.chdir(tmp_path)
        done = atypeak(*arguments)
        assert done.code == 2
        last = done.err.splitlines()[-1]
        assert last.startswith("Error: ")
        assert message in last
        assert "Traceback" not in done.err
        assert list(tmp_path.iterdir()) == []

    return check


# Made once: a store and untrained models, of which each test gets a copy


@pytest.fixture(scope="session")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    """Return peaks and CRMs with the content of `catalogue`; tests must leave them as they are."""
    return random_catalogue(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="session")
def built_once(inputs: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    store = tmp_path_factory.mktemp("built") / "s.zarr"
    invoke("build-store", *inputs, store, *CELL)
    return store


@pytest.fixture
def built(built_once: Path, tmp_path: Path) -> Path:
    """Return a store of the random catalogue."""
    return Path(shutil.copytree(built_once, tmp_path / "s.zarr"))


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that saves an untrained model of given labels and settings; the same one once."""
    folder = tmp_path_factory.mktemp("untrained")

    @lru_cache
    def save(datasets: tuple[str, ...], trs: tuple[str, ...], values: str) -> Path:
        from atypeak_scale.model.files import TrainedModel, save_model
        from atypeak_scale.model.network import build_autoencoder

        settings = parse_config(yaml.safe_load(values), "test")
        network = build_autoencoder(settings.store.bins, len(datasets), len(trs), settings.model, seed=1)
        out = folder / f"model-{len(list(folder.iterdir()))}"
        return save_model(TrainedModel(network, (datasets, trs), settings), out)

    return save


@pytest.fixture
def save_untrained(untrained: Callable[..., Path], config: Config, tmp_path: Path) -> Callable[..., Path]:
    """Save an untrained model with the given labels."""

    def save(
        name: str = "model",
        datasets: tuple[str, ...] = DATASETS,
        trs: tuple[str, ...] = TRS,
        settings: Config = config,
    ) -> Path:
        return Path(shutil.copytree(untrained(datasets, trs, dump_config(settings)), tmp_path / name))

    return save


# Made once: every stage for real; tests must leave these folders as they are


@pytest.fixture(scope="session")
def steps(inputs: Catalogue, config: Config, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Do every stage by its own command."""
    folder = tmp_path_factory.mktemp("done") / "steps"
    folder.mkdir()
    done = Finished(folder, {})
    shutil.copy(inputs[0], done.peaks)
    shutil.copy(inputs[1], done.crms)
    done.config.write_text(dump_config(config))
    store, model = done.store, ("--model", done.model)
    for name, *arguments in (
        ("build plan", "build-store", done.peaks, done.crms, store, "--config", done.config, "--dry-run",
         "--json"),
        ("build-store", "build-store", done.peaks, done.crms, store, "--config", done.config, "--json"),
        ("info", "info", store),
        ("info json", "info", store, "--json"),
        ("train", "train", store, "--config", done.config, *model),
        ("score plan", "score", store, *model, "--dry-run", "--json"),
        ("score plan text", "score", store, *model, "--dry-run"),
        ("info before score", "info", store, "--json"),
        ("score", "score", store, *model),
        ("score plan after", "score", store, *model, "--dry-run", "--json"),
        ("info before normalize", "info", store, "--json"),
        ("normalize", "normalize", store, *model),
        ("info after", "info", store, "--json"),
        ("export", "export", store, "--out", done.scores),
    ):  # fmt: skip
        done.printed[name] = printed(*arguments)
    return done


@pytest.fixture(scope="session")
def whole(steps: Finished) -> Finished:
    """Do `run` with the inputs and settings of `steps`."""
    folder = steps.folder.with_name("whole")
    arguments = ("--peaks", steps.peaks, "--crms", steps.crms, "--scores", "article")
    text = printed("run", steps.config, "--workdir", folder, *arguments)
    return Finished(folder, {"run": text})


@pytest.fixture(scope="session")
def truth(inputs: Catalogue) -> Truth:
    """Read off the input files which peaks overlap which CRM."""
    peak_rows = [line.split("\t") for line in inputs[0].read_text().splitlines()[1:]]
    crm_rows = [line.split("\t") for line in inputs[1].read_text().splitlines()]
    crms = [(contig, int(start), int(end)) for contig, start, end, *_ in crm_rows]
    sources: dict[int, set[str]] = defaultdict(set)
    found = []
    for contig, left, right, name, *_ in peak_rows:
        start, end = int(left), int(right)
        overlapped = [i for i, c in enumerate(crms) if c[0] == contig and c[1] < end and start < c[2]]
        for crm in overlapped:
            sources[crm].add(name)
        if overlapped:
            found.append(((contig, start, end, name), min(overlapped, key=lambda i: crms[i][1])))
    found.sort()
    others = [len(sources[crm] - {line[3]}) for line, crm in found]
    return Truth([line for line, _ in found], [crm for _, crm in found], others)
