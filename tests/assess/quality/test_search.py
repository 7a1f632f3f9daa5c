"""The search over settings: what it trains, what it reports, what it keeps, and what it recommends."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atypeak_scale.assess.quality.qscore import qscore
from atypeak_scale.assess.quality.search import TRIALS, grid_configs, recommend, search, summarize_search
from atypeak_scale.config import Config, parse_config
from atypeak_scale.errors import InputError
from atypeak_scale.execution.dask_executor import DaskExecutor
from atypeak_scale.execution.executor import InProcess
from atypeak_scale.execution.progress import Event
from atypeak_scale.model.training.train import train
from atypeak_scale.provenance import MADE_FROM
from atypeak_scale.scoring.open_scores import open_scores
from atypeak_scale.store.build import build_store
from atypeak_scale.store.cell_line import CellLine, open_store

GRID = {"model.deep_dimension": [2, 3], "training.learning_rate": [0.001]}
FIGURES = ["seed", "loss", "epochs", "parameters", "q_score"]


@pytest.fixture
def short(config: Config) -> Config:
    """Train for two short epochs."""
    values = config.model_dump()
    values["training"] |= {"max_epochs": 2, "batches_per_epoch": 2, "batch_windows": 4}
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
    assert {name for name in before if after[name] != before[name]} == {TRIALS, MADE_FROM}
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


def test_search__parallel_equals_serial(cell_line: CellLine, short: Config, tmp_path: Path) -> None:
    grid = {"model.deep_dimension": [2, 3]}
    one = search(cell_line, short, tmp_path / "one", grid, seeds=1)
    with DaskExecutor(workers=2) as executor:
        two = search(cell_line, short, tmp_path / "two", grid, 1, executor)
    assert one[FIGURES].equals(two[FIGURES])


@pytest.mark.parametrize(
    "grid, message",
    [
        ({"model.deep_dimensions": [8]}, "unknown setting 'model.deep_dimensions'"),
        ({"model.deep_dimension": [8, 0]}, r"model\.deep_dimension"),
        ({"training.seed": [1, 2]}, r"training\.seed: cannot be searched"),
        ({"store.bin": [10]}, r"store\.bin: cannot be searched; expected a setting of a model"),
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


def test_grid__values_that_are_the_same_setting_come_once(config: Config) -> None:
    found = grid_configs(config, {"training.learning_rate": [0.0001, "1e-4"]})
    assert [setting for setting, _ in found] == [{"training.learning_rate": 0.0001}]


def test_grid__last_key_changes_fastest(config: Config) -> None:
    found = grid_configs(config, {"model.filters": [1, 2], "training.crumbs": [0.0, 0.1]})
    assert [tuple(setting.values()) for setting, _ in found] == [(1, 0.0), (1, 0.1), (2, 0.0), (2, 0.1)]
    assert [(each.model.filters, each.training.crumbs) for _, each in found] == [
        tuple(setting.values()) for setting, _ in found
    ]


def trials(*rows: tuple[int, float], parameters: dict[int, int]) -> pd.DataFrame:
    """Return a table of trials from (deep dimension, Q-score) pairs."""
    return pd.DataFrame(
        {
            "model.deep_dimension": [deep for deep, _ in rows],
            "seed": range(len(rows)),
            "loss": 0.1,
            "epochs": 3,
            "parameters": [parameters[deep] for deep, _ in rows],
            "seconds": [np.nan if at else 1.0 for at in range(len(rows))],
            "q_score": [score for _, score in rows],
        }
    )


def test_recommend__fewest_parameters_within_a_standard_error() -> None:
    sizes = {8: 100, 32: 200, 128: 300}
    rows = [(8, 9.0), (8, 9.2), (32, 1.5), (32, 1.7), (128, 1.0), (128, 2.0)]
    table = trials(*rows, parameters=sizes)
    # The lowest is 1.5 with a standard error of 0.5: 1.6 of the smaller model is close, 9.1 is not.
    assert summarize_search(table)["q_error"][2] == pytest.approx(np.std([1, 2], ddof=1) / np.sqrt(2))
    chosen = recommend(table)
    assert chosen.setting == {"model.deep_dimension": 32}
    assert "within a standard error (0.5) of the lowest, 1.5 (model.deep_dimension 128)" in chosen.reason
    assert "200 parameters instead of 300" in chosen.reason


def test_recommend__one_seed_has_no_error() -> None:
    table = trials((8, 1.1), (32, 1.0), parameters={8: 100, 32: 200})
    assert math.isnan(summarize_search(table)["q_error"][0])
    chosen = recommend(table)
    assert chosen.setting == {"model.deep_dimension": 32}
    assert chosen.reason == "its mean Q-score, 1, is the lowest of 2"
