"""The scores behind one comparison of `pairs`: of a label's peaks with and without another label."""

import numpy as np
import pandas as pd

from atypeak_scale.assess.crm_members import crm_members
from atypeak_scale.errors import InputError, nearest
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.scoring.scores import Scores

ALONE, BOTH = "alone", "both"


def pair_scores(
    scores: Scores, one: str, other: str, executor: Executor | None = None, score: str | None = None
) -> pd.DataFrame:
    """Return the scores of the peaks of two labels in CRMs with and without the other (article, Fig. 6a).

    A peak counts once in each CRM that it overlaps, as in `pairs`. Memory holds the peaks of both labels.

    Parameters
    ----------
    scores
        Complete scores.
    one, other
        Two labels of the second view.
    executor
        Where the work runs; None means this process.
    score
        Name of the score; None takes the final score, or trust (1 - doubt) of support.

    Returns
    -------
    pandas.DataFrame
        One row for each peak in a CRM: the second view's label, `crms` (both or alone) and `score`; those
        without the score are left out. Rows of a label are sorted by score.

    Raises
    ------
    InputError
        If there is no such label or score, or the labels are the same.
    StageMissingError
        If the scores are not complete.

    """
    view, labels = scores.cell_line.views[1], scores.cell_line.labels[1]
    for label in (one, other):
        if label not in labels:
            raise InputError(f"{scores.cell_line.store}: has no {view} {label!r}; {nearest(label, labels)}")
    if one == other:
        raise InputError(f"pair {one} {other}: a {view} always occurs with itself; name two different ones")
    numbers = [labels.index(label) for label in (one, other)]
    found = [
        members[np.isin(members["label"], numbers)]
        for members in crm_members(scores, executor or InProcess(), score)
    ]
    members = np.concatenate(found)
    parts = []
    for label, number, of_other in zip((one, other), numbers, reversed(numbers), strict=True):
        mine = members[members["label"] == number]
        is_both = np.isin(mine["crm"], members["crm"][members["label"] == of_other])
        frame = pd.DataFrame({view: label, "crms": np.where(is_both, BOTH, ALONE), "score": mine["score"]})
        parts.append(frame.dropna().sort_values(["score", "crms"]))
    return pd.concat(parts, ignore_index=True)
