"""Every scored peak as bigBed: the nine fields of BED, then what is known about the peak."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from atypeak_scale.registry import variables as v
from atypeak_scale.registry.bed_columns import BIGBED
from atypeak_scale.registry.table import Column
from atypeak_scale.scoring.export.bed import bed_scores
from atypeak_scale.scoring.export.big_file import BigFile, Row
from atypeak_scale.scoring.export.browser import BrowserWriter, Drawn
from atypeak_scale.scoring.export.colours import colours_of
from atypeak_scale.scoring.peak_table import PERCENTILE, Columns, PeakTable
from atypeak_scale.scoring.scores import Scores

BIGBED_FILE = "peaks.bb"
MISSING = "NaN"  # C, Java, JavaScript, Python and R all read it as a number that is missing
KINDS = {"strand": "char[1]", "itemRgb": "uint"}  # of fields of BED that are no text or whole number
# Words that mean something else in autoSql.
RESERVED = {
    "table", "object", "simple", "primary", "unique", "index", "auto", "enum", "set", "string", "lstring",
    "char", "byte", "ubyte", "short", "ushort", "int", "uint", "bigint", "float", "double", "reserved",
} | {field.name.lower() for field in BIGBED.columns}  # fmt: skip
TYPES = {"text": "string", "int32": "int", "int64": "int", "float32": "float", "float64": "double"}
SHOWN = (
    v.FINAL.name, PERCENTILE, v.RAW.name, v.SUPPORT.name, v.P_RANDOM.name, v.Q_RANDOM.name, v.DOUBT.name,
    "other_sources", v.OVERLAPPING.name, "crm", v.SPREAD.name, v.SUPPORT_SPREAD.name,
)  # fmt: skip


def shown_columns(table: PeakTable) -> tuple[Column, ...]:
    """Return the columns that follow the fields of BED: both views, then those of `SHOWN` that exist."""
    known = {column.name: column.without_reference() for column in table.columns}
    return tuple(known[name] for name in (*table.cell_line.views, *SHOWN) if name in known)


def field_name(column: str) -> str:
    """Return the field of a column: its name, but for names that autoSql or BED uses."""
    plain = re.sub(r"\W", "_", column, flags=re.ASCII)
    return f"{plain}_" if plain in RESERVED else plain


def autosql(columns: Sequence[Column], drawn: Drawn) -> str:
    """Return the description of all fields that the file holds."""
    fields = [
        (KINDS.get(one.name, "uint" if one.dtype == "int64" else "string"), one.name, one.description)
        for one in fields_of_bed(drawn)
    ]
    fields += [(TYPES[one.dtype], field_name(one.name), _described(one)) for one in columns]
    lines = [f'    {kind} {name}; "{text}"' for kind, name, text in fields]
    return "\n".join(["table peaks", '"Peaks and how far to trust them"', "    (", *lines, "    )", ""])


def fields_of_bed(drawn: Drawn) -> list[Column]:
    """Return the fields that every BED file with colours has."""
    score = f"{drawn.what}, rounded and clipped to 0-1000; 0 if the peak has none"
    return [replace(one, description=score) if one.name == "score" else one for one in BIGBED.columns]


def _as_field(column: Column) -> Column:
    return replace(column, name=field_name(column.name))


def _described(column: Column) -> str:
    text = column.description.replace('"', "'")
    can_lack = column.dtype.startswith("float") and MISSING not in text
    return f"{text}; {MISSING} if there is none" if can_lack else text


class BigBedWriter(BrowserWriter):
    """Writes every scored peak, with all scores exported."""

    files: ClassVar[Mapping[str, str]] = {
        BIGBED_FILE: "bigBed: every scored peak, coloured by score; dark blue is trusted"
    }

    def __init__(self, scores: Scores, table: PeakTable, folder: Path, drawn: Drawn) -> None:
        self._columns, self._drawn = shown_columns(table), drawn
        self._left = table.cell_line.peak_count
        self.columns = {BIGBED_FILE: [*fields_of_bed(drawn), *map(_as_field, self._columns)]}
        fields = autosql(self._columns, drawn)
        self._out = BigFile(folder / BIGBED_FILE, drawn.assembly.sizes, fields, len(BIGBED.columns))

    def write(self, peaks: Columns) -> None:
        """Append a row for each peak."""
        self._out.put(self._rows(peaks))
        self._left -= len(peaks["start"])
        if not self._left:
            self._out.finish()

    def _rows(self, peaks: Columns) -> list[Row]:
        values = self._drawn.values(peaks)
        has_score = ~np.isnan(values)
        scores = bed_scores(np.where(has_score, values, 0))
        start, end = peaks["start"].tolist(), peaks["end"].tolist()
        fields = [
            peaks["name"], map(str, scores.tolist()), ["."] * len(start), map(str, start), map(str, end),
            colours_of(scores, has_score), *(_spelled(peaks, column) for column in self._columns),
        ]  # fmt: skip
        rest = map("\t".join, zip(*fields, strict=True))
        return list(zip(peaks["contig"].tolist(), start, end, rest, strict=True))

    def close(self) -> None:
        """Stop, whether the file is complete or not."""
        self._out.close()


def _spelled(peaks: Columns, column: Column) -> list[str]:
    """Return the shortest text of each value that reads back as the same number."""
    values = peaks[column.name]
    if column.dtype == "text":
        texts: list[str] = values.tolist()
        return texts
    texts = values.astype("U").tolist()
    return [MISSING if text == "nan" else text for text in texts] if values.dtype.kind == "f" else texts
