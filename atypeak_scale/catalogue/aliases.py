"""Names that mean the same: a file that merges labels and cell lines."""

import csv
from dataclasses import dataclass, field
from pathlib import Path

from atypeak_scale.catalogue.bed import CONTROL
from atypeak_scale.catalogue.names import Source
from atypeak_scale.errors import InputError, quoted

KINDS = ("dataset", "tr", "cell_line")
COLUMNS = ("kind", "name", "means")


@dataclass(frozen=True)
class Aliases:
    """What names mean, by kind; a name that is not there means itself."""

    means: dict[str, dict[str, str]] = field(default_factory=dict)

    def of(self, source: Source, cell_line: str) -> tuple[str, str, str]:
        """Return the (dataset, TR, cell line) that names mean."""
        dataset, tr, line = (
            self.means.get(kind, {}).get(name, name)
            for kind, name in zip(KINDS, (*source, cell_line), strict=True)
        )
        return dataset, tr, line


def read_aliases(file: Path) -> Aliases:
    """Read a tab-separated file with the columns kind (dataset, tr or cell_line), name, and means.

    Raises
    ------
    InputError
        If a row is wrong, or a name means two things, or means one that means another; the error names the
        line.

    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            rows = list(csv.reader(text, delimiter="\t"))
    except OSError as problem:
        raise InputError(f"{file}: cannot be read: {problem.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as problem:
        raise InputError(f"{file}: is no tab-separated text ({problem})") from None
    if not rows or tuple(rows[0]) != COLUMNS:
        found = "\t".join(rows[0]) if rows else ""
        raise InputError(f"{file}, line 1: {quoted(found)}; expected the columns {', '.join(COLUMNS)}")
    means: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for line, row in enumerate(rows[1:], 2):
        if not any(map(str.strip, row)):
            continue
        if len(row) != len(COLUMNS) or row[0] not in KINDS or not row[1].strip() or not row[2].strip():
            raise InputError(
                f"{file}, line {line}: {quoted(chr(9).join(row))}; expected one of {', '.join(KINDS)}, a "
                "name, and the name that it means"
            )
        kind, name, meant = row[0], row[1].strip(), row[2].strip()
        if CONTROL.search(meant):
            raise InputError(f"{file}, line {line}: {quoted(meant)} holds a control character; remove it")
        if means[kind].setdefault(name, meant) != meant:
            raise InputError(
                f"{file}, line {line}: {kind} {quoted(name)} means {quoted(means[kind][name])} above; "
                "keep one"
            )
    for kind, of_kind in means.items():
        chained = next((name for name, meant in of_kind.items() if of_kind.get(meant, meant) != meant), None)
        if chained is not None:
            raise InputError(
                f"{file}: {kind} {quoted(chained)} means {quoted(of_kind[chained])}, which means "
                f"{quoted(of_kind[of_kind[chained]])}; name the last one for both"
            )
    return Aliases({kind: of_kind for kind, of_kind in means.items() if of_kind})
