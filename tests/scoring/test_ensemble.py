"""Several seeds as one model (SPEC 3.4): averages, spread and agreement, against a plain rewrite."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from atypeak_scale.execution.cluster import Cluster
from scipy.stats import rankdata

from atypeak_scale.assess.interpretation.groups import correlation_groups
from atypeak_scale.assess.quality.qscore import q_score
from atypeak_scale.config import Config, dump_config, parse_config, with_seed
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.model.description import CONFIG, DESCRIPTION, INTERRUPTED
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.scoring.blocks import ScoreRun, is_scored, score_part, score_run, score_store
from atypeak_scale.scoring.export import PEAKS, WEIGHTS, export_scores
from atypeak_scale.scoring.normalize import model_agreement, normalize_scores
from atypeak_scale.store import schema
from atypeak_scale.store.build import build_store
from atypeak_scale.store.verify import verify_store


@pytest.fixture
def ensemble(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> ScoreRun:
    """A store and a folder of three untrained models."""
    build_store(*catalogue, tmp_path / "s.zarr", config)
    models = tmp_path / "models"
    models.mkdir()
    for seed in (9, 10, 11):
        network = build_autoencoder(320, 3, 3, config.model, seed=seed)
        network.get_layer("sources").bias.assign(np.random.default_rng(seed).uniform(0.1, 1, 9))
        model = TrainedModel(network, (("d1", "d2", "d3"), ("x", "y", "z")), with_seed(config, seed))
        save_model(model, models / f"seed-{seed}")
    return score_run(tmp_path / "s.zarr", models)


def arrays(run: ScoreRun, *names: str) -> list[np.ndarray]:
    _, scores = run.open()
    return [schema.read_array(scores, name).astype(np.float64) for name in names]


def finish(run: ScoreRun, config: Config) -> None:
    score_store(run)
    normalize_scores(run, config.normalization)


def test_ensemble__members_are_in_order_of_their_seeds(ensemble: ScoreRun) -> None:
    assert [Path(one.model).name for one in ensemble.members] == ["seed-9", "seed-10", "seed-11"]
    assert len({ensemble.group, *(one.group for one in ensemble.members)}) == 4


def test_ensemble__averages_scores_and_weights_then_scales_by_tr(
    ensemble: ScoreRun, config: Config, tmp_path: Path
) -> None:
    finish(ensemble, config)
    alone = []
    for one in ensemble.members:  # each scored and normalized by itself, elsewhere
        by_itself = score_run(ensemble.store, one.model, results=tmp_path / f"{Path(one.model).name}.zarr")
        finish(by_itself, config)
        alone.append(by_itself)
    rows, raw, weighted, final, spread = arrays(
        ensemble, "rebuilt_score", "raw", "k_normalized", "final", "spread"
    )
    (weight,) = arrays(ensemble, "weight")
    of_members = [arrays(one, "rebuilt_score", "raw", "final", "weight") for one in alone]
    np.testing.assert_allclose(rows, sum(one[0] for one in of_members) / 3, rtol=1e-6)
    np.testing.assert_allclose(raw, sum(one[1] for one in of_members) / 3, rtol=1e-6)
    np.testing.assert_allclose(weight, sum(one[3] for one in of_members) / 3, rtol=1e-12)
    data, _ = ensemble.open()
    source = schema.read_array(data, "catalogue_source")
    tr = schema.read_array(data, "source_tr")[source]
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
    ensemble: ScoreRun, config: Config, tmp_path: Path
) -> None:
    finish(ensemble, config)
    export_scores(ensemble.store, tmp_path / "out", run=ensemble)
    table = pq.read_table(tmp_path / "out" / PEAKS)
    (spread,) = arrays(ensemble, "spread")
    np.testing.assert_allclose(table["spread"].to_numpy(), spread, rtol=1e-6)
    lines = (tmp_path / "out" / WEIGHTS).read_text().splitlines()
    column = lines[0].split("\t").index("weight")
    (weight,) = arrays(ensemble, "weight")
    np.testing.assert_allclose([float(line.split("\t")[column]) for line in lines[1:]], weight)
    export_scores(ensemble.store, tmp_path / "one", run=ensemble.members[0])
    assert "spread" not in pq.read_schema(tmp_path / "one" / PEAKS).names
    assert verify_store(ensemble.store).damages == []


def test_ensemble__of_one_is_that_model(ensemble: ScoreRun, config: Config, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / "models" / "seed-9").rename(alone / "seed-9")
    run = score_run(ensemble.store, alone)
    finish(run, config)
    names = "rebuilt_score", "raw", "weight", "k_normalized", "final"
    for ours, of_member in zip(arrays(run, *names), arrays(run.members[0], *names), strict=True):
        np.testing.assert_array_equal(ours, of_member)
    assert np.isnan(arrays(run, "spread")[0]).all()
    assert model_agreement(run) == []


def test_ensemble__parallel_and_in_parts_equals_serial(
    ensemble: ScoreRun, config: Config, tmp_path: Path
) -> None:
    finish(ensemble, config)
    other = score_run(ensemble.store, ensemble.model, results=tmp_path / "other.zarr")
    for part in (1, 2):
        score_part(other, part, 2)
    assert not is_scored(other)
    score_store(other, Cluster(workers=2))
    normalize_scores(other, config.normalization, Cluster(workers=2))
    names = "rebuilt_score", "raw", "weight", "k_normalized", "final", "spread"
    for one, two in zip(arrays(ensemble, *names), arrays(other, *names), strict=True):
        np.testing.assert_array_equal(one, two)


def test_ensemble__groups_are_those_of_its_members(ensemble: ScoreRun) -> None:
    together, one_by_one = correlation_groups(ensemble), correlation_groups(list(ensemble.members))
    assert together.identical(one_by_one)


def test_ensemble__what_takes_one_model_says_so(ensemble: ScoreRun, config: Config) -> None:
    with pytest.raises(InputError, match=r"models: holds 3 models; name one, such as .*models/seed-9"):
        q_score(ensemble, config.normalization)


def test_ensemble__members_differ_by_their_seed_only(ensemble: ScoreRun, config: Config) -> None:
    values = config.model_dump()
    values["training"] |= {"seed": 10, "learning_rate": 0.5}
    (Path(ensemble.model) / "seed-10" / CONFIG).write_text(dump_config(parse_config(values, "test")))
    with pytest.raises(
        InputError, match=r"seed-10: trained with other settings than .*seed-9; only the seed"
    ):
        score_run(ensemble.store, ensemble.model)


def test_ensemble__a_member_without_scores_is_named(ensemble: ScoreRun, config: Config) -> None:
    score_store(ensemble)
    one = ensemble.members[1]
    shutil.rmtree(Path(str(one.results), one.home[1]))
    with pytest.raises(AtypeakError, match=r"not every peak is scored by this model; .*models/seed-10"):
        normalize_scores(ensemble, config.normalization)


def test_ensemble__an_interrupted_member_is_refused(ensemble: ScoreRun) -> None:
    file = Path(str(ensemble.model)) / "seed-11" / DESCRIPTION
    description = json.loads(file.read_text())
    description["training"] = {"epochs": 1, "kept_epoch": 1, "kept_loss": 1.0, "stopped": INTERRUPTED}
    file.write_text(json.dumps(description))
    with pytest.raises(InputError, match=r"seed-11: its training was interrupted; train it again"):
        score_run(ensemble.store, ensemble.model)
