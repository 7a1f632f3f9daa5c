"""Which score to trust, in one sentence, from the table of `power`."""

import pandas as pd

from atypeak_scale.assess.evidence.power import COUNT, MEAN, MEAN_OF_SMALL, RAW
from atypeak_scale.registry.variables import SUPPORT
from atypeak_scale.scoring.support.chance import LOW_POWER

NAMES = {SUPPORT.name: "support", COUNT: "counting overlapping sources", RAW: "the article's score"}


def verdict(table: pd.DataFrame) -> str:
    """Return one sentence: which score to trust for these data, and by how much.

    A score is trusted if it is surely better than counting the sources that overlap: the 95% interval of the
    difference lies above 0. If no score's interval lies above 0.6, none is (method, section 9.6).

    Parameters
    ----------
    table
        What `power` returned. Its means over the sources of at least 300 peaks decide, or those over the
        others if there are no such sources.

    """
    scope = MEAN if (table["scope"] == MEAN).any() else MEAN_OF_SMALL
    means = table[table["scope"] == scope].set_index("score")
    auroc = {name: f"{means['auroc'][name]:.3f}" for name in NAMES if name in means.index}
    of_means = f"means over {int(means['sources'].iloc[0])} sources"
    if not (means["auroc_low"][[*auroc]] > LOW_POWER).any():
        reached = ", ".join(f"{NAMES[name]} {value}" for name, value in auroc.items())
        return (
            f"Trust no score here: none surely tells peaks from placements; AUROC of {reached} ({of_means})."
        )
    best, *other = sorted((name for name in auroc if name != COUNT), key=lambda name: -means["auroc"][name])
    reached = "".join(f", {NAMES[name]} {auroc[name]}" for name in other)
    low, high = (means[f"over_counts_{end}"][best] for end in ("low", "high"))
    if low > 0:
        return (
            f"Trust {NAMES[best]}: it tells peaks from placements with AUROC {auroc[best]}; "
            f"{NAMES[COUNT]} reaches {auroc[COUNT]}{reached} ({of_means})."
        )
    how_good = "is better than" if high < 0 else "is as good as"
    return (
        f"Trust the number of overlapping sources: it {how_good} {NAMES[best]} here, AUROC {auroc[COUNT]} "
        f"against {auroc[best]}{reached} ({of_means}; {NAMES[best]} less the number: "
        f"{low:+.3f} to {high:+.3f})."
    )
