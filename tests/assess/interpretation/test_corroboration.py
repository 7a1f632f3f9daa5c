"""Who corroborates whom: the mean coefficients, pair by pair."""

import numpy as np
import pytest

from atypeak_scale.assess.interpretation.corroboration import corroboration
from atypeak_scale.errors import InputError
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.scores import Scores


def test_corroboration__is_the_mean_over_folds(supported: Scores) -> None:
    table = corroboration(supported)
    sources = supported.cell_line.sources
    assert len(table) == len(sources) * (len(sources) - 1)
    coefficients = supported.placements.read(v.COEFFICIENT)
    at = 0
    for own, labels in enumerate(sources):
        for other, others in enumerate(sources):
            if own == other:
                continue
            row = table.iloc[at]
            assert (row["dataset"], row["tr"], row["other_dataset"], row["other_tr"]) == (*labels, *others)
            for kind, name in enumerate(("overlap", "near", "present")):
                expected = np.mean([fold[kind * len(sources) + other] for fold in coefficients[own]])
                assert row[name] == pytest.approx(expected, abs=1e-6)
            at += 1
    assert (table["overlap"] != 0).any()


def test_corroboration__refuses_the_articles_scores(article: Scores) -> None:
    with pytest.raises(InputError, match="is no model of support"):
        corroboration(article)
