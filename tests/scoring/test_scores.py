"""The handle: reading makes nothing, creating makes all or nothing, and a copy is as good."""

import errno
import os
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from conftest import ROWS_PER_BLOCK
from scoring.by_hand import group_folder, state

from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.description import NETWORK
from atypeak_scale.model.files import load_model
from atypeak_scale.registry.variables import (
    ENSEMBLE_VARIABLES,
    FINAL,
    LABEL_MEAN,
    RAW,
    REBUILT_SCORE,
    SCORE_VARIABLES,
    WEIGHT,
    with_views,
)
from atypeak_scale.scoring import scores as scores_module
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import normalized_scores, open_scores
from atypeak_scale.scoring.score import complete, score
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage import locks
from atypeak_scale.storage.locations import local_path
from atypeak_scale.storage.locks import sole_writer
from atypeak_scale.store.groups import children, open_group

# Reading


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every lock: the administrator, who may run tests, can write everywhere."""

    def refuse(*_: Any) -> int:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(locks.os, "open", refuse)


def test_reading__makes_nothing(scores: Scores, read_only: None, tmp_path: Path) -> None:
    local_path(scores.cell_line.store).chmod(0o555)
    before = state(tmp_path)
    blocks = scores.cell_line.blocks("rows")
    assert not scores.exists()
    assert scores.missing() == blocks
    assert not scores.is_scored()
    assert not scores.has_raw()
    assert scores.normalization is None
    assert scores.provenance()["scores"]["model_fingerprint"] == scores.fingerprint
    for read in (
        scores.open,
        scores.group,
        lambda: scores.read(RAW),
        lambda: scores.peaks,
        lambda: scores.attributes,
        scores.require_normalized,
    ):
        with pytest.raises(
            StageMissingError, match=r"not scored by this model \(model-\w{8}\); score"
        ) as told:
            read()
        assert (told.value.stage, told.value.scores) == ("score", scores)
    assert state(tmp_path) == before
    local_path(scores.cell_line.store).chmod(0o755)


def test_reading__of_results_takes_no_lock_and_changes_nothing(
    normalized: Scores, read_only: None, tmp_path: Path
) -> None:
    before = state(tmp_path)
    assert normalized.exists()
    assert normalized.missing() == []
    assert normalized.is_scored()
    assert normalized.normalization == {"sample": "all", "seed": 1}
    normalized.require_normalized()
    data = normalized.open()
    assert dict(data.sizes) == {
        "peak": normalized.cell_line.row_count,
        "catalogue_peak": normalized.cell_line.peak_count,
        "source": 5,
        "tr": 3,
    }
    for variable in SCORE_VARIABLES:
        array = data[with_views(variable.name, ("dataset", "tr"))]
        np.testing.assert_array_equal(array.to_numpy(), normalized.read(variable))
        assert array.attrs["description"].startswith(variable.description)
    assert len(normalized.peaks.to_dataframe()) == normalized.cell_line.peak_count
    assert state(tmp_path) == before


def test_read__parts_and_elements(normalized: Scores) -> None:
    whole = normalized.read(REBUILT_SCORE)
    np.testing.assert_array_equal(normalized.read(REBUILT_SCORE, 5, 40), whole[5:40])
    index = np.array([33, 2, 17, 2])
    np.testing.assert_array_equal(normalized.read_elements(REBUILT_SCORE, index), whole[index])
    assert normalized.read(LABEL_MEAN).shape == (3,)


def test_require_normalized__says_what_is_missing(scores: Scores) -> None:
    complete(scores)
    with pytest.raises(StageMissingError, match=r"s\.zarr: model-\w{8} is not normalized; normalize") as told:
        scores.require_normalized()
    assert (told.value.stage, told.value.scores) == ("normalize", scores)


# Creating and writing


def test_create__makes_every_array_empty_and_tells_what_made_it(scores: Scores) -> None:
    scores.create()
    assert scores.exists()
    assert scores.missing() == scores.cell_line.blocks("rows")
    assert not scores.has_raw()
    names = {with_views(variable.name, ("dataset", "tr")) for variable in SCORE_VARIABLES}
    assert set(dict(scores.group().arrays())) == names
    assert np.isnan(scores.read(FINAL)).all()
    told = scores.attributes
    assert (told["model_fingerprint"], told["crumbs"], told["precision"]) == (
        scores.fingerprint,
        0,
        "float32",
    )
    assert told["trained"]["model"] == scores.config.model.model_dump(mode="json")
    assert told["trained"]["training"] == scores.config.training.model_dump(mode="json")
    before = state(scores.cell_line.store)
    scores.create()
    assert state(scores.cell_line.store) == before


def test_create__interrupted_leaves_nothing(
    scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from atypeak_scale.store import result_groups

    create_arrays = result_groups.create_arrays

    def interrupted(*arguments: Any) -> None:
        create_arrays(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(result_groups, "create_arrays", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scores.create()
    assert not scores.exists()
    assert {file.name for file in tmp_path.iterdir()} == {"catalogue", "s.zarr", "model"}
    monkeypatch.setattr(result_groups, "create_arrays", create_arrays)
    scores.create()
    assert scores.exists()


def test_create__refuses_a_model_without_its_network(scores: Scores) -> None:
    (local_path(scores.model) / NETWORK).unlink()
    with pytest.raises(InputError, match="cannot be loaded: no such file"):
        scores.create()
    assert not scores.exists()


def test_create__first_writers_at_the_same_time_make_one_group(scores: Scores) -> None:
    """Several kinds of results, of which none holds the others up, may be the first to need the group."""

    def path_of_created(_: int) -> str:
        scores.create()
        return scores.group().path

    with ThreadPoolExecutor(8) as pool:
        groups = list(pool.map(path_of_created, range(8)))
    assert set(groups) == {scores.path}
    assert list(children(open_group(scores.cell_line.store, "cell/scores"))) == [groups[0].split("/")[-1]]


def test_write__whole_chunks_only(scores: Scores) -> None:
    scores.create()
    scores.write(REBUILT_SCORE, ROWS_PER_BLOCK, np.ones(ROWS_PER_BLOCK, np.float32))
    written = list(range(ROWS_PER_BLOCK, 2 * ROWS_PER_BLOCK))
    assert np.flatnonzero(scores.read(REBUILT_SCORE) == 1).tolist() == written
    with pytest.raises(AssertionError, match="does not fall on whole chunks"):
        scores.write(REBUILT_SCORE, ROWS_PER_BLOCK, np.ones(ROWS_PER_BLOCK - 1, np.float32))


def test_set_attribute__none_takes_it_back(scores: Scores) -> None:
    scores.create()
    scores.set_attribute("agreement", [1.0])
    assert scores.attributes["agreement"] == [1.0]
    scores.set_attribute("agreement", None)
    assert "agreement" not in scores.attributes


def test_writing__read_only_store_says_what_to_do(scores: Scores, read_only: None) -> None:
    told = f"{local_path(scores.cell_line.store).parent}: cannot be written (Read-only file system)"
    with pytest.raises(InputError) as failure, scores.writing():
        pass
    assert str(failure.value) == f"{told}; if the store must stay as it is, keep the scores in another place"
    assert failure.value.argument == "results"
    with pytest.raises(InputError) as of_others, sole_writer(scores.cell_line.store, "search"):
        pass
    assert str(of_others.value) == told  # a search has no `results`
    assert of_others.value.argument is None


# Which results


def test_scores__group_of_another_model_under_the_same_name_is_refused(scores: Scores) -> None:
    scores.create()
    zarr.open_group(scores.cell_line.store, path=scores.path, use_consolidated=False).attrs[
        "model_fingerprint"
    ] = "other"
    for use in (scores.open, scores.exists, scores.create, scores.missing):
        with pytest.raises(InputError, match="made from another model; remove it"):
            use()


def test_load__refuses_changed_files(scores: Scores) -> None:
    file = local_path(scores.model) / "config.yaml"
    file.write_text(file.read_text().replace("learning_rate: 0.001", "learning_rate: 0.002"))
    with pytest.raises(InputError, match="were not saved together"):
        load_model(scores.model)
    with pytest.raises(InputError, match="were not saved together"):
        scores.engine()


# Copies and other places


def test_pickle__gives_the_same_handle(normalized: Scores) -> None:
    normalized.cell_line.labels  # noqa: B018  (what is cached does not travel)
    copy = pickle.loads(pickle.dumps(normalized))
    assert copy == normalized
    assert copy.cell_line.__dict__.keys() == {"store", "name"}
    np.testing.assert_array_equal(copy.read(WEIGHT), normalized.read(WEIGHT))
    assert copy.normalization == normalized.normalization


def test_handle__opens_nothing_when_it_is_made(scores: Scores, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(scores_module, "open_group", refuse)
    monkeypatch.setattr(scores_module, "find_results", refuse)
    assert open_scores(scores.cell_line, scores.model) == scores


def test_results__in_another_place(scores: Scores, tmp_path: Path) -> None:
    place = tmp_path / "new" / "scores.zarr"
    elsewhere = open_scores(scores.cell_line, scores.model, results=place)
    assert elsewhere == replace(scores, location=place)
    before = state(scores.cell_line.store)
    complete(elsewhere)
    normalize(elsewhere)
    assert not scores.exists()
    assert state(scores.cell_line.store) == before
    assert group_folder(elsewhere) == place / scores.path
    assert normalized_scores(scores.cell_line, place).location == place
    with pytest.raises(StageMissingError, match=r"s\.zarr: not scored"):
        normalized_scores(scores.cell_line)


def test_variables__of_an_ensemble_have_the_spread(scores: Scores) -> None:
    assert scores.variables == SCORE_VARIABLES
    assert replace(scores, members=(scores,)).variables == ENSEMBLE_VARIABLES
    scores.refuse_several()
    with pytest.raises(InputError, match="holds 1 models; name one, such as"):
        replace(scores, members=(scores,)).refuse_several()


def test_engine__is_that_of_the_scores_and_takes_other_crumbs(scores: Scores) -> None:
    with_crumbs = open_scores(scores.cell_line, scores.model, crumbs=0.1)
    window = scores.cell_line.occupancy(0, 1)
    assert scores.engine().labels == scores.cell_line.labels

    def ratios(handle: Callable[[], Any]) -> np.ndarray:
        return np.concatenate([ratio for _, ratio in handle().ratios(window)])

    np.testing.assert_array_equal(ratios(lambda: with_crumbs.engine(0.0)), ratios(scores.engine))
    assert not np.array_equal(ratios(with_crumbs.engine), ratios(scores.engine))


def test_score__returns_the_handle(scores: Scores) -> None:
    assert score(scores.cell_line, scores.model) == scores


@pytest.mark.parametrize("data", [b"not a model", None])
def test_create__a_model_that_is_refused_leaves_no_results(scores: Scores, data: bytes | None) -> None:
    network = local_path(scores.model) / NETWORK
    network.write_bytes(network.read_bytes()[:-50] if data is None else data)
    with pytest.raises(InputError, match=r"model\.keras: is damaged, or not a network of this program"):
        complete(scores)
    assert not scores.exists()
