"""What a page of the report consists of: sections of blocks, without any HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from atypeak_scale.registry.table import Table

if TYPE_CHECKING:
    import pandas as pd
    from bokeh.models import LayoutDOM

Stage = Literal[
    "support", "article", "normalize", "qscore", "search", "groups", "ur-examples", "evidence", "stability",
    "releases", "show",
]  # fmt: skip


@dataclass(frozen=True)
class Text:
    """Paragraphs of plain text."""

    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Number:
    """One number to remember, as it is shown, and what it counts."""

    value: str
    what: str


@dataclass(frozen=True)
class Numbers:
    """A row of numbers to remember."""

    numbers: tuple[Number, ...]


@dataclass(frozen=True)
class Terms:
    """Terms with their explanations."""

    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Figure:
    """A Bokeh figure.

    how_to_read: one sentence; behind: name of the table of the report that it was drawn from.
    """

    name: str
    title: str
    model: "LayoutDOM"
    how_to_read: str
    behind: str


@dataclass(frozen=True, eq=False)
class Listing:
    """A table, which is also a file beside the page.

    name: of the file, without its ending; table: the registered columns; frame: exactly these columns.
    shown: columns that are visible at first, all if empty; rows: how many are visible at first. in_page:
    whether the rows are in the page; a table too large for it is only a file. places: whether its rows are
    places of the genome, which move the view of modules and link to a browser. is_open: whether the reader
    sees it without a click.
    """

    name: str
    title: str
    table: Table
    frame: "pd.DataFrame"
    how_to_read: str
    shown: tuple[str, ...] = ()
    rows: int = 15
    in_page: bool = True
    places: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Missing:
    """What would be shown if a stage had been run."""

    what: str
    stage: Stage


@dataclass(frozen=True, eq=False)
class Choice:
    """One of the views of a chooser.

    name: what the reader chooses; note: said below the choice; data: columns of named data sources of the
    figure; ranges: factors, or both ends, of named ranges; place: contig, start, end (bp, 0-based) and number
    of a module, None for anything else.
    """

    name: str
    note: str
    data: Mapping[str, Mapping[str, Any]]
    ranges: Mapping[str, Sequence[Any]]
    place: tuple[str, int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Chooser:
    """A figure that shows one of several choices, the first one at first.

    label: of the choice; how_to_find: if given, choices are also found by their place, and this says how to
    see a module that is not among them.
    """

    name: str
    title: str
    model: "LayoutDOM"
    how_to_read: str
    behind: str
    label: str
    choices: tuple[Choice, ...]
    how_to_find: str = ""


Block = Text | Numbers | Terms | Figure | Listing | Missing | Chooser


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor, its title, the question that it answers, and its blocks."""

    name: str
    title: str
    question: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The whole report.

    commands: how to run each stage, as the reader would; browser: address of a genome browser with
    {contig}, {start} (from 1) and {end} in it.
    """

    title: str
    subtitle: str
    views: tuple[str, str]
    sections: tuple[Section, ...]
    commands: Mapping[str, str]
    browser: str = ""

    def listings(self) -> list[Listing]:
        """Return every table of the page, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Listing)]
