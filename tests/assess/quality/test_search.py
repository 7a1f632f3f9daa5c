"""The search over settings: what it trains, what it reports, what it keeps, and what it recommends."""

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
from conftest import COARSE

from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.quality.sampled_power import sampled_power
from atypeak_scale.assess.quality.search import PLACED, TRIALS, search
from atypeak_scale.config import Config, parse_config, with_objective
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.training.train import train
from atypeak_scale.provenance import MADE_FROM, fingerprint
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.scoring.support.corroboration import complete_placements
from atypeak_scale.scoring.support.placements import Placements
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store
from atypeak_scale.tables import COLUMNS_FILE

GRID = {"model.deep_dimension": [2, 3], "training.learning_rate": [0.001]}
FIGURES = ["seed", "loss", "epochs", "parameters", "q_score"]


@pytest.fixture
def short(config: Config) -> Config:
    """Train for two short epochs."""
    values = config.model_dump()
    values["training"] |= {"max_epochs": 2, "batches_per_epoch": 2, "batch_windows": 4}
    values["support"] |= {
        "filters": 2, "deep_dimension": 2, "epochs": 2, "batches_per_epoch": 2, "batch_windows": 4,
        "kept_out": 0.3,
    }  # fmt: skip
    values["chance"] |= {"placements": 100, "folds": 2}
    values["store"] = COARSE.store.model_dump()
    return parse_config(values, "test")


@pytest.fixture
def cell_line(catalogue: tuple[Path, Path], short: Config, tmp_path: Path) -> CellLine:
    build_store(*catalogue, tmp_path / "s.zarr", short)
    return open_store(tmp_path / "s.zarr")


