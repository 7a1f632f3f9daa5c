"""What support found, in sentences for people."""

import math
from collections.abc import Iterator

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.chance import FEWEST_PEAKS, LOW_POWER

MOST_NAMED = 10  # sources


def summary(scores: Scores) -> list[str]:
    """Return what support says of the sources: the most doubtful first, then those it cannot judge.

    Raises
    ------
    StageMissingError
        If the support is not complete.

    """
    scores.require_complete()
    figures = {variable: scores.read(variable) for variable in v.CHANCE_VARIABLES}
    names = [source_name(source) for source in scores.cell_line.sources]
    judged = [one for one in range(len(names)) if figures[v.VERDICT][one] == "judged"]
    judged.sort(key=lambda one: -figures[v.SHARE_RANDOM][one])
    lines = [
        f"{names[one]}: {_percent(figures[v.SHARE_RANDOM][one])} "
        f"({100 * figures[v.SHARE_RANDOM_LOW][one]:.0f}-{100 * figures[v.SHARE_RANDOM_HIGH][one]:.0f}) "
        f"of its {figures[v.SOURCE_PEAKS][one]:,} peaks lie no better than at random"
        for one in judged[:MOST_NAMED]
    ]
    if len(judged) > MOST_NAMED:
        share = figures[v.SHARE_RANDOM][judged[MOST_NAMED]]
        lines.append(f"{len(judged) - MOST_NAMED} more can be judged: at most {_percent(share)} each")
    lines += _not_judged(names, list(figures[v.VERDICT]))
    if judged:
        largest = max(figures[v.SHARE_RANDOM_ERROR][one] for one in judged)
        number = scores.chance.placements
        lines.append(
            f"{number:,} random placements of each source: the standard error is "
            f"{math.sqrt(0.05 * 0.95 / number):.4f} for a p near 0.05, and at most {100 * largest:.2g}% for "
            "these shares"
        )
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _not_judged(names: list[str], verdicts: list[str]) -> Iterator[str]:
    reasons = {
        "few peaks": f"because of fewer than {FEWEST_PEAKS} peaks",
        "low power": "because other sources hardly help to tell their peaks from random places "
        f"(power may be {LOW_POWER} or less)",
        "unknown": "because the model does not know them",
    }
    for verdict, reason in reasons.items():
        some = [name for name, of_source in zip(names, verdicts, strict=True) if of_source == verdict]
        if some:
            shown = ", ".join(some[:MOST_NAMED]) + (", ..." if len(some) > MOST_NAMED else "")
            yield f"cannot be judged from this catalogue, {reason}: {shown}"
