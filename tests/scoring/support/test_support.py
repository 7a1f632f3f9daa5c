import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kstest
from scoring.by_hand import read_all, save_untrained
from scoring.support_fixtures import ROWS

from atypeak_scale.config import Config, with_seed
from atypeak_scale.errors import DamagedError, InputError, StageMissingError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.registry import variables as v
from atypeak_scale.registry.variables import Variable
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import complete_scores, open_scores, with_placements
from atypeak_scale.scoring.score import complete, plan_score, score_part
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.scoring.support.placements import Placements
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import open_store
from atypeak_scale.store.verify import verify


def assert_same(found: Scores, expected: Scores) -> None:
    for name, values in read_all(expected).items():
        equal_nan = values.dtype.kind == "f"
        assert np.array_equal(read_all(found)[name], values, equal_nan=equal_nan), name


def test_complete__is_the_same_on_workers(
    unjudged: Scores, support: Scores, two_workers: DaskExecutor
) -> None:
    complete(unjudged, two_workers)
    assert_same(unjudged, support)


def test_complete__parts_of_a_job_array_then_the_whole(unjudged: Scores, support: Scores) -> None:
    done = sum(score_part(unjudged, part, 3) for part in (2, 1, 3))
    blocks = len(unjudged.cell_line.blocks("rows")) + len(unjudged.placements.blocks())
    assert done == blocks
    with pytest.raises(StageMissingError, match="score"):
        unjudged.require_complete()
    complete(unjudged)
    assert_same(unjudged, support)


def test_complete__does_again_only_what_is_lost(support: Scores, tmp_path: Path) -> None:
    before = read_all(support)
    support.write(v.ROW_NETWORK, 0, np.full(ROWS, np.nan, np.float32))
    assert plan_score(support).blocks_done == plan_score(support).blocks - 1
    complete(support)
    assert all(
        np.array_equal(values, before[name], equal_nan=values.dtype.kind == "f")
        for name, values in read_all(support).items()
    )
    assert support.is_complete
    assert verify(support.cell_line.store).damages == []


def chunk_of(scores: Scores | Placements, variable: Variable) -> Path:
    chunks = Path(str(scores.location)) / scores.path / variable.name / "c"
    return next(file for file in sorted(chunks.rglob("*")) if file.is_file())


def damage(chunk: Path) -> None:
    data = bytearray(chunk.read_bytes())
    data[-1] ^= 1
    chunk.write_bytes(data)


@pytest.mark.parametrize(
    "variable, harm",
    [
        *((variable, Path.unlink) for variable in v.SUPPORT_VARIABLES),
        (v.SUPPORT, damage), (v.P_RANDOM, damage), (v.POWER, damage), (v.PLACED_SUPPORT, damage),
    ],
)  # fmt: skip
def test_complete__does_again_what_is_lost_of_the_peaks(
    support: Scores, variable: Variable, harm: Callable[[Path], None]
) -> None:
    before = read_all(support)
    harm(chunk_of(support, variable))
    complete(support)
    for name, values in read_all(support).items():
        assert np.array_equal(values, before[name], equal_nan=values.dtype.kind == "f"), name


# One of each step; each takes seconds.
OF_EVERY_STEP = (v.PLACED_SOURCE, v.SAMPLE_GAPS, v.COEFFICIENT, v.PLACED_OVERLAPS)


@pytest.mark.parametrize(
    "variable",
    [
        pytest.param(one, id=one.name, marks=[] if one in OF_EVERY_STEP else pytest.mark.slow)
        for one in v.PLACEMENT_VARIABLES
    ],
)
def test_complete__does_again_what_is_lost_of_the_placements(support: Scores, variable: Variable) -> None:
    """And says so before: in `verify`, and where it is read."""
    placements = support.placements
    before = {one.name: placements.read(one) for one in v.PLACEMENT_VARIABLES}
    chunk = chunk_of(placements, variable)
    chunk.unlink()
    (told,) = verify(support.cell_line.store).damages
    assert f"/{variable.name}, chunk 0" in told
    assert "atypeak-scale score" in told
    with pytest.raises(DamagedError, match=f"/{variable.name}, chunk 0"):
        placements.read(variable)
    complete(support)
    found = {one.name: placements.read(one) for one in v.PLACEMENT_VARIABLES}
    for name, values in before.items():
        assert np.array_equal(found[name], values, equal_nan=values.dtype.kind == "f")
    assert verify(support.cell_line.store).damages == []


