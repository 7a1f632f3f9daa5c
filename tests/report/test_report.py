"""The report as a whole."""

from pathlib import Path

import pytest

import atypeak_scale
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.report.page import Missing, Page
from atypeak_scale.report.report import CALLS, page_of, write_report
from atypeak_scale.report.results import Results
from tests.report.conftest import handles


def missing(page: Page) -> set[str]:
    return {block.stage for one in page.sections for block in one.blocks if isinstance(block, Missing)}


@pytest.fixture(scope="module")
def of_article_only(of_article: Results) -> Page:
    return page_of(of_article, None, CALLS)


@pytest.fixture(scope="module")
def of_mouse(of_article: Results) -> tuple[Page, set[str]]:
    """Return the page with another assembly, and what was told while it was made."""
    told: set[str] = set()
    executor = InProcess(lambda event: told.add(event.stage))
    return page_of(Results(of_article.article, None, None, executor), "mm39", CALLS), told


def test_write_report__makes_the_page_and_its_tables(report: Path) -> None:
    assert sorted(one.name for one in report.iterdir()) == ["made-from.json", "report.html", "tables"]
    assert (report / "report.html").stat().st_size < 5_000_000
    assert (report / "tables" / "files.tsv").is_file()


def test_write_report__refuses_a_folder_that_exists(workdir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists"):
        write_report(handles(workdir), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_page_of__says_how_to_run_what_was_not(of_article_only: Page, results: Results) -> None:
    assert missing(of_article_only) == {"support", "search", "stability", "releases"}
    assert missing(of_article_only) <= set(of_article_only.commands)
    assert missing(page_of(results, None, CALLS)) == {"stability", "releases"}


def test_page_of__links_to_a_browser_if_the_assembly_is_known(
    of_article_only: Page, of_mouse: tuple[Page, set[str]]
) -> None:
    assert of_article_only.browser == ""
    assert "db=mm39&" in of_mouse[0].browser


def test_page_of__reports_progress(of_mouse: tuple[Page, set[str]]) -> None:
    assert {"report", "modules"} <= of_mouse[1]


def test_write_report__is_public() -> None:
    assert atypeak_scale.write_report is write_report
