"""Power on a sample: against the power that scoring finds, which takes every peak and placement."""

from pathlib import Path

import numpy as np
import pytest

from atypeak_scale.assess.quality import sampled_power as module
from atypeak_scale.assess.quality.sampled_power import sampled_power
from atypeak_scale.config import Config, for_support, parse_config, with_objective
from atypeak_scale.execution.progress import Event, heard_by
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry import variables as v
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store


@pytest.fixture
def scored(catalogue: tuple[Path, Path], config: Config, tmp_path: Path) -> Scores:
    """Return the complete support of an untrained model: 100 placements of each source."""
    values = config.model_dump()
    values["support"] |= {"filters": 4, "deep_dimension": 6}
    values["chance"] |= {"placements": 100, "folds": 2}
    settings = for_support(with_objective(parse_config(values, "test"), "support"))
    build_store(*catalogue, tmp_path / "s.zarr", settings)
    network = build_autoencoder(320, 3, 3, settings.model, seed=3)
    model = TrainedModel(network, (("d3", "d1", "d2"), ("z", "x", "y")), settings)
    scores = open_scores(open_store(tmp_path / "s.zarr"), save_model(model, tmp_path / "model"))
    complete(scores)
    return scores


def peaks_of_sources(scores: Scores) -> np.ndarray:
    cell_line = scores.cell_line
    return np.bincount(cell_line.peaks(0, cell_line.peak_count).source, minlength=5)


def test_power__of_a_sample_of_all_is_that_of_scoring(
    scored: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No source has 300 peaks, so all count; with a lower bound, only the larger ones."""
    powers, count = scored.read(v.POWER), peaks_of_sources(scored)
    heard: list[Event] = []
    with heard_by(heard.append):
        assert sampled_power(scored, scored.placements) == pytest.approx(powers.mean(), abs=1e-3)
    assert len(np.unique(powers)) == 5
    assert heard[0].done == 0
    assert heard[-1].done == heard[-1].total > 2
    bound = int(np.sort(count)[3])
    monkeypatch.setattr(module, "MANY_PEAKS", bound)
    large = powers[count >= bound]
    assert 1 <= len(large) < 5
    assert sampled_power(scored, scored.placements) == pytest.approx(large.mean(), abs=1e-3)


def test_power__of_a_sample_is_near_and_the_same_again(
    scored: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sampled_power(scored, scored.placements)
    asked: list[tuple[int, int]] = []

    def counted(high: np.ndarray, low: np.ndarray) -> float:
        asked.append((len(high), len(low)))
        return module_auroc(high, low)

    module_auroc = module.auroc
    monkeypatch.setattr(module, "auroc", counted)
    monkeypatch.setattr(module, "SAMPLED", 25)
    found = sampled_power(scored, scored.placements)
    assert found != whole
    assert found == pytest.approx(whole, abs=0.1)
    # About 25 of each kind, by the binomial distribution.
    assert all(10 <= number <= 40 for pair in asked for number in pair)
    assert len({number for pair in asked for number in pair}) > 3
    assert sampled_power(scored, scored.placements) == found
