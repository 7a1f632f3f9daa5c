"""How well a score ranks one kind of peak above another."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

FloatArray = npt.NDArray[np.floating[Any]]


def auroc(high: FloatArray, low: FloatArray) -> float:
    """Return the probability that one of `high` exceeds one of `low`, ties counting half.

    This is the area under the ROC curve, computed from ranks; `high` is (n,), `low` is (m,).

    Raises
    ------
    ValueError
        If one of them is empty.

    """
    _refuse_empty(high, low)
    ranks = rankdata(np.concatenate([high, low]))
    n = len(high)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(low)))


def average_precision(high: FloatArray, low: FloatArray) -> float:
    """Return the mean precision over the members of `high`, found among both from the highest score down.

    Equal scores are found together: each threshold adds its recall times its precision. A score without
    information gets the share of `high`, n / (n + m).

    Raises
    ------
    ValueError
        If one of them is empty.

    """
    _refuse_empty(high, low)
    scores = np.concatenate([high, low])
    order = np.argsort(-scores, kind="stable")
    # The last of each run of equal scores; thresholds lie after it.
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(order < len(high))[ends]
    return float((np.diff(hits, prepend=0) * hits / (ends + 1)).sum() / len(high))


def _refuse_empty(high: FloatArray, low: FloatArray) -> None:
    if not len(high) or not len(low):
        raise ValueError(f"expected scores of both kinds, found {len(high)} and {len(low)}")
