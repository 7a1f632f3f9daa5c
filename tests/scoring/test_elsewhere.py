"""Scores in another place than the store: the store is only read, and the scores are the same."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from scoring.by_hand import read_all, state

from atypeak_scale.assess.description.pairs import pairs
from atypeak_scale.assess.description.statistics_tables import statistics_tables
from atypeak_scale.assess.interpretation import ur_examples as ur_examples_stage
from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.assess.interpretation.ur_examples import ur_examples
from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.regions.crms import crms
from atypeak_scale.assess.results import load
from atypeak_scale.config import Config
from atypeak_scale.errors import AtypeakError, InputError, StageMissingError
from atypeak_scale.registry.columns import SCORES
from atypeak_scale.registry.results import GROUPS, QSCORE, UR_EXAMPLES
from atypeak_scale.scoring.export import export
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import normalized_scores, open_scores
from atypeak_scale.scoring.score import complete, plan_score, score_part
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import local_path
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import cell_lines, open_store
from atypeak_scale.store.groups import open_group
from atypeak_scale.store.info import info
from atypeak_scale.store.verify import verify

Catalogue = tuple[Path, Path]


@pytest.fixture
def own(scores: Scores) -> Scores:
    """Return the handle of scores that are kept in the store."""
    return scores


@pytest.fixture
def other(own: Scores, tmp_path: Path) -> Scores:
    """Return the handle of the same model's scores elsewhere, in a folder to be made."""
    return open_scores(own.cell_line, own.model, results=tmp_path / "new" / "scores.zarr")


def everything(scores: Scores, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, xr.Dataset]:
    """Do all that reads or writes scores; returns what is kept beside them."""
    monkeypatch.setattr(ur_examples_stage, "STEPS", 10)
    complete(scores)
    normalize(scores)
    export(scores, out / "one")
    export(normalized_scores(scores.cell_line, scores.location), out / "only")
    crms(scores, out / "crms")
    qscore(scores)
    groups(scores)
    ur_examples(scores)
    assert len(pairs(scores))
    assert SCORES in [table for table, _ in statistics_tables(scores.cell_line, scores)]
    return {result.name: load(scores, result) for result in (QSCORE, GROUPS, UR_EXAMPLES)}


def test_results__elsewhere_are_the_same_and_the_store_is_only_read(
    own: Scores, other: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = own.cell_line.store
    before = state(store)
    elsewhere = everything(other, tmp_path / "elsewhere", monkeypatch)
    damages = verify(store, results=other.location)
    facts = info(store, other.location)
    assert state(store) == before
    assert {name.name for name in tmp_path.iterdir()} == {"catalogue", "s.zarr", "model", "new", "elsewhere"}
    assert [name.name for name in (tmp_path / "new").iterdir()] == ["scores.zarr"]
    assert not own.is_scored()

    here = everything(own, tmp_path / "here", monkeypatch)
    for name, found in read_all(own).items():
        np.testing.assert_array_equal(read_all(other)[name], found)
    for name, found in here.items():
        xr.testing.assert_identical(elsewhere[name], found)
    for folder in ("one", "only", "crms"):
        files = sorted(file.name for file in (tmp_path / "here" / folder).iterdir())
        assert files == sorted(file.name for file in (tmp_path / "elsewhere" / folder).iterdir())
        for file in files:
            one, other = (tmp_path / where / folder / file for where in ("here", "elsewhere"))
            assert one.read_bytes() == other.read_bytes()
    assert damages == verify(store)
    assert not damages.damages
    assert facts == info(store)


def test_results__are_a_store_of_their_own_kind(other: Scores) -> None:
    other.create()
    root = zarr.open_group(other.location, mode="r")
    assert sorted(root.group_keys()) == ["cell"]
    home = open_group(other.location, "cell")
    assert sorted(dict(home.attrs)) == ["cell_line", "made_from"]
    assert home.attrs["made_from"] == other.cell_line.made_from
    with pytest.raises(InputError, match="holds only scores; name their store") as told:
        cell_lines(other.location)
    assert told.value.argument == "results"


def test_results__of_another_store_are_refused(
    other: Scores, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    other.create()
    settings = config.store.model_copy(update={"rows_per_block": 17})
    build_store(*catalogue, tmp_path / "t.zarr", config.model_copy(update={"store": settings}))
    of_another = open_scores(open_store(tmp_path / "t.zarr"), other.model, results=other.location)
    before = state(other.location)
    for use in (complete, Scores.is_scored, plan_score, Scores.open, Scores.create):
        with pytest.raises(InputError, match=r"scores\.zarr: holds scores of another store, with other inpu"):
            use(of_another)
    for read in (info, verify):
        with pytest.raises(InputError, match="holds scores of another store"):
            read(of_another.cell_line.store, results=of_another.location)
    assert state(other.location) == before


def test_results__where_something_else_is_are_refused(own: Scores, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    (tmp_path / "copy.zarr").symlink_to(own.cell_line.store)
    for place, told in (
        ("notes", "holds something other than scores"),
        ("copy.zarr", "is itself a store"),
    ):
        scores = open_scores(own.cell_line, own.model, results=tmp_path / place)
        with pytest.raises(InputError, match=rf"{place}: {told}.*; name a new folder$") as failure:
            complete(scores)
        assert failure.value.argument == "results"
    assert [file.name for file in (tmp_path / "notes").iterdir()] == ["a.txt"]


def test_results__in_an_empty_folder_and_of_the_store_by_its_own_name(
    own: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    in_empty = open_scores(own.cell_line, own.model, results=tmp_path / "empty")
    assert in_empty.is_scored() is False
    in_empty.create()
    assert in_empty.exists()
    monkeypatch.chdir(tmp_path)
    assert open_scores(open_store("s.zarr"), own.model, results="s.zarr") == own


def test_results__parts_and_a_second_writer(own: Scores, other: Scores) -> None:
    before = state(own.cell_line.store)
    assert score_part(other, 1, 2) + score_part(other, 2, 2) == plan_score(other).blocks
    assert plan_score(other).blocks_done == plan_score(other).blocks
    with (
        sole_writer(other.location, f"{other.cell_line.name}/scores/{other.name}"),
        pytest.raises(AtypeakError, match=r"scores\.zarr/cell/scores/.* is being written by process"),
    ):
        complete(other)
    complete(other)
    assert other.is_scored()
    assert state(own.cell_line.store) == before


def test_results__are_named_in_what_is_advised(other: Scores) -> None:
    """The command line reads the place off the scores that the error carries."""
    for use, stage in ((normalize, "score"), (partial(export, out="out"), "score")):
        with pytest.raises(StageMissingError) as told:
            use(other)
        assert (told.value.stage, told.value.scores) == (stage, other)
    complete(other)
    with pytest.raises(StageMissingError, match=r"scores\.zarr: .* is not normalized") as told:
        export(other, Path("out"))
    assert (told.value.stage, told.value.scores) == ("normalize", other)


def test_results__json_of_the_root_says_no_path(other: Scores) -> None:
    complete(other)
    for file in local_path(other.location).rglob("zarr.json"):
        assert str(local_path(other.cell_line.store).parent) not in json.dumps(json.loads(file.read_text()))
