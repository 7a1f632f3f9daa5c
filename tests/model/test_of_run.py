"""The model in the folder of a run: kept if it is what the settings ask for, otherwise trained."""

import shutil
from pathlib import Path

import pytest

from atypeak_scale.config import Config, TrainedOn, with_objective, with_seed
from atypeak_scale.errors import InputError
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.model.halves import with_trained_on
from atypeak_scale.model.of_run import is_trained_as, train_into
from atypeak_scale.model.places import model_cell_line, place_of_model
from atypeak_scale.model.seeds import members_of, seed_of, train_seeds
from atypeak_scale.store.cell_line import CellLine

EVERY: tuple[TrainedOn, ...] = ("auto", "all", "halves")


def test_train_into__one_network_or_two_of_halves(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    folder, asked = (
        tmp_path / "m",
        {part: with_trained_on(with_objective(config, "support"), part) for part in EVERY},
    )

    def kept() -> list[str]:
        return [part for part, one in asked.items() if is_trained_as(folder, one, cell_line)]

    assert kept() == []
    assert model_cell_line(folder) is None
    train_into(folder, asked["auto"], cell_line, InProcess())
    assert kept() == ["auto", "all"]
    assert members_of(folder) == []
    train_into(folder, asked["halves"], cell_line, InProcess())
    assert {seed_of(member) for member in members_of(folder)} == {"seed-1"}
    assert [member.name for member in members_of(folder)] == ["seed-1-half-1", "seed-1-half-2"]
    assert kept() == ["auto", "halves"]
    assert model_cell_line(folder) == "cell"
    with pytest.raises(InputError, match="holds networks of halves of the CRMs; name another folder"):
        train_seeds(cell_line, asked["all"], 1, folder)
    # An interrupted network is worth less than finished ones.
    assert place_of_model(folder, interrupted=True) == tmp_path / "m-interrupted"
    for other in (with_seed(asked["halves"], 2), with_objective(asked["halves"], "article")):
        assert not is_trained_as(folder, other, cell_line)
    shutil.rmtree(folder / "seed-1-half-2")
    assert kept() == []
    train_into(folder, asked["all"], cell_line, InProcess())
    assert kept() == ["auto", "all"]
    assert members_of(folder) == []


def test_is_trained_as__several_seeds_that_were_trained_into_the_folder(
    cell_line: CellLine, config: Config, tmp_path: Path
) -> None:
    support = with_objective(config, "support")
    train_seeds(cell_line, support, 2, tmp_path / "m")
    for seed, is_there in ((1, True), (2, True), (3, False)):
        assert is_trained_as(tmp_path / "m", with_seed(support, seed), cell_line) == is_there
    assert not is_trained_as(tmp_path / "m", with_trained_on(support, "halves"), cell_line)
    with pytest.raises(InputError, match="holds networks of all CRMs; name another folder"):
        train_seeds(cell_line, with_trained_on(support, "halves"), 2, tmp_path / "m")
