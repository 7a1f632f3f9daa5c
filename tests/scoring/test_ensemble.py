"""Several seeds as one model (method, section 3.4), against a plain rewrite."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import rankdata
from scoring.by_hand import assert_equal_arrays, group_folder

from atypeak_scale.assess.interpretation.groups import groups
from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.config import Config, dump_config, parse_config, with_seed
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import (
    FINAL,
    K_NORMALIZED,
    RAW,
    REBUILT_SCORE,
    SPREAD,
    WEIGHT,
    Variable,
)
from atypeak_scale.scoring.export import PEAKS_FILE, WEIGHTS_FILE, export
from atypeak_scale.scoring.normalize import model_agreement, normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete, score, score_part
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.verify import verify

ARRAYS = (REBUILT_SCORE, RAW, WEIGHT, K_NORMALIZED, FINAL)


@pytest.fixture
def ensemble(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Scores:
    """A store and a folder of three untrained models."""
    build_store(*catalogue, tmp_path / "s.zarr", config)
    models = tmp_path / "models"
    models.mkdir()
    for seed in (9, 10, 11):
        network = build_autoencoder(320, 3, 3, config.model, seed=seed)
        network.get_layer("sources").bias.assign(np.random.default_rng(seed).uniform(0.1, 1, 9))
        model = TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), with_seed(config, seed))
        save_model(model, models / f"seed-{seed}")
    return open_scores(open_store(tmp_path / "s.zarr"), models)


def arrays(scores: Scores, *variables: Variable) -> list[np.ndarray]:
    return [scores.read(variable).astype(np.float64) for variable in variables]


def finish(scores: Scores, config: Config) -> None:
    complete(scores)
    normalize(scores, config.normalization)


def test_ensemble__members_are_in_order_of_their_seeds(ensemble: Scores) -> None:
    assert [Path(one.model).name for one in ensemble.members] == ["seed-9", "seed-10", "seed-11"]
    assert len({ensemble.path, *(one.path for one in ensemble.members)}) == 4


def test_ensemble__averages_scores_and_weights_then_scales_by_tr(
    ensemble: Scores, config: Config, tmp_path: Path
) -> None:
    finish(ensemble, config)
    alone = []
    for one in ensemble.members:  # each scored and normalized by itself, elsewhere
        elsewhere = tmp_path / f"{Path(one.model).name}.zarr"
        by_itself = open_scores(ensemble.cell_line, one.model, results=elsewhere)
        finish(by_itself, config)
        alone.append(by_itself)
    rows, raw, weighted, final, spread = arrays(ensemble, REBUILT_SCORE, RAW, K_NORMALIZED, FINAL, SPREAD)
    (weight,) = arrays(ensemble, WEIGHT)
    of_members = [arrays(one, REBUILT_SCORE, RAW, FINAL, WEIGHT) for one in alone]
    np.testing.assert_allclose(rows, sum(one[0] for one in of_members) / 3, rtol=1e-6)
    np.testing.assert_allclose(raw, sum(one[1] for one in of_members) / 3, rtol=1e-6)
    np.testing.assert_allclose(weight, sum(one[3] for one in of_members) / 3, rtol=1e-12)
    source = ensemble.cell_line.peaks(0, ensemble.cell_line.peak_count).source
    tr = ensemble.cell_line.cells[source, 1]
    np.testing.assert_allclose(weighted, raw * weight[source], rtol=1e-6)
    for peak in range(len(raw)):
        of_tr = [weighted[other] for other in range(len(raw)) if tr[other] == tr[peak]]
        mean = sum(of_tr) / len(of_tr)
        sd = (sum((value - mean) ** 2 for value in of_tr) / max(1, len(of_tr) - 1)) ** 0.5
        expected = 750 * (1 + (weighted[peak] - mean) / (2 * sd)) if sd > 1e-9 * abs(mean) else 750
        assert final[peak] == pytest.approx(expected, abs=0.01)
        values = [one[2][peak] for one in of_members]
        middle = sum(values) / 3
        assert spread[peak] == pytest.approx((sum((v - middle) ** 2 for v in values) / 2) ** 0.5, abs=0.01)
    ranks = [rankdata(one[2]) for one in of_members]
    expected_agreement = [np.corrcoef(one, other)[0, 1] for one, other in combinations(ranks, 2)]
    np.testing.assert_allclose(model_agreement(ensemble), expected_agreement, rtol=1e-9)


def test_ensemble__export_has_the_spread_and_the_mean_weights(
    ensemble: Scores, config: Config, tmp_path: Path
) -> None:
    finish(ensemble, config)
    export(ensemble, tmp_path / "out")
    table = pq.read_table(tmp_path / "out" / PEAKS_FILE)
    (spread,) = arrays(ensemble, SPREAD)
    np.testing.assert_allclose(table["spread"].to_numpy(), spread, rtol=1e-6)
    lines = (tmp_path / "out" / WEIGHTS_FILE).read_text().splitlines()
    column = lines[0].split("\t").index("weight")
    (weight,) = arrays(ensemble, WEIGHT)
    np.testing.assert_allclose([float(line.split("\t")[column]) for line in lines[1:]], weight)
    export(ensemble.members[0], tmp_path / "one")
    assert "spread" not in pq.read_schema(tmp_path / "one" / PEAKS_FILE).names
    assert verify(ensemble.cell_line.store).damages == []


def test_ensemble__of_one_is_that_model(ensemble: Scores, config: Config, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "models" / "seed-9").rename(alone / "seed-9")
    scores = open_scores(ensemble.cell_line, alone)
    finish(scores, config)
    for ours, of_member in zip(arrays(scores, *ARRAYS), arrays(scores.members[0], *ARRAYS), strict=True):
        np.testing.assert_array_equal(ours, of_member)
    assert np.isnan(arrays(scores, SPREAD)[0]).all()
    assert model_agreement(scores) == []


def test_ensemble__parallel_and_in_parts_equals_serial(
    ensemble: Scores, config: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    finish(ensemble, config)
    other = open_scores(ensemble.cell_line, ensemble.model, results=tmp_path / "other.zarr")
    for part in (1, 2):
        score_part(other, part, 2)
    assert not other.is_scored()
    complete(other, two_workers)
    normalize(other, config.normalization, two_workers)
    names = *ARRAYS, SPREAD
    for one, two in zip(arrays(ensemble, *names), arrays(other, *names), strict=True):
        np.testing.assert_array_equal(one, two)


def test_ensemble__groups_are_those_of_its_members(ensemble: Scores) -> None:
    together, one_by_one = groups(ensemble), groups(list(ensemble.members))
    assert together.identical(one_by_one)


def test_ensemble__what_takes_one_model_says_so(ensemble: Scores, config: Config) -> None:
    with pytest.raises(InputError, match=r"models: holds 3 models; name one, such as .*models/seed-9"):
        qscore(ensemble, config.normalization)


def test_ensemble__members_differ_by_their_seed_only(ensemble: Scores, config: Config) -> None:
    values = config.model_dump()
    values["training"] |= {"seed": 10, "learning_rate": 0.5}
    (Path(ensemble.model) / "seed-10" / CONFIG).write_text(dump_config(parse_config(values, "test")))
    with pytest.raises(
        InputError, match=r"seed-10: trained with other settings than .*seed-9; only the seed"
    ):
        open_scores(ensemble.cell_line, ensemble.model)


def test_ensemble__a_member_without_scores_is_noticed(ensemble: Scores, config: Config) -> None:
    complete(ensemble)
    one = ensemble.members[1]
    shutil.rmtree(group_folder(one))
    with pytest.raises(StageMissingError, match=r"this model has not scored every peak") as told:
        normalize(ensemble, config.normalization)
    assert told.value.scores == ensemble  # one command mends all members
    complete(ensemble)
    (group_folder(one) / "rebuilt_score/c/1").unlink()  # a part is as bad: it would be NaN
    with pytest.raises(StageMissingError, match=r"this model has not scored every peak") as told:
        normalize(ensemble, config.normalization)
    assert told.value.scores == ensemble


def test_ensemble__what_a_member_lost_is_averaged_again(ensemble: Scores, config: Config) -> None:
    finish(ensemble, config)
    expected = dict(enumerate(arrays(ensemble, *ARRAYS)))
    (group_folder(ensemble) / "rebuilt_score/c/0").unlink()
    (group_folder(ensemble.members[2]) / "rebuilt_score/c/1").unlink()
    assert score(ensemble.cell_line, ensemble.model) == ensemble
    assert_equal_arrays(dict(enumerate(arrays(ensemble, *ARRAYS))), expected)


def test_ensemble__an_interrupted_member_is_refused(ensemble: Scores) -> None:
    file = Path(str(ensemble.model)) / "seed-11" / DESCRIPTION
    description = json.loads(file.read_text())
    description["training"] = {"epochs": 1, "kept_epoch": 1, "kept_loss": 1.0, "stopped": INTERRUPTED}
    file.write_text(json.dumps(description))
    with pytest.raises(InputError, match=r"seed-11: its training was interrupted; train it again"):
        open_scores(ensemble.cell_line, ensemble.model)
