"""One small store and one untrained model, made once; every test gets a copy."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import random_catalogue
from distributed import Client, LocalCluster
from scoring.by_hand import save_untrained

from atypeak_scale.config import Config
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store

Template = Path


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Return the folder in which `raw` and `normalized` make their store once."""
    return tmp_path_factory.mktemp("scoring")


def handle(folder: Path) -> Scores:
    return open_scores(open_store(folder / "s.zarr"), folder / "model")


@pytest.fixture
def scores(template: Template, config: Config, tmp_path: Path) -> Scores:
    """Return the handle of scores that do not exist yet: s.zarr and model in the test's folder."""
    source = template / "unscored"
    if not source.exists():
        build_store(*random_catalogue(source / "catalogue"), source / "s.zarr", config)
        save_untrained(source / "model", config)
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    return handle(tmp_path)


@pytest.fixture
def normalized(scores: Scores, template: Template, config: Config, tmp_path: Path) -> Scores:
    """Return scores that are complete and normalized."""
    source = template / "normalized"
    if not source.exists():
        shutil.copytree(tmp_path, source)
        complete(handle(source))
        normalize(handle(source), config.normalization)
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    return scores


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """Start a cluster and connect, as a caller does who has a Dask cluster of their own."""
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster, set_as_default=False) as connected,
    ):
        yield connected


@pytest.fixture(scope="session", params=["two workers", "a client"])
def elsewhere(request: pytest.FixtureRequest) -> Executor:
    """Return executors of other processes: ours, and those of a client that the caller made."""
    if request.param == "two workers":
        found: Executor = request.getfixturevalue("two_workers")
        return found
    return DaskExecutor(client=request.getfixturevalue("client"))
