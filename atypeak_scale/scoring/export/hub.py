"""A track hub for the UCSC Genome Browser: with it, the folder can be put on any web server."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from atypeak_scale.registry import variables as v
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring.export.bigbed import BIGBED_FILE, MISSING, field_name, shown_columns
from atypeak_scale.scoring.export.browser import BrowserWriter, Drawn
from atypeak_scale.scoring.export.colours import COLOURS, UNKNOWN, as_hex, legend
from atypeak_scale.scoring.export.mean_score import BIGWIG_FILE
from atypeak_scale.scoring.peak_table import PERCENTILE, PeakTable
from atypeak_scale.scoring.scores import Scores

HUB_FILE, GENOMES_FILE, TRACKS_FILE = "hub.txt", "genomes.txt", "trackDb.txt"
PEAKS_PAGE, MEAN_PAGE = "peaks.html", "mean-score.html"
# The UCSC browser opens no hub without an address; this one can be nobody's.
EMAIL = "nobody@example.invalid"
# Fields with a filter by number, and the range of their values.
RANGES = {"score": (0, 1000), PERCENTILE: (0, 100), v.DOUBT.name: (0, 1)}
# In lists of values a comma and a bar have a meaning of their own, and quotes are not told from marks.
PLAIN_LABEL = re.compile(r"[\w.+:@()\[\]/-]+")
MOST_LISTED = 2_000  # values in one list; browsers cannot show more in a menu


def one_line(value: object) -> str:
    """Return text for a setting of a track.

    Without line breaks, marks of HTML, and backslashes, which join lines.
    """
    return " ".join(re.sub(r"[^\w .,:;+()\[\]/@%=$*-]", "_", str(value)).split())


def track_name(cell_line: str) -> str:
    """Return the beginning of the names of tracks: letters, digits and underscores."""
    return "atypeak_" + re.sub(r"\W", "_", cell_line, flags=re.ASCII)


def value_filters(table: PeakTable) -> list[tuple[str, str, list[str]]]:
    """Return (field, view, its labels) for each view; without labels it is searched by text instead."""
    found = []
    for view, labels in zip(table.cell_line.views, table.cell_line.labels, strict=True):
        is_plain = len(labels) <= MOST_LISTED and all(map(PLAIN_LABEL.fullmatch, labels))
        found.append((field_name(view), view, list(labels) if is_plain else []))
    return found


class HubWriter(BrowserWriter):
    """Writes all but the bigBed and bigWig files of a hub when it is created; it needs no peaks."""

    needs_name = True
    files: ClassVar[Mapping[str, str]] = {
        HUB_FILE: "UCSC track hub: put the folder on a web server, and give the browser this file's URL",
        GENOMES_FILE: "the assembly of the hub",
        TRACKS_FILE: f"its tracks, {BIGBED_FILE} and {BIGWIG_FILE}: filters, mouse-over",
        PEAKS_PAGE: "page about the track of peaks",
        MEAN_PAGE: "page about the track of the mean score",
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        for name, text in _texts(scores, table, drawn).items():
            (folder / name).write_text(text, encoding="utf-8", newline="")


def _texts(scores: Scores, table: PeakTable, drawn: Drawn) -> dict[str, str]:
    """Return every text file of the hub by name."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader(__package__)
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    settings = Environment(loader=loader, finalize=one_line, undefined=StrictUndefined, trim_blocks=True)
    values = _values(scores, table, drawn)
    return {
        name: (pages if name.endswith(".html") else settings).get_template(name).render(values) + "\n"
        for name in (HUB_FILE, GENOMES_FILE, TRACKS_FILE, PEAKS_PAGE, MEAN_PAGE)
    }


def _values(scores: Scores, table: PeakTable, drawn: Drawn) -> dict[str, Any]:
    columns = shown_columns(table)
    names = {column.name for column in columns}
    return {
        "cell_line": scores.cell_line.name,
        "views": scores.cell_line.views,
        "peaks": scores.cell_line.peak_count,
        "email": EMAIL,
        "assembly": drawn.assembly.name,
        "score": drawn.score.name,
        "what": drawn.what,
        "track": track_name(scores.cell_line.name),
        "ranges": {name: ends for name, ends in RANGES.items() if name == "score" or name in names},
        "value_filters": value_filters(table),
        "has_doubt": v.DOUBT.name in names,
        "has_final": v.FINAL.name in names,
        "fields": [(field_name(column.name), *_about(column)) for column in columns],
        "missing": MISSING,
        "legend": legend(),
        "unknown": as_hex(UNKNOWN),
        "colour": ",".join(map(str, COLOURS[-1])),
        "bigbed": BIGBED_FILE,
        "bigwig": BIGWIG_FILE,
        "pages": (PEAKS_PAGE, MEAN_PAGE),
        "files": (GENOMES_FILE, TRACKS_FILE),
    }


def _about(column: Column) -> tuple[str, str]:
    return column.unit, column.description
