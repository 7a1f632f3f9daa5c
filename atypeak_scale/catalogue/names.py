"""The name column of a peak: two labels and the group they were measured in (method, sections 1.1 and 1.4).

This is the only module that knows how a name is spelled. Elsewhere a peak has a source, which is a pair of
labels, one for each view.
"""

from atypeak_scale.errors import quoted

Source = tuple[str, str]


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
    return (parts[0], parts[1]), parts[2]


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
    return parts[0], parts[1]


def source_name(source: Source) -> str:
    """Return `dataset.TR`."""
    return ".".join(source)


def peak_name(source: Source, cell_line: str) -> str:
    """Return the name column of a peak; `split_name` reads it back."""
    return f"{source_name(source)}.{cell_line}"
