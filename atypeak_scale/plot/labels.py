"""Names from strangers' files as labels: nothing in them is obeyed, and long ones keep their end."""


def clean(text: str) -> str:
    """Return text without characters that a terminal would obey, or that XML does not allow."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


def cut(label: str, most: int) -> str:
    """Return a clean label of at most that many characters; a TR stands last, so the beginning goes."""
    label = clean(label)
    return label if len(label) <= most else "…" + label[len(label) - most + 1 :]
