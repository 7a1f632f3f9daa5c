"""Stores, models and scores that long benchmarks keep, so that a run that was stopped goes on.

A model is kept under its settings; a store with its scores also under the code that support follows from, so
that a benchmark never shows what older code found.
"""

import hashlib
from importlib.metadata import version
from pathlib import Path

import atypeak_scale
from atypeak_scale import build_store, normalize, open_scores, open_store, simulate, train
from atypeak_scale.catalogue.artificial import ArtificialSettings
from atypeak_scale.config import Config, Objective, dump_config, for_support, with_objective
from atypeak_scale.execution.dask_cluster import DISTRIBUTION
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.cell_line import CellLine
from benchmarks.harness import SHARED, kept_folder

CODE = ("scoring/support", "model/inference", "model/training")


def key_of(*made_by: object) -> str:
    """Return a short name for what results were made from."""
    return hashlib.sha256(" ".join(map(str, made_by)).encode()).hexdigest()[:12]


def support_code() -> str:
    """Return a name for the code that support follows from; another code has another."""
    root = Path(atypeak_scale.__file__).parent
    files = [file for name in CODE for file in sorted((root / name).glob("*.py"))]
    return key_of(*(file.read_text() for file in files))


def published_peaks(cell_line: str) -> Path:
    """Return the file with the published peaks of a cell line; exit if the real data are absent."""
    if not SHARED.is_dir():
        raise SystemExit(f"{SHARED} with the real data is absent")
    return SHARED / f"data/{cell_line}.published-raw.bed.xz"


def kept_store(name: str, config: Config, peaks: Path, crms: Path) -> CellLine:
    """Return a store of two files, built if it is not kept; `name` says what is in them."""
    folder = kept_folder("stores") / f"{name}, {key_of(_settings(config), support_code())}"
    store = folder / "store.zarr"
    if not store.exists():
        folder.mkdir(exist_ok=True)
        build_store(peaks, crms, store, config)
    return open_store(store, config.cell_line)


def kept_real_store(config: Config) -> CellLine:
    """Return the store of the published peaks of a cell line."""
    return kept_store(config.cell_line, config, published_peaks(config.cell_line), SHARED / "data/crm.bed.xz")


def kept_artificial(settings: ArtificialSettings, config: Config) -> tuple[CellLine, Path]:
    """Return the store of an artificial catalogue, and its truth."""
    name = f"artificial {key_of(settings.model_dump_json())}"
    folder = kept_folder("catalogues") / name
    if not folder.exists():
        simulate(settings, folder)
    return kept_store(name, config, folder / "peaks.bed", folder / "crms.bed"), folder / "truth.tsv"


def kept_scores(name: str, cell_line: CellLine, config: Config, objective: Objective) -> Scores:
    """Return complete scores, trained and scored as far as they are not kept; `name` says of which data."""
    of_objective = with_objective(config, objective)
    settings = of_objective
    if objective == "support":
        settings = for_support(of_objective)
    seed = config.training.seed
    model = kept_folder("models") / f"{name}, {objective} {seed}, {key_of(_settings(settings))}"
    if not model.exists():
        train(cell_line, of_objective, model)
    scores = open_scores(cell_line, model)
    complete(scores)
    if objective == "article" and scores.normalization is None:
        normalize(scores)
    return scores


def _settings(config: Config) -> str:
    return f"{version(DISTRIBUTION)} {dump_config(config)}"
