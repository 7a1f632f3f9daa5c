"""Between which numbers the values of a column can lie; a missing value lies nowhere."""

Range = tuple[float, float | None]  # the least and the greatest value, None if there is no greatest

SHARE: Range = (0, 1)
SIGNED: Range = (-1, 1)
PERCENT: Range = (0, 100)
BED_SCORE: Range = (0, 1000)
FROM_0: Range = (0, None)
FROM_1: Range = (1, None)


def range_text(values: Range | None) -> str:
    """Return the range as words, nothing for what may be any number."""
    if values is None:
        return ""
    low, high = values
    return f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
