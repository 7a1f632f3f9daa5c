"""Scores by name, against the arrays that they are read from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import random_support
from scoring.by_hand import read_all

from atypeak_scale.errors import InputError
from atypeak_scale.registry.columns import DENSITY, DENSITY_JUDGED, PAIRS, PAIRS_JUDGED
from atypeak_scale.scoring.named_scores import (
    NAMED_SCORES,
    by_objective,
    named_score,
    score_of_table,
    scores_of,
)
from atypeak_scale.scoring.scores import Scores

SUPPORT = [
    "support",
    "trust",
    "doubt",
    "p_random",
    "q_random",
    "network",
    "regression",
    "overlapping_sources",
]


@pytest.fixture
def support(scores: Scores, tmp_path: Path) -> Scores:
    return random_support(scores, tmp_path)


def test_scores_of__are_named_by_objective() -> None:
    assert [one.name for one in scores_of("article")] == ["raw", "k_normalized", "final"]
    assert [one.name for one in scores_of("support")] == SUPPORT
    assert {one.name for one in NAMED_SCORES.values() if not one.is_trusted_if_high} == {
        "doubt", "p_random", "q_random",
    }  # fmt: skip
    assert [name for name, one in NAMED_SCORES.items() if one.is_default] == ["final", "trust"]


def test_named_score__reads_its_array(support: Scores) -> None:
    stored = read_all(support)
    stored["trust"] = np.array([1 - doubt for doubt in stored["doubt"]], np.float32)
    assert np.isnan(stored["trust"]).any()
    assert not np.isnan(stored["trust"]).all()
    some = np.array([40, 3, 3, 17])
    for name in SUPPORT:
        found = named_score(support, name)
        for values, expected in (
            (found.read(support, 0, len(stored[name])), stored[name]),
            (found.read(support, 16, 40), stored[name][16:40]),
            (found.read_elements(support, some), stored[name][some]),
        ):
            assert values.dtype == np.float32
            np.testing.assert_array_equal(values, expected)


def test_named_score__of_the_article(normalized: Scores) -> None:
    for name in ("raw", "k_normalized", "final"):
        found = named_score(normalized, name)
        np.testing.assert_array_equal(found.read(normalized, 5, 30), read_all(normalized)[name][5:30])


def test_named_score__default_and_unknown(scores: Scores, support: Scores) -> None:
    assert named_score(scores).name == "final"
    assert named_score(support).name == "trust"
    for one, name, message in (
        (scores, "finale", r"has no score 'finale'; the nearest known are final$"),
        (scores, "trust", r"has no score 'trust'; known are final, k_normalized, raw$"),
        (support, "final", r"has no score 'final'; known are doubt, network, "),
        (support, "p_ramdom", r"has no score 'p_ramdom'; the nearest known are p_random, q_random"),
    ):
        with pytest.raises(InputError, match=message) as wrong:
            named_score(one, name)
        assert wrong.value.argument == "score"


@pytest.mark.parametrize(
    "columns, name, found",
    [
        ({"start", "raw", "final"}, None, "final"),
        ({"start", "raw", "final", "doubt"}, None, "final"),
        ({"start", "support", "doubt"}, None, "trust"),
        ({"raw", "final", "doubt"}, "trust", "trust"),
        ({"raw", "final", "doubt"}, "raw", "raw"),
    ],
)
def test_score_of_table__is_one_of_its_columns(columns: set[str], name: str | None, found: str) -> None:
    assert score_of_table(columns, name, "t").name == found


@pytest.mark.parametrize("name, told", [("support", "known are final, raw$"), (None, "none are known$")])
def test_score_of_table__that_it_lacks(name: str | None, told: str) -> None:
    columns = {"start", "raw", "final"} if name else {"start"}
    with pytest.raises(InputError, match=rf"^t: has no score '{name or 'final'}'; {told}"):
        score_of_table(columns, name, "t")


def test_describe__names_the_score_instead() -> None:
    final, raw, trust = (NAMED_SCORES[name] for name in ("final", "raw", "trust"))
    assert final.table(PAIRS, PAIRS_JUDGED) == PAIRS
    assert raw.describe("mean final score of final scores") == "mean raw of values of raw"
    table = trust.table(DENSITY, DENSITY_JUDGED)
    assert table.description == "values of trust by the number of peaks of the CRM"
    assert [column.name for column in table.columns] == [column.name for column in DENSITY_JUDGED.columns]
    assert not any("final" in column.description for column in table.columns)
    assert raw.table(DENSITY, DENSITY_JUDGED).columns[4].description == "mean raw of these peaks"


def test_provenance__tells_the_score_if_it_is_another(scores: Scores, support: Scores) -> None:
    for one, usual, other in ((scores, "final", "raw"), (support, "trust", "doubt")):
        assert named_score(one, usual).provenance(one) == one.provenance()
        assert named_score(one, other).provenance(one) == {**one.provenance(), "score": other}


def test_by_objective__one_of_each(scores: Scores, support: Scores) -> None:
    assert by_objective(scores) == {"article": scores}
    assert list(by_objective([support, scores]).items()) == [("article", scores), ("support", support)]
    for wrong in ([], [scores, scores], [scores, support, support]):
        with pytest.raises(InputError, match=rf"^{len(wrong)} models; expected one of the article"):
            by_objective(wrong)
    elsewhere = replace(support, cell_line=replace(support.cell_line, name="other"))
    with pytest.raises(InputError, match="scored different data"):
        by_objective([scores, elsewhere])
