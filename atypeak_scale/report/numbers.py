"""Numbers as the sentences of the report write them."""

import math


def spoken(view: str) -> str:
    """Return the name of a view as it stands in a sentence: TR, dataset."""
    return "TR" if view == "tr" else view


def percent(share: float) -> str:
    """Return a share as a percentage: "39%", "0.4%", "-" if it is not known."""
    if math.isnan(share):
        return "-"
    value = 100 * share
    if value and value < 0.1:
        return "less than 0.1%"
    return f"{value:.0f}%" if value >= 9.95 or value == round(value) else f"{value:.1f}%"


def count(number: int, what: str, several: str | None = None) -> str:
    """Return a number with what it counts: "1 peak", "2,345 peaks"."""
    return f"{number:,} {noun(number, what, several)}"


def noun(number: int, what: str, several: str | None = None) -> str:
    """Return what stands after a number: "peak" after 1, else "peaks"."""
    return what if number == 1 else several or f"{what}s"


def listed(names: list[str], most: int = 5) -> str:
    """Return names as a list in a sentence; those beyond `most` are only counted."""
    shown = names[:most]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
