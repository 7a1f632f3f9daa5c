"""The verdict: three plain sentences and five numbers."""

import numpy as np
import pandas as pd

from atypeak_scale.assess.evidence.verdict import verdict
from atypeak_scale.report.current import EVIDENCE
from atypeak_scale.report.numbers import count, listed, noun, percent, spoken
from atypeak_scale.report.page import Block, Missing, Number, Numbers, Section, Text
from atypeak_scale.report.results import Results

STANDS_OUT = 0.1  # lower end of the interval of the share of random peaks
MOST_NAMED = 3


def section(results: Results) -> Section:
    """Return the first section."""
    found = results.experiments
    blocks: list[Block] = []
    if results.support is None:
        blocks += [Text((_of_article(results),)), Missing("How many peaks lie like random ones?", "support")]
    else:
        blocks += [Text(_sentences(results, found))]
    blocks.append(Numbers(numbers(results, found)))
    evidence = results.table(EVIDENCE, "evidence.tsv")
    if evidence is not None:
        blocks.append(Text((verdict(evidence),)))
    elif results.support is not None:
        blocks.append(
            Missing("Which score should be trusted on these data, or is counting enough? Not measured yet.",
                    "evidence")
        )  # fmt: skip
    return Section("verdict", "Verdict", "What is the answer, in short?", tuple(blocks))


def like_random(found: pd.DataFrame) -> tuple[int, float]:
    """Return the number of peaks of the sources that are judged, and the share of them like random ones."""
    judged = found[found["verdict"] == "judged"]
    peaks = int(judged["peaks"].sum())
    random = float((judged["peaks"] * judged["share_random"]).sum())
    return peaks, random / peaks if peaks else np.nan


def median_share(found: pd.DataFrame) -> float:
    """Return the share of random peaks of the median source that is judged."""
    return float(found.loc[found["verdict"] == "judged", "share_random"].median())


def standing_out(found: pd.DataFrame) -> pd.DataFrame:
    """Return the judged sources with surely more than 10% of random peaks, and twice the median share.

    The one with the largest share comes first.
    """
    least = max(STANDS_OUT, 2 * median_share(found))
    judged = found[(found["verdict"] == "judged") & (found["share_random_low"] > least)]
    return judged.sort_values("share_random", ascending=False, kind="stable")


def numbers(results: Results, found: pd.DataFrame) -> tuple[Number, ...]:
    """Return the five numbers."""
    made = [
        Number(f"{int(found['peaks'].sum()):,}", "peaks scored"),
        Number(f"{len(found):,}", "experiments"),
    ]
    if results.support is None:
        lowest = found["final_median"].min()
        return (
            *made, Number(f"{found[results.views[1]].nunique():,}", f"different {spoken(results.views[1])}s"),
            Number(f"{results.cell_line.shape.windows:,}", "windows of modules with a peak"),
            Number(f"{lowest:.0f}", "lowest median final score of an experiment; 750 is average"),
        )  # fmt: skip
    _, share = like_random(found)
    outstanding, unjudged = len(standing_out(found)), int((found["verdict"] != "judged").sum())
    stands = noun(outstanding, "experiment stands out", "experiments stand out")
    return (
        *made,
        Number(percent(share), "of the peaks that can be judged lie like random ones"),
        Number(f"{outstanding:,}", f"{stands}, with far more such peaks than the others"),
        Number(f"{unjudged:,}", f"{noun(unjudged, 'experiment')} cannot be judged here"),
    )


def _sentences(results: Results, found: pd.DataFrame) -> tuple[str, ...]:
    peaks, share = like_random(found)
    name, total = results.cell_line.name, int(found["peaks"].sum())
    if not peaks:
        return (
            f"None of the {count(len(found), 'experiment')} of {name} can be judged from this catalogue.",
            "For each of them, the others do not help to tell its peaks from random places.",
            "Read no doubt from it; the tables below say why.",
        )
    first = (
        f"Of the {peaks:,} peaks of {name} that can be judged, about {percent(share)} lie no better than at "
        "random."
    )
    return first, _stand_out_sentence(found), unjudged_sentence(found, total - peaks)


def _stand_out_sentence(found: pd.DataFrame) -> str:
    named = [
        f"{row.iloc[0]}.{row.iloc[1]} ({percent(row['share_random'])})"
        for _, row in standing_out(found).iterrows()
    ]
    usual = percent(median_share(found))
    if not named:
        return f"No experiment stands out: such peaks are {usual} in the median experiment."
    if len(named) == 1:
        return f"One experiment stands out: {named[0]}, against {usual} in the median experiment."
    return (
        f"{len(named)} experiments stand out: {listed(named, MOST_NAMED)}, against {usual} in the median "
        "experiment."
    )


def unjudged_sentence(found: pd.DataFrame, peaks: int) -> str:
    """Say how many sources cannot be judged, and why; `peaks` is the number of their peaks."""
    few, low = (int((found["verdict"] == verdict).sum()) for verdict in ("few peaks", "low power"))
    if not few + low:
        return "All experiments can be judged: the others suffice to tell their peaks from random places."
    if few and low:
        have = noun(few, "has", "have")
        why = (
            f": {count(few, 'experiment')} {have} too few peaks, and the other experiments hardly help to "
            f"tell those of {low:,} from random places"
        )
    elif few:
        why = f", because {noun(few, 'it has', 'they have')} too few"
    else:
        why = ", because the other experiments hardly help to tell them from random places"
    return f"The {count(peaks, 'peak')} of {count(few + low, 'experiment')} cannot be judged{why}."


def _of_article(results: Results) -> str:
    return (
        f"The peaks of {results.cell_line.name} have the article's scores: they say how well each peak fits "
        "the combinations that the autoencoder learned, and not how likely it is to be random."
    )
