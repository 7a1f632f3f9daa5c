"""Which other numbers of placements a model's support has been compared with."""

from dataclasses import replace

from atypeak_scale.scoring.open_scores import open_scores, with_placements
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.result_groups import CHANCE


def test_other_placements__only_what_is_complete_and_differs_in_nothing_else(support: Scores) -> None:
    assert support.other_placements() == []
    more, fewer = with_placements(support, 1400), with_placements(support, 150)
    assert more.other_placements() == [200]
    fewer.create()
    assert more.other_placements() == [200]  # what was only begun is no choice
    fewer.set_attribute(CHANCE, {"made": "up"})
    assert more.other_placements() == [150, 200]
    assert support.other_placements() == [150]
    seed = more.chance.model_copy(update={"seed": more.chance.seed + 1})
    other_seed = open_scores(support.cell_line, support.model, chance=seed)
    assert other_seed.other_placements() == []
    assert replace(more, precision="bfloat16").other_placements() == []
    assert replace(more, fingerprint="f" * 64).other_placements() == []


def test_other_placements__the_articles_scores_have_none(normalized: Scores) -> None:
    assert normalized.other_placements() == []
