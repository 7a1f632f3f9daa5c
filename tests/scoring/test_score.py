import json
import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr
from conftest import ROWS_PER_BLOCK
from distributed import Client
from scoring.by_hand import DATASETS, TRS, assert_equal_arrays, brute_force, group_folder, read_all, state

from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import Executor, InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.files import TrainedModel, save_model
from atypeak_scale.model.network import build_autoencoder
from atypeak_scale.registry.variables import RAW, REBUILT_SCORE
from atypeak_scale.scoring import scores as scores_module
from atypeak_scale.scoring.normalize import normalize
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.score import complete, plan_score, score, score_part
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import local_path
from atypeak_scale.storage.locks import sole_writer

RAW_SCORES = (REBUILT_SCORE, RAW)


@pytest.mark.parametrize("crumbs", [0.0, 0.1])
def test_score__equals_brute_force(scores: Scores, crumbs: float) -> None:
    found = score(scores.cell_line, scores.model, crumbs=crumbs)
    rows, peaks = brute_force(found, crumbs)
    np.testing.assert_allclose(found.read(REBUILT_SCORE), rows, atol=1e-5)
    np.testing.assert_allclose(found.read(RAW), peaks, atol=1e-5)
    assert min(rows) == pytest.approx(1e-5)  # the floor is reached, and it is a floor
    assert found.is_scored()
    assert found == open_scores(scores.cell_line, scores.model, crumbs=crumbs)


def test_score__parallel_equals_serial(scores: Scores, elsewhere: Executor) -> None:
    complete(scores)
    expected = read_all(scores, *RAW_SCORES)
    for variable in RAW_SCORES:
        for chunk in (group_folder(scores) / variable.name / "c").iterdir():
            chunk.unlink()
    assert not scores.is_scored()
    complete(scores, elsewhere)
    for name, values in read_all(scores, *RAW_SCORES).items():
        # oneDNN may sum in another order with another number of threads.
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_executor__leaves_the_callers_client_open(scores: Scores, client: Client) -> None:
    with DaskExecutor(client=client) as executor:
        score_part(scores, 1, 2, executor)
    assert client.status == "running"


def test_score__goes_on_where_it_was_stopped(scores: Scores) -> None:
    def interrupt(event: Event) -> None:
        if event.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        complete(scores, InProcess(interrupt))
    plan = plan_score(scores)
    assert plan.blocks_done == 2
    assert plan.blocks > 4
    done: list[Event] = []
    complete(scores, InProcess(done.append))
    assert next(event.total for event in done if event.stage == "score") == plan.blocks - 2
    np.testing.assert_allclose(scores.read(REBUILT_SCORE), brute_force(scores)[0], atol=1e-5)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, int]]:
    """Count how often each block of each array is looked at for gaps."""
    counts: Counter[tuple[str, int]] = Counter()
    has_gap = scores_module.has_gap

    def counted(found: zarr.Array[Any], start: int, *more: Any) -> bool:
        counts[found.basename, start] += 1
        return has_gap(found, start, *more)

    monkeypatch.setattr(scores_module, "has_gap", counted)
    return counts


def test_score__looks_at_each_chunk_once_before_its_first_block(
    scores: Scores, looked_at: Counter[tuple[str, int]]
) -> None:
    """Scanning takes as long as reading all results, so a resumed run does it once."""
    score_part(scores, 1, 2)
    looked_at.clear()
    before: list[Counter[tuple[str, int]]] = []

    def hear(event: Event) -> None:
        if event.stage == "score" and event.done == 1:
            before.append(Counter(looked_at))

    complete(scores, InProcess(hear))
    starts = [block.start for block in scores.cell_line.blocks("rows")]
    assert before == [Counter({("rebuilt_score", start): 1 for start in starts})]
    assert before == [looked_at]  # nor afterwards


def test_score__of_complete_scores_looks_once_and_writes_nothing(
    scores: Scores, looked_at: Counter[tuple[str, int]], tmp_path: Path
) -> None:
    complete(scores)
    looked_at.clear()
    before = state(tmp_path)
    heard: list[Event] = []
    again = score(scores.cell_line, scores.model, executor=InProcess(heard.append))
    assert state(tmp_path) == before
    assert heard == []
    assert again == scores
    blocks = {("rebuilt_score", block.start) for block in scores.cell_line.blocks("rows")}
    assert looked_at == Counter(blocks | {("raw", block.start) for block in scores.cell_line.blocks("peaks")})


def test_score__in_another_place(scores: Scores, tmp_path: Path) -> None:
    before = state(scores.cell_line.store)
    elsewhere = score(scores.cell_line, scores.model, results=tmp_path / "results.zarr")
    assert elsewhere.is_scored()
    assert state(scores.cell_line.store) == before
    complete(scores)
    assert_equal_arrays(read_all(elsewhere, *RAW_SCORES), read_all(scores, *RAW_SCORES))


