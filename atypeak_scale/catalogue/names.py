"""The name column of a peak: two labels and the group they were measured in (method, sections 1.1 and 1.4).

This is the only module that knows how a name is spelled. Elsewhere a peak has a source, which is a pair of
labels, one for each view. In a name, the dots and blanks of a label are percent-encoded.
"""

import re
from collections.abc import Callable

from atypeak_scale.errors import quoted

Source = tuple[str, str]
ENCODED = re.compile(r"%(2E|25|20)")
# What a label must not hold within a name, and what would be taken for an encoded one.
TO_ENCODE = re.compile(r"[. ]|%(?=2E|25|20)")
NON_REDUNDANT = "non-redundant"  # the dataset of peaks that are merged over datasets


def split_name(name: str) -> tuple[Source, str]:
    """Split `dataset.TR.cell_line` into ((dataset, TR), cell line); the cell line may hold dots.

    Raises
    ------
    ValueError
        If the name has fewer than two dots, an empty part, or a blank at the end of a part.

    """
    parts = name.split(".", 2)
    if len(parts) != 3 or not all(parts):
        raise ValueError(f"name {quoted(name)}; expected dataset.TR.cell_line, two dots between three names")
    if any(part != part.strip() for part in parts):
        raise ValueError(f"name {quoted(name)} has a blank beside a dot; remove it")
    return (_decoded(parts[0]), _decoded(parts[1])), parts[2]


def split_merged_name(name: str) -> list[tuple[Source, str]]:
    """Split `TR:cell_line,cell_line`, the name of a peak that is merged over datasets.

    Returns
    -------
    list of (source, cell line)
        One for each cell line; the dataset is NON_REDUNDANT.

    Raises
    ------
    ValueError
        If there is no colon between a TR and cell lines.

    """
    tr, colon, lines = name.partition(":")
    cell_lines = lines.split(",")
    if not colon or not tr.strip() or not all(line.strip() for line in cell_lines):
        raise ValueError(f"name {quoted(name)}; expected TR:cell_line,cell_line")
    return [((NON_REDUNDANT, tr.strip()), line) for line in dict.fromkeys(map(str.strip, cell_lines))]


def _split_one(name: str) -> list[tuple[Source, str]]:
    return [split_name(name)]


# How catalogues spell the name of a peak, and what reads it.
CONVENTIONS: dict[str, Callable[[str], list[tuple[Source, str]]]] = {
    "dataset.TR.cell_line": _split_one,
    "TR:cell_lines": split_merged_name,
}


def recognised_convention(names: list[str]) -> str:
    """Return the name of the convention that some names of a file follow."""
    colon = sum(":" in name and name.count(".") < 2 for name in names)
    return list(CONVENTIONS)[2 * colon > len(names)]


def split_source(text: str) -> Source:
    """Split `dataset.TR`, as settings spell a source.

    Raises
    ------
    ValueError
        If there is not exactly one dot between two names.

    """
    parts = text.split(".")
    if len(parts) != 2 or not all(parts):
        raise ValueError(f"source {quoted(text)}; expected dataset.TR, one dot between two names")
    return _decoded(parts[0]), _decoded(parts[1])


def source_name(source: Source) -> str:
    """Return `dataset.TR`; `split_source` reads it back."""
    return ".".join(map(_encoded, source))


def _encoded(label: str) -> str:
    return TO_ENCODE.sub(lambda found: f"%{ord(found[0]):02X}", label)


def _decoded(label: str) -> str:
    return ENCODED.sub(lambda found: chr(int(found[1], 16)), label)


def peak_name(source: Source, cell_line: str) -> str:
    """Return the name column of a peak; `split_name` reads it back."""
    return f"{source_name(source)}.{cell_line}"
