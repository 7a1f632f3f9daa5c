"""Who corroborates whom: the regression of each source on the others (method, section 9.10)."""

import numpy as np
import pandas as pd

from atypeak_scale.registry.evidence_columns import CORROBORATION
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.corroboration import regression_of
from atypeak_scale.scoring.support.regression import coefficients_by_kind


def corroboration(scores: Scores) -> pd.DataFrame:
    """Return what a peak of each source says for a peak of each other source, by the regressions.

    Parameters
    ----------
    scores
        Complete scores of a model of support.

    Returns
    -------
    pandas.DataFrame
        The columns of `CORROBORATION`, a row for each ordered pair of different sources: log-odds, means over
        the folds. They add up: a source that overlaps is also near and present. What the regression makes of
        the number of sources, whichever they are, is not among them.

    Raises
    ------
    InputError
        If the scores are not of a model of support.
    StageMissingError
        If they are not complete.

    """
    scores.require_support()
    scores.require_complete()
    sources = scores.cell_line.sources
    first, second = np.array(sources, object).T
    number = np.arange(len(sources))
    parts = []
    names = [column.name for column in CORROBORATION.named(scores.cell_line.views)]
    for own, labels in enumerate(sources):
        kinds = coefficients_by_kind(regression_of(scores.placements, own)).astype(np.float64)
        others = number[number != own]
        columns = (labels[0], labels[1], first[others], second[others], *kinds[:, others])
        parts.append(pd.DataFrame(dict(zip(names, columns, strict=True))))
    return pd.concat(parts, ignore_index=True)
