"""Which results a model, its options and a store name; those whose model is gone."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scoring.by_hand import DATASETS, TRS, brute_force

from atypeak_scale.config import Config
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import (
    FINAL,
    RAW,
)
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import normalized_scores, open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import local_path


def test_open_scores__another_model_or_crumbs_is_another_group(
    scores: Scores, config: Config, tmp_path: Path
) -> None:
    other = TrainedModel(build_autoencoder(320, 3, 3, config.model, seed=9), (DATASETS, TRS), config)
    save_model(other, tmp_path / "elsewhere" / "model")
    with_crumbs = open_scores(scores.cell_line, scores.model, crumbs=0.1)
    another = open_scores(scores.cell_line, tmp_path / "elsewhere/model")
    exact = open_scores(scores.cell_line, scores.model, precision="float64")
    assert len({scores.path, with_crumbs.path, another.path, exact.path}) == 4
    assert scores.name == f"model-{scores.fingerprint[:8]}"
    assert with_crumbs.name == f"{scores.name}-crumbs-0.1"
    assert exact.name == f"{scores.name}-float64"
    assert scores.path == f"cell/scores/{scores.name}"


def test_scores__several_models_side_by_side(scores: Scores, config: Config, tmp_path: Path) -> None:
    other = TrainedModel(build_autoencoder(320, 3, 3, config.model, seed=9), (DATASETS, TRS), config)
    second = open_scores(scores.cell_line, save_model(other, tmp_path / "second"))
    complete(scores)
    assert not second.exists()
    complete(second)
    for one in (scores, second):
        np.testing.assert_allclose(one.read(RAW), brute_force(one)[1], atol=1e-5)
    normalize(scores)
    assert normalized_scores(scores.cell_line).name == scores.name
    normalize(second)
    with pytest.raises(
        InputError, match=r"scored by 2 models, or .* settings \(model-\w{8}, second-\w{8}\); name one$"
    ) as told:
        normalized_scores(scores.cell_line)
    assert told.value.argument == "model"


def test_scores__names_cannot_leave_the_store(scores: Scores, tmp_path: Path) -> None:
    (tmp_path / "model").rename(tmp_path / ".. x")
    evil = open_scores(scores.cell_line, tmp_path / ".. x")
    assert "/" not in evil.name
    assert not evil.name.startswith(".")
    assert evil.path.count("/") == 2


def test_normalized_scores__need_no_model(normalized: Scores, tmp_path: Path) -> None:
    (tmp_path / "model").rename(tmp_path / "moved")
    found = normalized_scores(normalized.cell_line)
    assert (found.name, found.path, found.fingerprint) == (
        normalized.name, normalized.path, normalized.fingerprint,
    )  # fmt: skip
    assert found.config.model == normalized.config.model
    assert found.config.training == normalized.config.training
    assert found.provenance() == normalized.provenance()
    found.require_normalized()
    np.testing.assert_array_equal(found.read(FINAL), normalized.read(FINAL))
    assert found.peaks.identical(normalized.peaks) or found.peaks.equals(normalized.peaks)


def test_normalized_scores__say_which_stage_is_missing(scores: Scores) -> None:
    with pytest.raises(StageMissingError, match=r"s\.zarr: not scored; score and normalize it") as told:
        normalized_scores(scores.cell_line)
    assert told.value.stage == "score"
    complete(scores)
    with pytest.raises(StageMissingError, match=r"s\.zarr: not normalized; score and normalize it") as told:
        normalized_scores(scores.cell_line)
    assert told.value.stage == "normalize"


def test_open__a_renamed_model_finds_its_scores(scores: Scores, tmp_path: Path) -> None:
    complete(scores)
    renamed = shutil.copytree(local_path(scores.model), tmp_path / "renamed")
    found = open_scores(scores.cell_line, renamed)
    assert found.name == scores.name
    assert found.is_scored()
    other = open_scores(scores.cell_line, renamed, crumbs=0.25)
    assert other.name.startswith("renamed-")
    assert not other.exists()
