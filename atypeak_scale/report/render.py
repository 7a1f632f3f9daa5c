"""From the blocks of a page to one HTML file that needs nothing else.

Scripts are in the page, and the page's own policy lets nothing else run or load: what a label says can do
nothing. Figures and tables are packed, and `templates/page.js` draws them.
"""

import base64
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from atypeak_scale.report.numbers import count
from atypeak_scale.report.page import Chooser, Figure, Listing, Page
from atypeak_scale.tables import COLUMNS_FILE, ENDING, columns_of, write_dictionary, write_tsv

if TYPE_CHECKING:
    from pathlib import Path

    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = "templates"
TABLES = "tables"  # folder of the files beside the page


def render(page: Page, tables: "Path") -> str:
    """Return the page as HTML.

    Parameters
    ----------
    page
        What it shows.
    tables
        The folder with the files of its tables, see `write_tables`.

    """
    from markupsafe import Markup

    scripts = [Markup(script) for script in (*_bokeh(), _own("page.js"))]
    packs = _Packs(page, tables)
    template = _environment().get_template("page.html.j2")
    # The packs are filled by the body, so it is rendered before them.
    return template.render(
        page=page, policy=_policy(scripts), style=Markup(_own("page.css")), scripts=scripts,
        packs=packs.packed, count=count, anchors=_anchors(page), kinds=lambda block: type(block).__name__,
        pack=packs.figure, pack_choices=packs.choices, pack_table=packs.table,
    )  # fmt: skip


def write_tables(page: Page, folder: "Path") -> None:
    """Write the file of every table of the page, and what their columns mean, to a new folder."""
    folder.mkdir()
    columns = {}
    for listing in page.listings():
        name = f"{listing.name}{ENDING}"
        write_tsv(listing.frame, listing.table, page.views, folder / name)
        columns[name] = columns_of(listing.frame, listing.table, page.views)
    write_dictionary(columns, folder / COLUMNS_FILE)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("atypeak_scale.report", TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@cache
def _own(name: str) -> str:
    return (files("atypeak_scale.report") / TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _bokeh() -> tuple[str, ...]:
    """Return the scripts of Bokeh, without those for widgets, tables and mathematics."""
    from bokeh.resources import Resources

    library = Resources(mode="inline", components=["bokeh"], minified=True).js_raw[0]
    return (library.replace("\r\n", "\n"),)


def _policy(scripts: Sequence[str]) -> str:
    """Return a content security policy: our scripts run, nothing is loaded, no text becomes code."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    # Bokeh styles its parts, and draws the icons of its tools from data in these styles.
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _anchors(page: Page) -> dict[str, dict[str, str]]:
    """Return the anchors of all figures and of all tables, by name.

    Raises
    ------
    ValueError
        If two of a kind have one name, or a figure names a table that the page does not have.

    """
    figures = [
        block for section in page.sections for block in section.blocks if isinstance(block, Figure | Chooser)
    ]
    tables = page.listings()
    for names in ([one.name for one in figures], [one.name for one in tables]):
        if len(set(names)) < len(names):
            raise ValueError(f"two blocks of one name: {sorted(names)}")
    anchors = {
        "figure": {one.name: f"figure-{one.name}" for one in figures},
        "table": {one.name: f"table-{one.name}" for one in tables},
    }
    for one in figures:
        if one.behind not in anchors["table"]:
            raise ValueError(f"{one.name}: no table {one.behind!r} in the page")
    return anchors


class _Packs:
    """Packs the data of blocks: JSON, gzip, base64, each under a name that the template writes."""

    def __init__(self, page: Page, tables: "Path") -> None:
        self.page, self.tables = page, tables
        self.packed: dict[str, Markup] = {}

    def figure(self, block: Figure | Chooser) -> str:
        from bokeh.embed import json_item

        return self._add(_renumbered(json_item(block.model)))

    def choices(self, block: Chooser) -> str:
        return self._add([asdict(choice) for choice in block.choices])

    def table(self, block: Listing) -> str:
        text = (self.tables / f"{block.name}.tsv").read_text(encoding="utf-8")
        head, *rows = csv.reader(io.StringIO(text), delimiter="\t")
        described = {column.name: column for column in block.table.named(self.page.views)}
        columns = [
            {
                "name": name,
                "meaning": _meaning(described[name]) if name in described else name,
                "number": name in described and described[name].dtype != "text",
                "whole": name in described and described[name].dtype.startswith("int"),
                "shown": not block.shown or name in block.shown,
            }
            for name in head
        ]
        return self._add(
            {
                "title": block.title, "file": f"{block.name}.tsv", "columns": columns, "rows": rows,
                "visible": block.rows, "places": block.places, "browser": self.page.browser,
            }
        )  # fmt: skip

    def _add(self, data: Any) -> str:
        from markupsafe import Markup

        name = f"pack-{len(self.packed)}"
        plain = json.dumps(data, separators=(",", ":"), allow_nan=False, default=_plain).encode()
        # Without the time, the same data give the same page. Base64 has no letter that HTML knows.
        self.packed[name] = Markup(base64.b64encode(gzip.compress(plain, mtime=0)).decode())
        return name


def _renumbered(item: Any) -> Any:
    """Return what Bokeh made of a figure with its ids counted from 1: Bokeh counts all of a process."""
    numbers: dict[str, str] = {}

    def renumber(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                name: numbers.setdefault(one, f"m{len(numbers) + 1}")
                if name in ("id", "root_id") and isinstance(one, str)
                else renumber(one)
                for name, one in value.items()
            }
        return [renumber(one) for one in value] if isinstance(value, list) else value

    return renumber(item)


def _meaning(column: Any) -> str:
    return f"{column.description}{f', {column.unit}' if column.unit else ''}"


def _plain(value: Any) -> Any:
    return value.tolist()  # arrays and numbers of NumPy
