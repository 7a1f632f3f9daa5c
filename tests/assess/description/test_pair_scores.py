"""Scores of a pair against a loop over the files, and against the comparison that they are behind."""

from pathlib import Path

import numpy as np
import pytest
from assess.by_hand import members_by_hand

from atypeak_scale.assess.description.pair_scores import pair_scores
from atypeak_scale.assess.description.pairs import pairs
from atypeak_scale.errors import InputError
from atypeak_scale.registry.variables import DOUBT
from atypeak_scale.scoring.scores import Scores


def test_pair_scores__equal_a_loop(random_scored: Scores, catalogue: tuple[Path, Path]) -> None:
    members = members_by_hand(*catalogue, random_scored)
    found = pair_scores(random_scored, "z", "x")
    assert found["tr"].unique().tolist() == ["z", "x"]
    for one, other in (("x", "z"), ("z", "x")):
        with_other = {member.crm for member in members if member.tr == other}
        for crms in ("both", "alone"):
            expected = sorted(
                member.final
                for member in members
                if member.tr == one and (member.crm in with_other) == (crms == "both")
            )
            part = found[(found["tr"] == one) & (found["crms"] == crms)]["score"]
            assert part.tolist() == expected
            assert len(expected) > 3


def test_pair_scores__are_those_of_pairs(random_support: Scores) -> None:
    table = pairs(random_support).set_index(["tr", "other_tr"])
    found = pair_scores(random_support, "x", "y")
    assert found["score"].notna().all()
    for one, other in (("x", "y"), ("y", "x")):
        for crms in ("both", "alone"):
            part = found[(found["tr"] == one) & (found["crms"] == crms)]["score"]
            assert len(part) == table.loc[(one, other), f"{crms}_peaks"]
            np.testing.assert_allclose(part.median(), table.loc[(one, other), f"{crms}_median"], rtol=1e-6)
    doubt = pair_scores(random_support, "x", "y", score="doubt")
    assert set(doubt["score"]) <= set(random_support.read(DOUBT).tolist())


def test_pair_scores__refuses(random_scored: Scores) -> None:
    with pytest.raises(InputError, match=r"has no tr 'w'; known are x, y, z"):
        pair_scores(random_scored, "w", "x")
    with pytest.raises(InputError, match="a tr always occurs with itself"):
        pair_scores(random_scored, "x", "x")
