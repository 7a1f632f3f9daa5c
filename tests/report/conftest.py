"""A run on a small artificial catalogue with two hostile labels, and with everything that a report shows."""

from pathlib import Path

import pytest

from atypeak_scale import build_store, normalize, open_scores, open_store, score
from atypeak_scale.assess.evidence.power import power
from atypeak_scale.assess.interpretation.corroboration import corroboration
from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.assess.interpretation.ur_examples import ur_examples
from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.quality.search import search
from atypeak_scale.assess.results import save_tables
from atypeak_scale.catalogue.artificial import ArtificialSettings, simulate
from atypeak_scale.config import Config, parse_config
from atypeak_scale.model.files import save_model
from atypeak_scale.model.training.train import train
from atypeak_scale.registry.evidence_columns import CORROBORATION, EVIDENCE
from atypeak_scale.report.report import write_report
from atypeak_scale.report.results import Results, results_of
from atypeak_scale.workdir import MODELS, STORE
from tests.report.in_browser import browser  # noqa: F401

HOSTILE, FORMULA = "<script>alert(1)</script>", "$$x$$"
CONFIG = parse_config(
    {
        "cell_line": "artificial",
        "store": {"min_crm_peaks": 0, "windows_per_chunk": 64, "rows_per_block": 512},
        "model": {"filters": 4, "deep_dimension": 8},
        "training": {"max_epochs": 3, "learning_rate": 0.001, "batches_per_epoch": 5},
        "normalization": {"sample": "all"},
        "support": {"filters": 4, "deep_dimension": 8, "epochs": 2, "batches_per_epoch": 5},
        "chance": {"placements": 300},
    },
    "test",
)


@pytest.fixture(scope="session")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Score both ways, and run what a report shows; tests must leave the folder as it is."""
    folder = tmp_path_factory.mktemp("report") / "run"
    scored = _scored(folder)
    article, support = scored
    qscore(article)
    groups(article)
    ur_examples(article)
    tables = [(EVIDENCE, power(support)), (CORROBORATION, corroboration(support))]
    save_tables(tables, folder / "evidence", support.cell_line.views, support.provenance())
    grid = {"model.deep_dimension": [4, 8]}
    search(article.cell_line, CONFIG, folder / "search", grid, seeds=2)
    return folder


def _scored(folder: Path) -> list:
    drawn = ArtificialSettings(crms=400, datasets=4, trs=4, seed=3)
    files = simulate(drawn, folder / "catalogue")
    text = files.peaks.read_text().replace("dataset03", HOSTILE).replace("tr03", FORMULA)
    files.peaks.write_text(text)
    build_store(files.peaks, files.crms, folder / STORE, CONFIG)
    cell_line, found = open_store(folder / STORE), []
    for objective, name in MODELS.items():
        config = Config(
            **{**CONFIG.model_dump(), "training": {**CONFIG.training.model_dump(), "objective": objective}}
        )
        found.append(score(cell_line, save_model(train(cell_line, config), folder / name)))
    normalize(found[0], CONFIG.normalization)
    return found


def handles(folder: Path) -> list:
    """Return the scores of the article and support of the run."""
    cell_line = open_store(folder / STORE)
    return [open_scores(cell_line, folder / name) for name in MODELS.values()]


@pytest.fixture(scope="session")
def results(workdir: Path) -> Results:
    """Return everything about the run."""
    return results_of(handles(workdir), workdir)


@pytest.fixture(scope="session")
def of_article(workdir: Path) -> Results:
    """Return the same without support, and nothing beside."""
    return results_of(handles(workdir)[:1], None)


@pytest.fixture(scope="session")
def report(workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a report with everything in it."""
    out = tmp_path_factory.mktemp("written") / "report"
    write_report(handles(workdir), out, workdir)
    return out
