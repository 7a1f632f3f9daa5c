"""A report in headless Chromium: what it asked for, what went wrong, and what must hold for every report."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECTIONS = ("verdict", "stand-out", "modules", "together", "good", "data", "made")
SECONDS = 5


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium here: the page was not opened in a browser")
    sync = pytest.importorskip("playwright.sync_api", reason="no playwright here: the page was not opened")
    with sync.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Seen:
    """A page in the browser, with what it asked for and what went wrong."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.page = browser.new_context(accept_downloads=True, **options).new_page()
        self.requests: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", lambda one: self.requests.append(one.url))
        self.page.on(
            "console",
            lambda one: self.problems.append(one.text) if one.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda one: self.problems.append(str(one)))
        self.page.on("dialog", lambda one: self.problems.append(f"a dialog: {one.message}"))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)

    @property
    def milliseconds(self) -> int:
        """How long the page took to draw."""
        return int(self.page.locator("html").get_attribute("data-milliseconds"))

    def table(self, name: str) -> Any:
        return self.page.locator(f"#table-{name}")

    def cells(self, name: str, column: str) -> list[str]:
        """Return the full texts of a column as it is shown."""
        table = self.table(name)
        heads = [one.inner_text().strip(" ▲▼") for one in table.locator("thead th").all()]
        at = heads.index(column) + 1
        return [one.get_attribute("title") for one in table.locator(f"tbody td:nth-child({at})").all()]


def assert_drawn_without_requests(seen: Seen, file: Path) -> None:
    """Every section and every figure is there, and nothing but the file was asked for."""
    assert seen.problems == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [file.as_uri()]
    assert [one.get_attribute("id") for one in seen.page.locator("main > section").all()] == list(SECTIONS)
    figures, drawn = seen.page.locator(".drawing").count(), seen.page.locator(".drawing canvas").count()
    assert int(seen.page.locator("html").get_attribute("data-drawn")) == figures <= drawn


def assert_labels_are_text(seen: Seen, labels: set[str]) -> None:
    """Labels that would do something in HTML or TeX are shown as they are, and do nothing."""
    seen.table("experiments").get_by_role("button", name="All columns").click()
    more = seen.table("experiments").get_by_role("button", name=re.compile(r"^Show \d+ more"))
    while more.is_visible():
        more.click()
    assert labels <= {*seen.cells("experiments", "dataset"), *seen.cells("experiments", "tr")}
    choices = " ".join(seen.page.locator("#figure-phantoms option").all_inner_texts())
    assert any(label in choices for label in labels)
    # Every script of the page was there before: the library, ours, and the packed data.
    kinds = {one.get_attribute("type") for one in seen.page.locator("script").all()}
    assert kinds == {None, "application/octet-stream"}
    seen.table("experiments").get_by_role("button", name="Fewer columns").click()
    assert seen.problems == []


def assert_sorts_and_filters(seen: Seen, tables: Path) -> None:
    """The table of experiments follows its buttons and its filter as its file says it must."""
    frame = pd.read_csv(tables / "experiments.tsv", sep="\t", dtype=str, keep_default_na=False)
    peaks = sorted(map(int, frame["peaks"]))
    table, count = (
        seen.table("experiments"),
        seen.table("experiments").get_by_text(re.compile(r"of \d+ rows")),
    )
    table.locator("th button", has_text=re.compile("^peaks")).click()
    down = [int(one) for one in seen.cells("experiments", "peaks")]
    assert down == peaks[::-1][: len(down)] and len(down) > 3
    table.locator("th button", has_text=re.compile("^peaks")).click()
    assert [int(one) for one in seen.cells("experiments", "peaks")] == peaks[: len(down)]
    dataset = frame["dataset"].mode()[0]
    table.get_by_role("searchbox").fill(dataset)
    assert set(seen.cells("experiments", "dataset")) == {dataset}
    limit = peaks[len(frame) // 2]
    table.get_by_role("searchbox").fill(f"peaks > {limit}")
    kept = [one for one in peaks if one > limit]
    shown = [int(one) for one in seen.cells("experiments", "peaks")]
    assert shown == kept[: len(shown)] and len(shown) >= min(len(kept), len(down))
    assert f"of {len(kept)} rows" in count.inner_text()
    table.get_by_role("searchbox").fill("")


def assert_finds_a_module(seen: Seen, tables: Path) -> None:
    """A module is found by its coordinates as browsers write them, by a place in it, and by its number."""
    modules = pd.read_csv(tables / "modules.tsv", sep="\t")
    figure, one = seen.page.locator("#figure-module"), modules.iloc[-1]
    find, note = figure.get_by_role("searchbox"), figure.locator(".note")
    for wanted in (
        f"{one.contig}:{one.start + 1:,}-{one.end:,}",
        f"{one.contig}:{(one.start + one.end) // 2}",
        str(one.crm),
    ):
        figure.locator("select").select_option("0")
        assert f"CRM {one.crm}:" not in note.inner_text()
        find.fill(wanted)
        figure.get_by_role("button", name="Show").click()
        assert note.inner_text().startswith(f"CRM {one.crm}: {one.peaks} peaks")
    find.fill("chr7:1-2")
    figure.get_by_role("button", name="Show").click()
    answer = figure.locator(".answer").inner_text()
    assert f"the {len(modules)} modules of this page" in answer and "chr7:1-2" in answer
