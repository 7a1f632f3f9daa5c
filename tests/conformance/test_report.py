"""The report of a whole run at the sizes of HeLa and of K562, opened in a real browser.

One source has a label that would run a script if anything took it for HTML.
"""

import lzma
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atypeak_scale import load_config, run
from atypeak_scale.assess import groups, qscore, ur_examples
from atypeak_scale.config import Config, parse_config
from atypeak_scale.report.report import write_report
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.workdir import MODELS, REPORT, STORE
from benchmarks.shapes import k562_shaped_catalogue
from tests.report.in_browser import (
    SECONDS,
    Seen,
    assert_drawn_without_requests,
    assert_finds_a_module,
    assert_labels_are_text,
    assert_sorts_and_filters,
)

HOSTILE = "<script>alert(1)</script>"
MB = 1_000_000
Inputs = tuple[Config, Path, Path]

pytestmark = pytest.mark.slow


def with_hostile(config: Config, dataset: str, **changes: dict[str, Any]) -> Config:
    """Return the settings for a catalogue in which a dataset has the hostile name."""
    values = config.model_dump()
    for section, of_section in changes.items():
        values[section] |= of_section
    named = values["selection"]["sources"]
    values["selection"]["sources"] = [one.replace(f"{dataset}.", f"{HOSTILE}.") for one in named]
    assert values["selection"]["sources"] != named
    return parse_config(values, "test")


def rename(peaks: str, dataset: str, out: Path) -> Path:
    assert f"\t{dataset}." in peaks
    out.write_text(peaks.replace(f"\t{dataset}.", f"\t{HOSTILE}."))
    return out


def hela(shared: Path, folder: Path) -> Inputs:
    """Return what the article's run on HeLa takes."""
    with lzma.open(shared / "data/hela.published-raw.bed.xz", "rt") as lines:
        peaks = rename(lines.read(), "GSE45441", folder / "peaks.bed")
    return with_hostile(load_config("hela"), "GSE45441"), peaks, shared / "data/crm.bed.xz"


def k562_shaped(folder: Path) -> Inputs:
    """Return artificial data with the 71 sources and 107,867 windows of K562, and a small, short model.

    What the page draws depends on the number of sources and modules, not on how good the model is.
    """
    peaks, crms = k562_shaped_catalogue(folder)
    short = {"batches_per_epoch": 48}
    config = with_hostile(
        load_config("k562"), "ENCSR000AKO", store={"min_crm_peaks": 0},
        model={"filters": 16, "deep_dimension": 32}, training={"max_epochs": 3, **short},
        support={"epochs": 3, **short},
    )  # fmt: skip
    return config, rename(peaks.read_text(), "ENCSR000AKO", folder / "renamed.bed"), crms


@pytest.fixture(scope="module", params=["hela", "k562"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Return the folder of a report with everything that the models themselves tell."""
    folder = tmp_path_factory.mktemp("report-of-run")
    if request.param == "hela":
        inputs = hela(request.getfixturevalue("shared"), folder)
    else:
        inputs = k562_shaped(folder)
    run(inputs[0], folder / "w", *inputs[1:])
    cell_line = open_store(folder / "w" / STORE)
    article, support = (open_scores(cell_line, folder / "w" / model) for model in MODELS.values())
    for assess in (qscore, groups, ur_examples):
        assess(article)
    started = time.monotonic()
    write_report([article, support], folder / REPORT, folder / "w")
    print(f"{request.param}: report in {time.monotonic() - started:.0f} s")
    return request.param, folder / REPORT


@pytest.fixture(scope="module")
def seen(browser: Any, made: tuple[str, Path]) -> Seen:
    page = Seen(browser, made[1] / "report.html", viewport={"width": 1200, "height": 900})
    print(f"{made[0]}: drawn in {page.milliseconds:,} ms")
    return page


def test_report__is_small(made: tuple[str, Path]) -> None:
    name, folder = made
    size = (folder / "report.html").stat().st_size
    print(f"{name}: {size / MB:.1f} MB")
    assert size < {"hela": 10, "k562": 15}[name] * MB


def test_report__draws_everything_soon_and_asks_for_nothing(seen: Seen, made: tuple[str, Path]) -> None:
    assert_drawn_without_requests(seen, made[1] / "report.html")
    assert seen.milliseconds < 1000 * SECONDS  # run by hand, on a quiet machine


@pytest.mark.parametrize("check", [assert_sorts_and_filters, assert_finds_a_module])
def test_report__tables_and_modules(
    seen: Seen, made: tuple[str, Path], check: Callable[[Seen, Path], None]
) -> None:
    check(seen, made[1] / "tables")
    assert seen.problems == []


def test_report__shows_a_hostile_label_as_text(seen: Seen) -> None:
    assert_labels_are_text(seen, {HOSTILE})