def test_score__refuses_a_model_of_other_labels_by_name(
    scores: Scores, config: Config, tmp_path: Path
) -> None:
    network = build_autoencoder(320, 2, 2, config.model, seed=1)
    folder = save_model(TrainedModel(network, (("d3", "d9"), ("q", "y")), config), tmp_path / "m")
    before = state(scores.cell_line.store)
    with pytest.raises(
        InputError,
        match=r"s\.zarr: m does not know 5 of its 5 sources \(d1\.x, d1\.y, d2\.y, d3\.x, d3\.z\); train",
    ) as failure:
        score(scores.cell_line, folder)
    assert state(scores.cell_line.store) == before
    assert "\n" not in str(failure.value)


def test_score__refuses_a_model_of_another_frame(scores: Scores, config: Config, tmp_path: Path) -> None:
    small = parse_config({**config.model_dump(), "store": {"frame": 800}}, "test")
    network = build_autoencoder(80, 3, 3, config.model, seed=1)
    folder = save_model(TrainedModel(network, (DATASETS, TRS), small), tmp_path / "m")
    with pytest.raises(InputError, match=r"has frames of 3200 bp in .*; the model was trained on 800 bp in"):
        score(scores.cell_line, folder)


def test_score__damaged_chunks_are_scored_again(scores: Scores) -> None:
    complete(scores)
    expected = read_all(scores, *RAW_SCORES)
    folder = group_folder(scores)
    damaged = folder / "rebuilt_score/c/1"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    lost = folder / "rebuilt_score/c/2"
    lost.unlink()
    (folder / "raw/c/0").write_bytes(b"")
    assert plan_score(scores).blocks - plan_score(scores).blocks_done == 2
    assert not scores.is_scored()
    complete(scores)
    assert_equal_arrays(read_all(scores, *RAW_SCORES), expected)


def test_score__a_lost_mean_is_averaged_again_without_scoring(scores: Scores) -> None:
    complete(scores)
    expected = read_all(scores, *RAW_SCORES)
    (group_folder(scores) / "raw/c/0").unlink()
    heard: list[Event] = []
    complete(scores, InProcess(heard.append))
    assert [event.total for event in heard if event.stage == "score"] == [0]
    assert_equal_arrays(read_all(scores, *RAW_SCORES), expected)


def test_score__second_writer_is_refused(scores: Scores) -> None:
    path = f"{scores.cell_line.name}/scores/{scores.name}"
    with (
        sole_writer(scores.cell_line.store, path),
        pytest.raises(AtypeakError, match=r"is being written by process \d+ on .*; wait until it is done"),
    ):
        complete(scores)
    complete(scores)
    with (
        sole_writer(scores.cell_line.store, path),
        pytest.raises(AtypeakError, match="is being written by process"),
    ):
        normalize(scores)
    # Results of another model, or crumbs, are other results.
    with sole_writer(scores.cell_line.store, path):
        score(scores.cell_line, scores.model, crumbs=0.1)


def test_score_part__all_parts_in_any_order_give_the_whole(scores: Scores) -> None:
    complete(scores)
    expected = read_all(scores, *RAW_SCORES)
    shutil.rmtree(group_folder(scores).parent)
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda part: score_part(scores, part, 3), (3, 1, 2)))
    assert sum(counts) == plan_score(scores).blocks == plan_score(scores).blocks_done
    assert score_part(scores, 2, 3) == 0
    complete(scores)
    assert_equal_arrays(read_all(scores, *RAW_SCORES), expected)


@pytest.mark.parametrize("part", [0, 4])
def test_score_part__no_such_part(scores: Scores, part: int) -> None:
    with pytest.raises(InputError, match=rf"part {part} of 3: expected a part from 1 to 3"):
        score_part(scores, part, 3)


def test_plan__writes_nothing_and_counts(scores: Scores, tmp_path: Path) -> None:
    before = state(tmp_path)
    plan = plan_score(scores)
    assert state(tmp_path) == before
    assert (plan.cell_line, plan.scores) == ("cell", scores.name)
    assert (plan.windows, plan.peaks, plan.rows) == (
        scores.cell_line.shape.windows, scores.cell_line.peak_count, scores.cell_line.row_count,
    )  # fmt: skip
    assert plan.blocks == -(-plan.rows // ROWS_PER_BLOCK)
    assert plan.blocks_done == 0
    assert plan.score_bytes == 4 * plan.rows
    assert plan.projected_memory_bytes > 1_000_000_000


def test_score__tells_readers_what_a_killed_run_did_not(scores: Scores) -> None:
    complete(scores)
    root = local_path(scores.cell_line.store) / "zarr.json"
    told = json.loads(root.read_text())
    known = told["consolidated_metadata"]["metadata"]
    told["consolidated_metadata"]["metadata"] = {k: v for k, v in known.items() if "scores/" not in k}
    root.write_text(json.dumps(told))
    assert not scores.is_finished()
    complete(scores)
    assert scores.is_finished()
    assert xr.open_zarr(scores.cell_line.store, group=scores.path)["raw"].notnull().all()
