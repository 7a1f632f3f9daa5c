from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.catalogue.folds import half_of_crm, is_kept_out
from atypeak_scale.config import Config, TrainedOn, for_support, with_objective, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.model.halves import (
    is_trained_on,
    judges,
    parts_of,
    refuse_both_halves,
    refuse_one_half,
    together,
    with_trained_on,
)

CRMS = np.arange(5000)
FOLDERS = [Path("one"), Path("two"), Path("three"), Path("four")]


@pytest.fixture
def support(config: Config) -> Config:
    return with_objective(config, "support")


@pytest.mark.parametrize("seed", [1, 7])
def test_is_trained_on__is_the_half_less_what_is_kept_out(support: Config, seed: int) -> None:
    of_seed = with_seed(support, seed)
    kept = is_kept_out(CRMS, support.support.kept_out, seed)
    used = {
        part: is_trained_on(CRMS, with_trained_on(of_seed, part))
        for part in ("auto", "all", "half 1", "half 2")
    }
    assert (used["auto"] == ~kept).all()
    assert (used["all"] == ~kept).all()
    assert (used["half 1"] == (~kept & (half_of_crm(CRMS) == 1))).all()
    assert (used["half 2"] == (~kept & (half_of_crm(CRMS) == 2))).all()


def test_judges__no_network_judges_what_it_was_trained_on(support: Config) -> None:
    halves = [part for seed in (1, 2) for part in parts_of(with_seed(both(support), seed)).values()]
    found = judges(halves, CRMS)
    assert found.shape == (4, len(CRMS))
    assert (found.sum(axis=0) == 2).all()  # one of each seed
    for config, may in zip(halves, found, strict=True):
        assert not (is_trained_on(CRMS, config) & may).any()
    assert judges([support, support], CRMS).all()


def both(config: Config) -> Config:
    return with_trained_on(config, "halves")


def test_parts_of__two_where_halves_are_asked_for(config: Config, support: Config) -> None:
    found = parts_of(both(support))
    assert {name: part.support.trained_on for name, part in found.items()} == {
        "-half-1": "half 1", "-half-2": "half 2",
    }  # fmt: skip
    for one in (config, both(config), support, with_trained_on(support, "half 1")):
        assert parts_of(one) == {"": one}
        refuse_both_halves(one)
    with pytest.raises(InputError, match="halves asks for two networks, and this trains one; set it to all"):
        refuse_both_halves(both(support))
    refuse_one_half(both(support), "m")
    with pytest.raises(InputError, match="m: trained on one half of the CRMs, it cannot judge that half"):
        refuse_one_half(with_trained_on(support, "half 2"), "m")


def trained(config: Config, *of: tuple[int, TrainedOn]) -> list[Config]:
    return [for_support(with_trained_on(with_seed(config, seed), part)) for seed, part in of]


def test_together__is_the_configuration_of_the_ensemble(support: Config) -> None:
    found = together(FOLDERS[:2], trained(support, (1, "half 1"), (1, "half 2")))
    assert found == trained(support, (1, "halves"))[0]
    whole = trained(support, (1, "all"), (2, "all"))
    assert together(FOLDERS[:2], whole) == whole[0]


def test_together__refuses_what_is_not_alike_or_not_whole(support: Config) -> None:
    other = support.model_copy(update={"cell_line": "other"})
    for configs in (
        [*trained(support, (1, "all")), *trained(other, (2, "all"))],
        trained(support, (1, "all"), (2, "half 1")),
    ):
        with pytest.raises(InputError, match="two: trained with other settings than one; only the seed may"):
            together(FOLDERS[:2], configs)
    with pytest.raises(InputError, match=r"three: is trained on one half of the CRMs, .* train it too"):
        together(FOLDERS[:3], trained(support, (1, "half 1"), (1, "half 2"), (2, "half 2")))
