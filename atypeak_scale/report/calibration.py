"""How many peaks have which p, held against what random peaks would give."""

import numpy as np
import pandas as pd

from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores

RANGES = 20


def calibration(scores: Scores) -> pd.DataFrame:
    """Return the peaks in each range of p: the columns of `CALIBRATION`.

    Random peaks have a p that is spread evenly. How many there are is the share of each source times its
    peaks (method, section 9.5); it is missing for sources that are not judged.

    Parameters
    ----------
    scores
        Complete support.

    """
    cell_line = scores.cell_line
    judged = scores.read(v.VERDICT) == "judged"
    counts = {True: np.zeros(RANGES, np.int64), False: np.zeros(RANGES, np.int64)}
    for block in cell_line.blocks("peaks"):
        p = scores.read(v.P_RANDOM, *block).astype(np.float64)
        of_judged = judged[cell_line.peaks(*block).source]
        place = np.minimum((p * RANGES).astype(np.int64), RANGES - 1)
        for kind in counts:
            counts[kind] += np.bincount(place[of_judged == kind], minlength=RANGES)
    share, peaks = scores.read(v.SHARE_RANDOM), scores.read(v.SOURCE_PEAKS)
    random = float((share * peaks)[judged].sum()) / RANGES
    ends = np.arange(RANGES + 1) / RANGES
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "of": "judged" if kind else "not judged",
                    "p_from": ends[:-1],
                    "p_to": ends[1:],
                    "peaks": found,
                    "random": random if kind else np.nan,
                }
            )
            for kind, found in counts.items()
        ],
        ignore_index=True,
    )
