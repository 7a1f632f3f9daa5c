"""`train`: its options reach the library, what it makes, and what it refuses."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock, call

import click
import pandas as pd
import pytest
import yaml

from atypeak_scale.config import Config, SupportSettings, dump_config, load_config, with_objective, with_seed
from atypeak_scale.errors import InputError
from tests.cli.helpers import (
    CELL,
    EXECUTORS,
    HERE,
    Catalogue,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Where,
    cell_line_of,
    invoke,
)


def test_train__arguments(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    from atypeak_scale.model.files import Training

    replace("store.cell_line.open_store", cell_line_of("hela"))
    trained = Mock(training=Training(12, 7, 0.25, "settled"))
    train = replace("model.training.train.train", trained)
    result = invoke("train", "s.zarr", "--config", "hela", "--model", "m")
    config = load_config("hela")
    assert train.call_args_list == [call(cell_line_of("hela"), config, "m", executor=HERE)]
    assert result.stdout == (
        "stopped after 12 epochs: the loss settled; the weights of epoch 7, loss 0.250000, are in m\n"
    )
    invoke("train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "77")
    assert train.call_args == call(cell_line_of("hela"), with_seed(config, 77), "m", executor=HERE)
    assert train.call_args.args[1].training.seed == 77
    assert len(tensorflow["train"].call_args_list) == 2


def test_train__dry_run_plans_only(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    from atypeak_scale.model.training.plan import TrainPlan

    replace("store.cell_line.open_store", cell_line_of("hela"))
    train = replace("model.training.train.train", None)
    found = TrainPlan("hela", "support", 5, 3, 2, 1, 7, 900, 800, 600)
    plan = replace("model.training.plan.plan_training", found)
    result = invoke("train", "s.zarr", "--config", "hela", "--objective", "support", "--dry-run", "--json")
    assert json.loads(result.stdout) == vars(found)
    config = with_objective(load_config("hela"), "support")
    assert plan.call_args_list == [call(cell_line_of("hela"), config, None)]
    assert train.call_args_list == tensorflow["train"].call_args_list == []


AGREEMENT = pd.DataFrame(
    {
        "dataset": ["d1", "d2"], "tr": "x", "member": "seed-7", "other_member": "seed-8", "peaks": 30,
        "spearman": [0.9, 0.8],
    }
)  # fmt: skip


def test_train__objective(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    from atypeak_scale.model.files import Training

    replace("store.cell_line.open_store", cell_line_of("hela"))
    train = replace("model.training.train.train", Mock(training=Training(10, 10, 0.25, "max_epochs", 0.5)))
    command = ["train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "7"]
    result = invoke(*command, "--objective", "support")
    hela = with_seed(load_config("hela"), 7)
    training = hela.training.model_copy(update={"objective": "support"})
    assert train.call_args.args[1] == hela.model_copy(update={"training": training})
    assert result.stdout == (
        "stopped after 10 epochs: all its epochs were done; the weights of epoch 10, loss 0.250000, "
        "validation loss 0.500000, are in m\n"
    )
    invoke(*command, "--objective", "article")
    assert train.call_args.args[1] == hela
    several = replace("model.seeds.train_seeds", [])
    replace("assess.quality.stability.stability", AGREEMENT)
    invoke(*command, "--objective", "support", "--seeds", "2")
    assert several.call_args.args[1].training == training


def test_train__halves(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    replace("store.cell_line.open_store", cell_line_of("hela"))
    several = replace("model.seeds.train_seeds", [Path("m/seed-1-half-1"), Path("m/seed-1-half-2")])
    command = ["train", "s.zarr", "--config", "hela", "--model", "m", "--halves"]
    result = invoke(*command, "--objective", "support")
    (_, settings, seeds, folder), _ = several.call_args
    assert (settings.support.trained_on, settings.training.objective) == ("halves", "support")
    assert (seeds, folder) == (1, "m")
    assert result.stdout == "m/seed-1-half-1\nm/seed-1-half-2\n"
    with pytest.raises(click.UsageError, match="--halves needs --objective support"):
        invoke(*command)


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_train__several_seeds(
    replace: Replace, tensorflow: dict[str, Mock], options: list[str], where: Where
) -> None:
    opened = replace("store.cell_line.open_store", cell_line_of("hela"))
    train = replace("model.seeds.train_seeds", [Path("m/seed-7"), Path("m/seed-8")])
    stability = replace("assess.quality.stability.stability", AGREEMENT)
    result = invoke(
        "train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "7", "--seeds", "2", *options
    )
    assert opened.call_args_list == [call("s.zarr", "hela")]
    assert train.call_args_list == [
        call(cell_line_of("hela"), with_seed(load_config("hela"), 7), 2, "m", executor=where)
    ]
    assert stability.call_args_list == [call(cell_line_of("hela"), "m", where)]
    assert result.stdout == (
        "m/seed-7\nm/seed-8\n"
        "seed-7 and seed-8: Spearman within sources 0.850 (median of 2), lowest 0.800 (d2.x)\n"
    )
    assert len(tensorflow["train"].call_args_list) == (where == HERE)


def test_train__one_of_several_seeds_is_compared_with_none(
    replace: Replace, tensorflow: dict[str, Mock]
) -> None:
    replace("store.cell_line.open_store", cell_line_of("hela"))
    replace("model.seeds.train_seeds", [Path("m/seed-7")])
    stability = replace("assess.quality.stability.stability", AGREEMENT)
    result = invoke("train", "s.zarr", "--config", "hela", "--model", "m", "--seeds", "1")
    assert result.stdout == "m/seed-7\n"
    assert stability.call_args_list == []


# For real

QUICK = SupportSettings(filters=4, deep_dimension=6, epochs=1, batches_per_epoch=2, batch_windows=8)


def test_train__says_how_it_ended(steps: Finished) -> None:
    assert steps.printed["train"].startswith("stopped after 3 epochs: all its epochs were done; ")
    assert steps.printed["train"].endswith(f"are in {steps.model}\n")
    history = pd.read_csv(steps.model / "history.csv")
    kept = json.loads((steps.model / "model.json").read_text())["training"]
    assert kept["kept_loss"] == pytest.approx(history["loss"][kept["kept_epoch"] - 1])
    assert (
        f"the weights of epoch {kept['kept_epoch']}, loss {kept['kept_loss']:.6f}" in steps.printed["train"]
    )
    assert yaml.safe_load((steps.model / "config.yaml").read_text()) == yaml.safe_load(
        steps.config.read_text()
    )


def test_train__of_support(atypeak: Run, built: Path, config: Config, tmp_path: Path) -> None:
    small = {"filters": 2, "deep_dimension": 3, "epochs": 2, "batch_windows": 4, "batches_per_epoch": 2}
    values = {**yaml.safe_load(dump_config(config)), "support": small}
    (tmp_path / "my.yaml").write_text(yaml.safe_dump(values))
    model = tmp_path / "model"
    done = atypeak(
        "train", built, "--config", tmp_path / "my.yaml", "--model", model, "--objective", "support"
    )
    assert done.code == 0
    history = pd.read_csv(model / "history.csv")
    assert history["epoch"].tolist() == [1, 2]
    assert done.out.startswith(
        "stopped after 2 epochs: all its epochs were done; the weights of epoch 2, loss "
    )
    assert f", validation loss {history['validation_loss'][1]:.6f}, are in {model}" in done.out
    assert load_config(model / "config.yaml").training.objective == "support"


@pytest.mark.parametrize("objective", ["article", "support"])
def test_train__seeds_are_compared_with_a_warning_also_if_all_were_trained_before(
    atypeak: Run, built: Path, config: Config, tmp_path: Path, objective: str
) -> None:
    (tmp_path / "my.yaml").write_text(dump_config(config.model_copy(update={"support": QUICK})))
    train = ["train", built, "--config", tmp_path / "my.yaml", "--model", tmp_path / "m", "--seeds", "2"]
    first = atypeak(*train, "--objective", objective)
    assert first.code == 0
    *folders, line = first.out.splitlines()
    assert [Path(folder).name for folder in folders] == ["seed-1", "seed-2"]
    assert line.startswith("seed-1 and seed-2: Spearman within sources ")
    assert "how peaks of a source rank depends on the seed (Spearman of seed-1 and seed-2" in first.err
    again = atypeak(*train, "--objective", objective)
    assert (again.code, again.out) == (0, first.out)
    assert "stability: done" in again.err


def test_train__standard_error_holds_progress_only(steps: Finished, tmp_path: Path) -> None:
    train = ["train", steps.store, "--config", steps.config, "--model", tmp_path / "model"]
    run = subprocess.run(
        [sys.executable, "-m", "atypeak_scale.cli", *map(str, train)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert [line for line in run.stderr.splitlines() if not line.startswith("train")] == []


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "s.zarr", "--config", "hela"], "Missing option '--model'"),
        (["train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "-1"], "-1 is not in the range"),
        (["train", "s.zarr", "--config", "hela", "--model", "m", "--objective", "x"], "'x' is not one of"),
    ],
)  # fmt: skip
def test_train__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "no.zarr", "--config", "{config}", "--model", "m"], r"^no\.zarr: not a store; make"),
        (["train", "{store}", "--config", "hela", "--model", "m"], r"no cell line 'hela'; .*known are cell$"),
        (["train", "{store}", "--config", "{config}", "--model", "{folder}"], r"folder: exists; remove"),
    ],
)  # fmt: skip
def test_train__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_train__store_of_another_frame_than_the_config(
    atypeak: Run, catalogue: Catalogue, config: Config, tmp_path: Path
) -> None:
    """Else the model would say of itself a frame that it does not have, and scoring would refuse it."""
    store = tmp_path / "small.zarr"
    built = atypeak("build-store", *catalogue, store, *CELL, "--frame", 1600)
    assert built.code == 0
    (tmp_path / "my.yaml").write_text(dump_config(config))
    done = atypeak("train", store, "--config", tmp_path / "my.yaml", "--model", tmp_path / "model")
    assert "has frames of 1600 bp in bins of 10 bp; the configuration has 3200 and 10" in done.message()
    assert not list(tmp_path.glob("*model*"))


def test_train__weight_of_an_unknown_label(
    atypeak: Run, built: Path, config: Config, tmp_path: Path, unchanged: Callable[[], bool]
) -> None:
    values = yaml.safe_load(dump_config(config))
    for weights, message in (
        ({"view_weights": {"tr": {"X": 2}}}, "training.view_weights: no tr 'X' in the store; the nearest"),
        ({"source_weights": {"d1.q": 2}}, "training.source_weights: no source 'd1.q' in the store"),
    ):  # fmt: skip
        config_file = tmp_path / "my.yaml"
        config_file.write_text(yaml.safe_dump({**values, "training": {**values["training"], **weights}}))
        unchanged()
        done = atypeak("train", built, "--config", config_file, "--model", tmp_path / "model")
        assert done.message().startswith(message)
    assert not list(tmp_path.glob("*model*"))


@pytest.mark.parametrize("objective, folder", [("article", "model"), ("support", "support-model")])
def test_train__where_run_puts_it(
    replace: Replace, resolve: Resolved, tensorflow: object, tmp_path: Path, objective: str, folder: str
) -> None:
    (tmp_path / "w" / "store.zarr").mkdir(parents=True)
    train = replace("model.training.train.train", None)
    train.side_effect = InputError("stop here")
    with pytest.raises(InputError, match="stop here"):
        invoke("train", "--workdir", tmp_path / "w", "--config", "hela", "--objective", objective)
    assert train.call_args.args[2] == str(tmp_path / "w" / folder)


def test_train__nowhere() -> None:
    with pytest.raises(click.UsageError, match="Missing option '--model'"):
        invoke("train", "s.zarr", "--config", "hela")