def test_complete__does_a_damaged_doubt_again(support: Scores) -> None:
    before = support.read(v.DOUBT)
    support.write(v.DOUBT, 0, np.linspace(0, 1, len(before), dtype=np.float32))
    damage(chunk_of(support, v.DOUBT))
    complete(support)
    np.testing.assert_array_equal(support.read(v.DOUBT), before)


def test_complete__tells_readers_what_a_killed_run_did_not(
    support: Scores, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(Scores, "is_finished", lambda self: False)
    monkeypatch.setattr(Scores, "finish", lambda self: told.append(self.name))
    complete(support)
    assert told == [support.name]


def test_handles__know_what_they_are(support: Scores) -> None:
    assert support.objective == "support"
    assert complete_scores(support.cell_line, None, "support").name == support.name
    with pytest.raises(StageMissingError, match=r"not normalized|not scored"):
        complete_scores(support.cell_line, None, "article")
    with pytest.raises(InputError, match="no final score"):
        normalize(support)
    more = with_placements(support, 400)
    assert not more.exists()
    assert more.name == f"{support.name.replace('placements-200', 'placements-400')}"
    with pytest.raises(
        StageMissingError, match=r"-400.*\), only with 200 placements of each source; score it"
    ):
        more.require_complete()
    columns = {"support", "p_random", "q_random", "doubt", "overlapping_sources", "name"}
    assert columns <= set(support.peaks) and "final" not in support.peaks
    assert support.peaks["support"].attrs["description"]


def test_ensemble__support_is_the_mean_over_its_models(
    support: Scores, support_config: Config, tmp_path: Path
) -> None:
    folder = tmp_path / "ensemble"
    for seed in (1, 2):
        save_untrained(folder / f"seed-{seed}", with_seed(support_config, seed))
    scores = open_scores(support.cell_line, folder)
    complete(scores)
    first, second = (one.read(v.SUPPORT) for one in scores.members)
    assert np.allclose(scores.read(v.SUPPORT), (first + second) / 2, atol=1e-6)
    spread = np.std([first, second], axis=0, ddof=1)
    assert np.allclose(scores.read(v.SUPPORT_SPREAD), spread, atol=1e-6) and spread.max() > 0
    assert np.array_equal(scores.members[0].read(v.ROW_NETWORK), support.read(v.ROW_NETWORK))
    assert scores.is_complete and all(one.is_complete for one in scores.members)


def random_intervals(folder: Path, per_source: int) -> tuple[Path, Path]:
    """Write CRMs, and peaks of three sources that lie anywhere in them."""
    rng = np.random.default_rng(0)
    starts = 10_000 * np.arange(1, 301)
    crms = [f"chr1\t{start}\t{start + 3200}" for start in starts]
    peaks = []
    for source in ("d1.x", "d2.y", "d3.z"):
        place = rng.choice(starts, per_source) + rng.integers(0, 3200, per_source)
        peaks += [f"chr1\t{at - 100}\t{at + 100}\t{source}.cell" for at in place.tolist()]
    folder.mkdir()
    (folder / "crms.bed").write_text("\n".join(crms) + "\n")
    (folder / "peaks.bed").write_text("\n".join(peaks) + "\n")
    return folder / "peaks.bed", folder / "crms.bed"


def test_p__of_noise_is_uniform_under_an_untrained_model(support_config: Config, tmp_path: Path) -> None:
    """However bad the model is, p is valid, and a source that nothing corroborates is not judged."""
    blocks = support_config.store.model_copy(update={"windows_per_chunk": 256, "rows_per_block": 4096})
    config = support_config.model_copy(update={"store": blocks})
    build_store(*random_intervals(tmp_path / "catalogue", 400), tmp_path / "s.zarr", config)
    save_untrained(tmp_path / "model", config)
    chance = support_config.chance.model_copy(update={"placements": 4000})
    scores = open_scores(open_store(tmp_path / "s.zarr"), tmp_path / "model", chance=chance)
    complete(scores)
    p, source = scores.read(v.P_RANDOM), scores.cell_line.peaks(0, scores.cell_line.peak_count).source
    for one in range(3):
        assert kstest(p[source == one], "uniform").pvalue > 1e-3
        assert abs(scores.read(v.POWER)[one] - 0.5) < 0.07
    assert scores.read(v.VERDICT).tolist() == ["low power"] * 3
    assert scores.read(v.SHARE_RANDOM).min() > 0.85


def test_store_without_empty_windows_is_refused(unjudged: Scores) -> None:
    shutil.rmtree(Path(str(unjudged.cell_line.store)) / unjudged.cell_line.path / "empty_crm")
    with pytest.raises(InputError, match="build the store again"):
        complete(open_scores(open_store(unjudged.cell_line.store), unjudged.model))
