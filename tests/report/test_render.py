"""The page: one file that loads nothing, runs only its own scripts, and shows the numbers of its tables."""

import base64
import csv
import gzip
import hashlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from atypeak_scale.registry.report_columns import FILES
from atypeak_scale.report.drawing import new_figure
from atypeak_scale.report.page import Figure, Listing, Missing, Number, Numbers, Page, Section, Text
from atypeak_scale.report.render import render, write_tables
from tests.report.conftest import FORMULA, HOSTILE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECTIONS = ("verdict", "stand-out", "modules", "together", "good", "data", "made")
SECONDS = 5


def page_with(label: str) -> Page:
    """Return a small page that says a label everywhere."""
    frame = pd.DataFrame({"file": [label, "b"], "rows": [12345, 7], "description": ['a "b"', ""]})
    drawn = new_figure(200, "x", "y", y_range=[label])
    drawn.scatter([1.0], [label])
    listing = Listing("files", label, FILES, frame, label)
    blocks = (Text((label,)), Numbers((Number(label, label),)), Missing(label, "qscore"),
              Figure("one", label, drawn, label, "files"), listing)  # fmt: skip
    return Page(label, label, ("dataset", "tr"), (Section("s", label, label, blocks),), {"qscore": label})


def rendered(page: Page, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    write_tables(page, folder / "tables")
    return render(page, folder / "tables")


def packs(html: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/octet-stream" id="(pack-\d+)">([^<]*)</script>', html)
    return {name: json.loads(gzip.decompress(base64.b64decode(packed))) for name, packed in found}


class Reader(HTMLParser):
    """Notes the tags, and the scripts as a browser sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.is_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.is_script = tag == "script"
        if self.is_script:
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.is_script = False

    def handle_data(self, data: str) -> None:
        if self.is_script:
            self.scripts[-1] += data


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


def test_render__escapes_labels_and_allows_only_its_own_scripts(tmp_path: Path) -> None:
    html = rendered(page_with(HOSTILE), tmp_path)
    assert HOSTILE not in html
    reader = read(html)
    run = [text for (tag, attributes), text in zip(
        [one for one in reader.tags if one[0] == "script"], reader.scripts, strict=True
    ) if attributes.get("type") is None]  # fmt: skip
    assert len(run) == 2
    (policy,) = [a["content"] for tag, a in reader.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    allowed = [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in run]
    assert rules["script-src"].split() == allowed
    assert "connect-src" not in rules
    assert not [a for tag, a in reader.tags if a.get("src") or (tag == "link" and a.get("href"))]


def test_render__gives_the_same_page_for_the_same_data(tmp_path: Path) -> None:
    one, other = (rendered(page_with("a"), tmp_path / folder) for folder in ("one", "other"))
    assert one == other


def test_render__refuses_names_given_twice_and_figures_without_a_table(tmp_path: Path) -> None:
    page = page_with("a")
    (section,) = page.sections
    figure = section.blocks[3]
    for blocks, problem in (
        ((*section.blocks, figure), "one name"),
        (section.blocks[:4], "no table 'files'"),
    ):
        wrong = Page("", "", page.views, (Section("s", "", "", blocks),), page.commands)
        with pytest.raises(ValueError, match=problem):
            render(wrong, tmp_path)


def test_tables__of_a_report_hold_the_text_of_their_files(report: Path) -> None:
    """Every number that the page can show is the one in the file."""
    html = (report / "report.html").read_text(encoding="utf-8")
    tables = [pack for pack in packs(html).values() if isinstance(pack, dict) and "rows" in pack]
    names = {pack["file"] for pack in tables}
    files = {file.name for file in (report / "tables").iterdir()}
    assert names <= files and {"experiments.tsv", "modules.tsv", "lowest-peaks.tsv", "pairs.tsv"} <= names
    for pack in tables:
        with (report / "tables" / pack["file"]).open(encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file, delimiter="\t")
        assert [column["name"] for column in pack["columns"]] == head
        assert pack["rows"] == rows
        assert all(column["meaning"] for column in pack["columns"])


# --- in a real browser


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

    def table(self, name: str) -> Any:
        return self.page.locator(f"#table-{name}")

    def cells(self, name: str, column: str) -> list[str]:
        """Return the full texts of a column as it is shown."""
        table = self.table(name)
        heads = [one.inner_text().strip(" ▲▼") for one in table.locator("thead th").all()]
        at = heads.index(column) + 1
        return [one.get_attribute("title") for one in table.locator(f"tbody td:nth-child({at})").all()]


@pytest.fixture(scope="module")
def seen(browser: Any, report: Path) -> Seen:
    return Seen(browser, report / "report.html", viewport={"width": 1200, "height": 900})


def test_browser__draws_everything_soon_and_asks_for_nothing(seen: Seen, report: Path) -> None:
    assert seen.problems == []
    assert [url for url in seen.requests if not url.startswith("data:")] == [
        (report / "report.html").as_uri()
    ]
    assert [one.get_attribute("id") for one in seen.page.locator("main > section").all()] == list(SECTIONS)
    root = seen.page.locator("html")
    drawn = seen.page.locator(".drawing canvas")
    assert int(root.get_attribute("data-drawn")) == seen.page.locator(".drawing").count() <= drawn.count()
    assert int(root.get_attribute("data-milliseconds")) < 1000 * SECONDS
    assert seen.page.locator(".missing").count() >= 1  # no releases beside this run


def test_browser__shows_hostile_labels_as_text(seen: Seen) -> None:
    seen.table("experiments").get_by_role("button", name="All columns").click()
    shown = seen.cells("experiments", "dataset") + seen.cells("experiments", "tr")
    assert HOSTILE in shown and FORMULA in shown
    assert any(HOSTILE in text for text in seen.page.locator("#figure-phantoms option").all_inner_texts())
    # Every script of the page was there before: the library, ours, and the packed data.
    kinds = {one.get_attribute("type") for one in seen.page.locator("script").all()}
    assert kinds == {None, "application/octet-stream"}
    seen.table("experiments").get_by_role("button", name="Fewer columns").click()
    assert seen.problems == []


def test_browser__sorts_and_filters_tables(seen: Seen, report: Path) -> None:
    frame = pd.read_csv(report / "tables" / "experiments.tsv", sep="\t", dtype=str, keep_default_na=False)
    table = seen.table("experiments")
    table.locator("th button", has_text=re.compile("^peaks")).click()
    down = [int(one) for one in seen.cells("experiments", "peaks")]
    assert down == sorted(map(int, frame["peaks"]), reverse=True)[: len(down)]
    table.locator("th button", has_text=re.compile("^peaks")).click()
    up = [int(one) for one in seen.cells("experiments", "peaks")]
    assert up == sorted(map(int, frame["peaks"]))[: len(up)]
    table.get_by_role("searchbox").fill("dataset01")
    assert set(seen.cells("experiments", "dataset")) == {"dataset01"}
    limit = sorted(map(int, frame["peaks"]))[len(frame) // 2]
    table.get_by_role("searchbox").fill(f"peaks > {limit}")
    kept = sorted(int(one) for one in seen.cells("experiments", "peaks"))
    assert kept == sorted(int(one) for one in frame["peaks"] if int(one) > limit)
    table.get_by_role("searchbox").fill("")


def test_browser__rounds_numbers_only_to_show_them(seen: Seen) -> None:
    table = seen.table("experiments")
    for row in table.locator("tbody tr").all():
        for cell in row.locator("td.number").all():
            full, shown = cell.get_attribute("title"), cell.inner_text().replace(",", "")
            assert (full == "") == (shown == "")
            if full:
                assert float(shown) == pytest.approx(float(full), rel=6e-4)


def test_browser__saves_a_table_as_its_file(seen: Seen, report: Path) -> None:
    with seen.page.expect_download() as waiting:
        seen.table("experiments").get_by_role("button", name="Save experiments.tsv").click()
    assert waiting.value.suggested_filename == "experiments.tsv"
    saved = Path(waiting.value.path()).read_text(encoding="utf-8")
    written = (report / "tables" / "experiments.tsv").read_text(encoding="utf-8")
    read_back = [list(csv.reader(io.StringIO(text), delimiter="\t")) for text in (saved, written)]
    assert read_back[0] == read_back[1]


def test_browser__finds_a_module_by_its_place_or_number(seen: Seen, report: Path) -> None:
    modules = pd.read_csv(report / "tables" / "modules.tsv", sep="\t")
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


def test_browser__rows_move_the_view_and_link_to_a_genome_browser(seen: Seen, report: Path) -> None:
    modules = pd.read_csv(report / "tables" / "modules.tsv", sep="\t")
    third = seen.table("modules").locator("tbody tr").nth(2)
    third.locator("td").first.click()
    note = seen.page.locator("#figure-module .note").inner_text()
    assert note.startswith(f"CRM {modules.crm[2]}:")
    link = third.locator("a").get_attribute("href")
    place = f"{modules.contig[2]}:{modules.start[2] + 1}-{modules.end[2]}"
    assert link == f"https://genome.ucsc.edu/cgi-bin/hgTracks?db=hg38&position={place}"
    assert all(url.startswith(("file:", "data:")) for url in seen.requests)


def test_browser__opens_the_table_behind_a_figure(seen: Seen) -> None:
    table = seen.table("pairs")
    assert table.get_attribute("open") is None
    seen.page.locator("#figure-pairs a.behind").click()
    assert table.get_attribute("open") is not None


def test_browser__says_what_is_in_a_cell_of_a_matrix(seen: Seen, report: Path) -> None:
    figure = seen.page.locator("#figure-pairs")
    figure.scroll_into_view_if_needed()
    box = figure.locator("canvas").first.bounding_box()
    seen.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    seen.page.wait_for_timeout(200)
    said = figure.locator(".cell").inner_text()
    found = re.fullmatch(r"(.+) \(row\), (.+) \(column\): superiority (\S+)", said)
    assert found is not None, said
    row, column, value = found.groups()
    pairs = pd.read_csv(report / "tables" / "pairs.tsv", sep="\t").set_index(["tr", "other_tr"])[
        "superiority"
    ]
    if row == column:
        assert value == "-"
    else:
        assert float(value) == pytest.approx(min(max(pairs[row, column], 0.2), 0.8), abs=0.01)


@pytest.mark.parametrize(
    "options", [{"color_scheme": "dark"}, {"viewport": {"width": 390, "height": 800}}], ids=["dark", "phone"]
)
def test_browser__dark_and_on_a_phone(browser: Any, report: Path, options: dict[str, Any]) -> None:
    seen = Seen(browser, report / "report.html", **options)
    assert seen.problems == []
    width = options.get("viewport", {"width": 1280})["width"]
    # Nothing is wider than the screen; tables scroll by themselves.
    widest = max(one.bounding_box()["width"] for one in seen.page.locator("main > section").all())
    assert widest <= width
    ink = seen.page.locator("h1").evaluate("one => getComputedStyle(one).color")
    red = int(re.findall(r"\d+", ink)[0])
    assert (red > 128) == (options.get("color_scheme") == "dark")
