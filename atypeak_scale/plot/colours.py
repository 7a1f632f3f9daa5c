"""Colours that people with any colour vision can tell apart, as `#rrggbb`."""

import math

# From doubtful over undecided to trusted; they differ in lightness and between orange and blue.
DOUBTFUL, UNDECIDED, TRUSTED = "#d55e00", "#b0a8a0", "#0072b2"
UNJUDGED = "#8c8c8c"
# Okabe and Ito, for kinds and groups; black is left for text.
KINDS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")


def shade(trust: float) -> str:
    """Return the colour of a peak that is trusted so far, 0 to 1; NaN for one that cannot be judged."""
    if math.isnan(trust):
        return UNJUDGED
    low, high = (DOUBTFUL, UNDECIDED) if trust < 0.5 else (UNDECIDED, TRUSTED)
    share = 2 * trust - (trust >= 0.5)
    mixed = (round(a + share * (b - a)) for a, b in zip(_parts(low), _parts(high), strict=True))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
