"""Scores in another place than the store: the store is only read, and the scores are the same."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from assess.by_hand import unscored
from atypeak_scale.store.summary import summarize

from atypeak_scale.assess.description.pairs import compare_pairs
from atypeak_scale.assess.description.statistics_tables import statistics_tables
from atypeak_scale.assess.interpretation import ur_examples as ur_examples_stage
from atypeak_scale.assess.interpretation.groups import correlation_groups
from atypeak_scale.assess.interpretation.ur_examples import ur_examples
from atypeak_scale.assess.quality.qscore import q_score
from atypeak_scale.assess.regions.crms import crm_table
from atypeak_scale.assess.results import load_results
from atypeak_scale.config import Config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.scoring.blocks import (
    ScoreRun,
    is_scored,
    plan_score,
    score_part,
    score_run,
    score_store,
)
from atypeak_scale.scoring.export import export_scores
from atypeak_scale.scoring.normalize import normalize_scores
from atypeak_scale.storage import locks
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from atypeak_scale.store.verify import verify_store

Catalogue = tuple[Path, Path]


@pytest.fixture
def own(catalogue: Catalogue, config: Config, tmp_path: Path) -> ScoreRun:
    """Build a store and save a model; the run that keeps its scores in the store."""
    return unscored(*catalogue, config, tmp_path)


@pytest.fixture
def run(own: ScoreRun, tmp_path: Path) -> ScoreRun:
    """Return the run of the same store and model with its scores elsewhere, in a folder to be made."""
    return score_run(own.store, own.model, results=tmp_path / "new" / "scores.zarr")


def state(folder: str | Path) -> dict[str, tuple[int, bytes]]:
    """Return time and content of every file, and the time of every folder."""
    paths = [Path(folder), *Path(folder).rglob("*")]
    return {str(p): (p.stat().st_mtime_ns, p.read_bytes() if p.is_file() else b"") for p in paths}


def everything(run: ScoreRun, out: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, xr.Dataset]:
    """Do all that reads or writes scores; returns what is kept beside them."""
    monkeypatch.setattr(ur_examples_stage, "STEPS", 10)
    score_store(run)
    normalize_scores(run, run.config.normalization)
    export_scores(run.store, out / "one", run=run)
    export_scores(run.store, out / "only", results=run.results)
    crm_table(run, out / "crms")
    q_score(run, run.config.normalization)
    correlation_groups(run)
    ur_examples(run)
    assert len(compare_pairs(run))
    assert "scores" in statistics_tables(run.store, run=run)
    return {name: load_results(run, name) for name in ("qscore", "groups", "ur_examples")}


def arrays(run: ScoreRun) -> dict[str, np.ndarray[Any, Any]]:
    """Return every array of the scores."""
    _, scores = run.open()
    return {name: array[:] for name, array in sorted(scores.arrays())}


def test_results__elsewhere_are_the_same_and_the_store_is_only_read(
    own: ScoreRun, run: ScoreRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(own.store)
    elsewhere = everything(run, tmp_path / "elsewhere", monkeypatch)
    damages = verify_store(run.store, results=run.results)
    facts = summarize(run.store, run.results)
    assert state(own.store) == before
    assert {name.name for name in tmp_path.iterdir()} == {"catalogue", "s.zarr", "model", "new", "elsewhere"}
    assert [name.name for name in (tmp_path / "new").iterdir()] == ["scores.zarr"]
    assert not is_scored(own)

    here = everything(own, tmp_path / "here", monkeypatch)
    for name, found in arrays(own).items():
        np.testing.assert_array_equal(arrays(run)[name], found)
    for name, found in here.items():
        xr.testing.assert_identical(elsewhere[name], found)
    for folder in ("one", "only", "crms"):
        files = sorted(file.name for file in (tmp_path / "here" / folder).iterdir())
        assert files == sorted(file.name for file in (tmp_path / "elsewhere" / folder).iterdir())
        for file in files:
            one, other = (tmp_path / where / folder / file for where in ("here", "elsewhere"))
            assert one.read_bytes() == other.read_bytes()
    assert damages == verify_store(own.store)
    assert not damages.damages
    assert facts == summarize(own.store)


def test_results__are_a_store_of_their_own_kind(run: ScoreRun) -> None:
    run.open()
    root = zarr.open_group(run.results, mode="r")
    assert sorted(root.group_keys()) == ["cell"]
    home = schema.open_group(run.results, "cell")
    assert sorted(dict(home.attrs)) == ["cell_line", "made_from"]
    data = schema.open_cell_line(run.store, "cell")
    assert home.attrs["made_from"] == data.attrs["made_from"]
    with pytest.raises(
        InputError, match="holds only scores; name their store, and this place with --results"
    ):
        schema.cell_lines(run.results)


def test_results__of_another_store_are_refused(
    run: ScoreRun, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    run.open()
    settings = config.store.model_copy(update={"rows_per_block": 17})
    build_store(*catalogue, tmp_path / "t.zarr", config.model_copy(update={"store": settings}))
    other = score_run(tmp_path / "t.zarr", run.model, results=run.results)
    before = state(run.results)
    for use in (score_store, is_scored, plan_score, ScoreRun.open):
        with pytest.raises(InputError, match=r"scores\.zarr: holds scores of another store, with other inpu"):
            use(other)
    for read in (summarize, lambda store, results: verify_store(store, results=results)):
        with pytest.raises(InputError, match="holds scores of another store"):
            read(other.store, other.results)
    assert state(run.results) == before


def test_results__where_something_else_is_are_refused(own: ScoreRun, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").write_text("x")
    (tmp_path / "copy.zarr").symlink_to(own.store)
    for place, told in (
        ("notes", "holds something else than scores"),
        ("copy.zarr", "is a store of its own"),
    ):
        run = score_run(own.store, own.model, results=tmp_path / place)
        with pytest.raises(InputError, match=rf"{place}: {told}.*; name a new folder with --results$"):
            score_store(run)
    assert [file.name for file in (tmp_path / "notes").iterdir()] == ["a.txt"]


def test_results__in_an_empty_folder_and_of_the_store_by_its_own_name(
    own: ScoreRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    assert is_scored(score_run(own.store, own.model, results=tmp_path / "empty")) is False
    score_run(own.store, own.model, results=tmp_path / "empty").open()
    monkeypatch.chdir(tmp_path)
    assert score_run("s.zarr", own.model, results="s.zarr") == own


def test_results__parts_and_a_second_writer(own: ScoreRun, run: ScoreRun) -> None:
    before = state(own.store)
    assert score_part(run, 1, 2) + score_part(run, 2, 2) == plan_score(run).blocks
    assert plan_score(run).blocks_done == plan_score(run).blocks
    with (
        sole_writer(run.results, f"{run.cell_line}/{run.group}"),
        pytest.raises(AtypeakError, match=r"scores\.zarr/cell/scores/.* is being written by process"),
    ):
        score_store(run)
    score_store(run)
    assert is_scored(run)
    assert state(own.store) == before


def test_results__are_named_in_what_is_advised(run: ScoreRun) -> None:
    assert run.options.endswith(f"--results {run.results}")
    with pytest.raises(AtypeakError, match=r"--results \S+scores\.zarr' first$"):
        normalize_scores(run, run.config.normalization)
    score_store(run)
    with pytest.raises(InputError, match=r"scores\.zarr: .* is not normalized"):
        export_scores(run.store, Path("out"), run=run)


def test_read_only_store__says_what_to_do(own: ScoreRun, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator, who may run tests, can write everywhere; so the system call says no."""

    def refuse(*_: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(locks.os, "open", refuse)
    with pytest.raises(InputError) as failure, own.writing():
        pass
    told = f"{Path(own.store).parent}: cannot be written (Read-only file system)"
    assert str(failure.value) == (
        f"{told}; keep the scores of a store that is only read in another place, with --results"
    )
    with pytest.raises(InputError) as of_others, sole_writer(own.store, "search"):
        pass
    assert str(of_others.value) == told  # a search has no --results


def test_results__json_of_the_root_says_no_path(run: ScoreRun) -> None:
    score_store(run)
    for file in Path(run.results).rglob("zarr.json"):
        assert str(Path(run.store).parent) not in json.dumps(json.loads(file.read_text()))
