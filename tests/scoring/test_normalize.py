import numpy as np
import pytest
from scoring.by_hand import assert_equal_arrays, group_folder, read_all

from atypeak_scale.config import Config, NormalizationSettings
from atypeak_scale.errors import AtypeakError, DamagedError, InputError, StageMissingError
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.description import NETWORK
from atypeak_scale.model.inference.process import process_engine
from atypeak_scale.registry.variables import FINAL, K_NORMALIZED, RAW, SAMPLED_WINDOWS, WEIGHT
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import local_path
from atypeak_scale.store.verify import verify


def test_normalize__refuses_unscored(scores: Scores, config: Config) -> None:
    with pytest.raises(AtypeakError, match="this model has not scored every peak; score it") as told:
        normalize(scores, config.normalization)
    assert isinstance(told.value, StageMissingError)
    assert (told.value.stage, told.value.scores, told.value.exit_code) == ("score", scores, 1)
    assert not scores.exists()


def test_normalize__stores_what_the_functions_say(scores: Scores, config: Config) -> None:
    complete(scores)
    assert normalize(scores, config.normalization) == scores
    source = scores.cell_line.peaks(0, scores.cell_line.peak_count).source
    weighted = scores.read(RAW) * scores.read(WEIGHT)[source]
    np.testing.assert_allclose(scores.read(K_NORMALIZED), weighted, rtol=1e-6)
    tr = np.array([tr for _, tr in scores.cell_line.sources])[source]
    final = scores.read(FINAL)
    for label in set(tr.tolist()):
        of_label = weighted[tr == label]
        if of_label.std(ddof=1) == 0:
            assert (final[tr == label] == 750).all()
            continue
        expected = 750 * (1 + (of_label - of_label.mean()) / (2 * of_label.std(ddof=1)))
        np.testing.assert_allclose(final[tr == label], expected, rtol=1e-4)
    assert scores.normalization == {"sample": "all", "seed": 1}
    assert scores.attributes["sampled_windows"] == scores.cell_line.data.sizes["window"]


def test_normalize__settings_are_the_models_if_none_are_given(scores: Scores) -> None:
    complete(scores)
    normalize(scores)
    by_model = read_all(scores)
    normalize(scores, scores.config.normalization)
    assert_equal_arrays(read_all(scores), by_model)
    normalize(scores, NormalizationSettings(sample=10, seed=3))
    assert scores.normalization == {"sample": 10, "seed": 3}
    assert scores.attributes["sampled_windows"] == 10
    assert scores.read(SAMPLED_WINDOWS).max() <= 10


def test_normalize__parallel_equals_serial(normalized: Scores, config: Config, elsewhere: Executor) -> None:
    serial = read_all(normalized)
    normalize(normalized, config.normalization, elsewhere)
    assert_equal_arrays(read_all(normalized), serial)


def test_normalize__stopped_is_not_normalized(normalized: Scores) -> None:
    def interrupt(event: Event) -> None:
        if event.stage == "final":
            raise KeyboardInterrupt

    expected = read_all(normalized)
    with pytest.raises(KeyboardInterrupt):
        normalize(normalized, executor=InProcess(interrupt))
    assert normalized.normalization is None
    normalize(normalized)
    assert_equal_arrays(read_all(normalized), expected)


def test_verify__results_with_a_gap_are_found(normalized: Scores) -> None:
    store, folder = normalized.cell_line.store, group_folder(normalized)
    assert verify(store).damages == []
    (folder / "final/c/0").unlink()
    (damage,) = verify(store).damages
    assert "/final, chunk 0: lost; run 'atypeak-scale score' again, and 'atypeak-scale normalize'" in damage
    with pytest.raises(DamagedError, match="/final, chunk 0: lost"):
        normalized.require_complete()
    raw = folder / "raw/c/0"
    raw.write_bytes(raw.read_bytes()[:-3] + b"???")
    (damage,) = verify(store).damages
    assert "/raw, chunk 0: damaged" in damage
    assert "run 'atypeak-scale score' again" in damage
    complete(normalized)
    normalize(normalized)
    assert verify(store).damages == []


def test_normalize__other_crumbs_are_other_results(normalized: Scores) -> None:
    other = open_scores(normalized.cell_line, normalized.model, crumbs=0.1)
    with pytest.raises(StageMissingError, match="this model has not scored every peak"):
        normalize(other)


def test_normalize__without_the_model_keeps_what_was_normalized(normalized: Scores) -> None:
    network = local_path(normalized.model) / NETWORK
    network.rename(network.with_name("moved"))
    process_engine.cache_clear()
    before = normalized.read(FINAL)
    with pytest.raises(InputError, match=r"model\.keras: is damaged"):
        normalize(normalized)
    assert normalized.normalization is not None
    np.testing.assert_array_equal(normalized.read(FINAL), before)
