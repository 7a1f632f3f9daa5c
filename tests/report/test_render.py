"""The page: one file that loads nothing, runs only its own scripts, and shows the numbers of its tables."""

import base64
import csv
import gzip
import hashlib
import io
import json
import re
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
from tests.report.in_browser import (
    Seen,
    assert_drawn_without_requests,
    assert_finds_a_module,
    assert_labels_are_text,
    assert_sorts_and_filters,
)


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


@pytest.fixture(scope="module")
def seen(browser: Any, report: Path) -> Seen:
    return Seen(browser, report / "report.html", viewport={"width": 1200, "height": 900})


def test_browser__draws_everything_and_asks_for_nothing(seen: Seen, report: Path) -> None:
    assert_drawn_without_requests(seen, report / "report.html")
    assert seen.page.locator(".missing").count() >= 1  # no releases beside this run


def test_browser__shows_hostile_labels_as_text(seen: Seen) -> None:
    assert_labels_are_text(seen, {HOSTILE, FORMULA})


def test_browser__sorts_and_filters_tables(seen: Seen, report: Path) -> None:
    assert_sorts_and_filters(seen, report / "tables")


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
    assert_finds_a_module(seen, report / "tables")


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
    found = re.fullmatch(r"(.+) \(row\), (.+) \(column\): chance of a higher score with it (\S+)", said)
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