def files(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*.*")}


def test_search__is_training_and_q_score_of_every_setting_and_seed(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    found = search(cell_line, short, tmp_path / "out", GRID, seeds=2)
    assert found["model.deep_dimension"].tolist() == [2, 2, 3, 3]
    assert found["training.learning_rate"].tolist() == [0.001] * 4
    assert found["seed"].tolist() == [short.training.seed, short.training.seed + 1] * 2
    assert (found["seconds"] > 0).all()
    for row, trial in found.astype(object).iloc[[0, 3]].iterrows():
        values = short.model_dump()
        values["model"]["deep_dimension"] = trial["model.deep_dimension"]
        values["training"] |= {"learning_rate": 0.001, "seed": trial["seed"]}
        config = parse_config(values, "test")
        training = train(cell_line, config, tmp_path / f"model-{row}").training
        scores = open_scores(cell_line, tmp_path / f"model-{row}")
        assert training is not None
        assert (trial["loss"], trial["epochs"]) == (training.kept_loss, training.epochs)
        assert trial["q_score"] == qscore(scores)["total"].item()
    written = pd.read_csv(tmp_path / "out" / TRIALS, sep="\t")
    assert written[FIGURES].equals(found[FIGURES])
    made_from = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    assert made_from["store"] == cell_line.made_from
    assert [setting["model.deep_dimension"] for setting in made_from["settings"]] == [2, 3]


def test_search__goes_on_where_it_was_stopped(cell_line: CellLine, short: Config, tmp_path: Path) -> None:
    """What is there is neither trained nor assessed again: more seeds and values only add to it."""
    out = tmp_path / "out"
    first = search(cell_line, short, out, {"model.deep_dimension": [2]}, seeds=1)
    before = files(out)
    (model,) = (path for path in out.rglob("model.keras"))
    # Killed between its training and its Q-score: the model is kept, how long it took is not known.
    for receipt in out.rglob("seed-*.json"):
        receipt.unlink()
    again = search(cell_line, short, out, {"model.deep_dimension": [2]}, seeds=1)
    assert math.isnan(again["seconds"][0])
    assert again[FIGURES].equals(first[FIGURES])
    assert files(out)[str(model.relative_to(out))] == before[str(model.relative_to(out))]
    before = files(out)
    more = search(cell_line, short, out, {"model.deep_dimension": [2, 3]}, seeds=2)
    assert len(more) == 4
    assert more.iloc[0][FIGURES].equals(first.iloc[0][FIGURES])
    after = files(out)
    assert {name for name in before if after[name] != before[name]} == {TRIALS, COLUMNS_FILE, MADE_FROM}
    # Another sample is another Q-score of the same models.
    values = short.model_dump()
    values["normalization"]["sample"] = 2
    other = search(cell_line, parse_config(values, "test"), out, {"model.deep_dimension": [2, 3]}, seeds=2)
    assert other[["folder", "seed", "loss"]].equals(more[["folder", "seed", "loss"]])
    assert other["seconds"].equals(more["seconds"])
    assert {name for name in files(out) if name.endswith(".keras")} == {
        name for name in after if name.endswith(".keras")
    }


def test_search__ctrl_c_in_a_training_leaves_no_model(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    """What was stopped is trained again, to its end."""

    def interrupt(event: Event) -> None:
        if event.stage.startswith("train, seed-") and event.done == 1:
            raise KeyboardInterrupt

    grid = {"model.deep_dimension": [2]}
    with pytest.raises(KeyboardInterrupt):
        search(cell_line, short, tmp_path / "out", grid, seeds=1, executor=InProcess(interrupt))
    assert not list((tmp_path / "out").rglob("*.keras"))
    stopped = search(cell_line, short, tmp_path / "out", grid, seeds=1)
    assert stopped[FIGURES].equals(search(cell_line, short, tmp_path / "whole", grid, seeds=1)[FIGURES])


def test_search__parallel_equals_serial(
    cell_line: CellLine, short: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    grid = {"model.deep_dimension": [2, 3]}
    one = search(cell_line, short, tmp_path / "one", grid, seeds=1)
    two = search(cell_line, short, tmp_path / "two", grid, 1, two_workers)
    assert one[FIGURES].equals(two[FIGURES])


@pytest.mark.parametrize(
    "grid, message",
    [
        ({"model.deep_dimensions": [8]}, "unknown setting 'model.deep_dimensions'"),
        ({"model.deep_dimension": [8, 0]}, r"model\.deep_dimension"),
        ({"training.seed": [1, 2]}, r"training\.seed: cannot be searched"),
        ({"store.bin": [10]}, r"store\.bin: cannot be searched by Q-score; expected a setting of a model"),
        ({"model": [1]}, "model: cannot be searched"),
    ],
)
def test_search__refuses_before_anything_is_trained(
    cell_line: CellLine, short: Config, tmp_path: Path, grid: dict[str, list[object]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        search(cell_line, short, tmp_path / "out", grid)
    assert not (tmp_path / "out").exists()


def test_search__refuses_settings_of_another_cell_line(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    other = short.model_copy(update={"cell_line": "other"})
    with pytest.raises(InputError, match="the configuration is for cell line 'other', the data for 'cell'"):
        search(cell_line, other, tmp_path / "out", {"model.deep_dimension": [2]}, seeds=1)
    assert not (tmp_path / "out").exists()


def test_search__tells_of_training_and_of_the_q_score(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    heard: list[Event] = []
    search(cell_line, short, tmp_path / "out", {"model.deep_dimension": [2]}, 1, InProcess(heard.append))
    stages = {event.stage for event in heard}
    assert stages >= {"search", "qscore"}
    seed = short.training.seed
    # Trials run beside each other: each names its seed and its setting.
    assert [stage for stage in stages if re.fullmatch(rf"train, seed-{seed}, setting-\w+", stage)]
    assert [(e.done, e.total) for e in heard if e.stage == "search"] == [(0, 1), (1, 1)]


def test_search__models_of_another_store_are_not_taken(
    cell_line: CellLine, short: Config, catalogue: tuple[Path, Path], tmp_path: Path
) -> None:
    grid = {"model.deep_dimension": [2]}
    search(cell_line, short, tmp_path / "out", grid, seeds=1)
    values = short.model_dump()
    values["selection"] = {"trs": ["x", "y"]}
    other = parse_config(values, "test")
    build_store(*catalogue, tmp_path / "other.zarr", other)
    with pytest.raises(InputError, match="was trained on another store; name a new folder"):
        search(open_store(tmp_path / "other.zarr"), short, tmp_path / "out", grid, seeds=1)


def test_search__values_do_not_choose_a_path(cell_line: CellLine, short: Config, tmp_path: Path) -> None:
    grid = {"training.view_weights": [{"dataset": {"d1": 2}, "tr": {"x": 3}}]}
    search(cell_line, short, tmp_path / "out", grid, seeds=1)
    folders = [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()]
    assert len(folders) == 1
    assert set(folders[0]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")


# By power

SUPPORT_GRID = {"support.filters": [2, 3]}
OF_SUPPORT = ["seed", "loss", "validation_loss", "epochs", "parameters", "power"]


def test_power__is_training_for_support_and_its_sampled_power(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    before = files(tmp_path / "s.zarr")
    found = search(cell_line, short, tmp_path / "out", {"support.filters": [3]}, 2, criterion="power")
    assert files(tmp_path / "s.zarr") == before
    assert found["support.filters"].tolist() == [3, 3]
    assert found["seed"].tolist() == [short.training.seed, short.training.seed + 1]
    assert (found["seconds"] > 0).all()
    placements = Placements(cell_line, short.chance, tmp_path / "other.zarr")
    complete_placements(placements, InProcess())
    for row, trial in found.astype(object).iloc[[1]].iterrows():
        values = with_objective(short, "support").model_dump()
        values["support"]["filters"] = trial["support.filters"]
        values["training"]["seed"] = trial["seed"]
        training = train(cell_line, parse_config(values, "test"), tmp_path / f"model-{row}").training
        scores = open_scores(cell_line, tmp_path / f"model-{row}")
        assert training is not None
        assert (trial["loss"], trial["epochs"]) == (training.kept_loss, training.epochs)
        assert trial["validation_loss"] == training.kept_validation_loss
        assert trial["power"] == sampled_power(scores, placements)
    written = pd.read_csv(tmp_path / "out" / TRIALS, sep="\t")
    assert written[OF_SUPPORT].equals(found[OF_SUPPORT])
    made_from = json.loads((tmp_path / "out" / MADE_FROM).read_text())
    assert made_from["criterion"] == "power"
    assert made_from["settings"] == [{"support.filters": 3}]


def test_power__goes_on_where_it_was_stopped(cell_line: CellLine, short: Config, tmp_path: Path) -> None:
    out = tmp_path / "out"
    heard: list[Event] = []
    first = search(
        cell_line, short, out, {"support.filters": [2]}, 1, InProcess(heard.append), criterion="power"
    )
    assert {"search", "power", "regressions"} <= {event.stage for event in heard}
    (model,) = (path for path in out.rglob("model.keras"))
    before = model.stat().st_mtime_ns
    # Killed between its training and its judgement.
    for receipt in out.glob("setting-*/seed-*.json"):
        receipt.unlink()
    again = search(cell_line, short, out, {"support.filters": [2]}, 1, criterion="power")
    assert again[OF_SUPPORT].equals(first[OF_SUPPORT])
    assert math.isnan(again["seconds"][0])
    assert model.stat().st_mtime_ns == before
    kept = files(out)
    more = search(cell_line, short, out, SUPPORT_GRID, 1, criterion="power")
    assert more.iloc[0][OF_SUPPORT].equals(first.iloc[0][OF_SUPPORT])
    after = files(out)
    assert {name for name in kept if after[name] != kept[name]} == {TRIALS, COLUMNS_FILE, MADE_FROM}


def test_power__takes_the_placements_of_the_store_and_is_the_same_elsewhere(
    cell_line: CellLine, short: Config, tmp_path: Path, two_workers: DaskExecutor
) -> None:
    grid = {"support.filters": [2]}
    beside = search(cell_line, short, tmp_path / "beside", grid, 1, criterion="power")
    assert (tmp_path / "beside" / PLACED).exists()
    complete_placements(Placements(cell_line, short.chance, cell_line.store), InProcess())
    of_store = search(cell_line, short, tmp_path / "of_store", grid, 1, two_workers, "power")
    assert not (tmp_path / "of_store" / PLACED).exists()
    assert of_store[OF_SUPPORT].equals(beside[OF_SUPPORT])


def test_power__a_setting_of_the_article_is_refused(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="cannot be searched by power"):
        search(cell_line, short, tmp_path / "out", {"model.filters": [2]}, 1, criterion="power")
    with pytest.raises(InputError, match=r"support\.kept_out"):
        search(cell_line, short, tmp_path / "out", {"support.kept_out": [2]}, 1, criterion="power")
    assert not (tmp_path / "out").exists()


def test_q_score__a_configuration_of_support_is_refused(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    config = with_objective(short, "support")
    with pytest.raises(InputError, match="trains for support, which has no Q-score; search by the criterion"):
        search(cell_line, config, tmp_path / "out", {"model.filters": [2]}, 1)
    assert not (tmp_path / "out").exists()


def test_search__folders_have_the_names_that_earlier_versions_gave(
    cell_line: CellLine, short: Config, tmp_path: Path
) -> None:
    """Their training had no objective; a search that they began goes on in the same folders."""
    values = {
        "model": short.model.model_dump(mode="json"),
        "training": short.training.model_dump(mode="json"),
    }
    values["training"] |= {"seed": 0}
    del values["training"]["objective"]
    grid = {"model.filters": [short.model.filters]}
    (folder,) = search(cell_line, short, tmp_path / "out", grid, 1)["folder"]
    assert folder == f"setting-{fingerprint(values)[:12]}"
