"""Every option of every command reaches the library: its function is replaced, its exact arguments asserted.

`simulate` has tests of its own.
"""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY, Mock, call, create_autospec

import click
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from atypeak_scale.cli.commands import commands
from atypeak_scale.cli.common import (
    import_tensorflow_quietly,
    print_facts,
    progress_bar,
    readable_bytes,
)
from click.testing import CliRunner, Result

from atypeak_scale.assess.description.pairs import Comparison
from atypeak_scale.assess.regions.crms import BELOW, CrmTable
from atypeak_scale.assess.regions.releases import Association, ReleaseComparison
from atypeak_scale.config import Config, NormalizationSettings, load_config, parse_config, with_seed
from atypeak_scale.demo import DemoResult
from atypeak_scale.errors import AtypeakError, InputError
from atypeak_scale.execution.cluster import IN_PROCESS, Cluster, Event
from atypeak_scale.pipeline import StagePlan, StageReport
from atypeak_scale.scoring.blocks import ScorePlan, ScoreRun
from atypeak_scale.scoring.export import Exported
from atypeak_scale.scoring.weights import Weights
from atypeak_scale.store.build import BuildPlan, BuildResult
from atypeak_scale.store.verify import Verified

PLAN = BuildPlan("cell", 9, 8, 7, 6, 5, 4000, 3_000_000)
BUILT = BuildResult(Path("s.zarr"), "cell", 6, 5, 4, 3, 2)
SCORE_PLAN = ScorePlan("cell", "scores/m", 1234, 5678, 6000, 3, 1, 400, 700_000_000)
ADDRESS = "tcp://scheduler:8786"
CLUSTERS = [
    ([], IN_PROCESS),
    (["--workers", "3"], Cluster(workers=3)),
    (["--scheduler", ADDRESS], Cluster(scheduler=ADDRESS)),
    (["--workers", "2", "--memory-limit", "3GB"], Cluster(workers=2, memory_limit="3GB")),
]
ALL_COMMANDS = [
    "demo", "run", "simulate", "build-store", "info", "train", "search", "score", "normalize", "export",
    "crms", "compare-releases", "statistics", "pairs", "qscore", "groups", "ur-examples", "verify",
]  # fmt: skip


def invoke(*arguments: str | Path) -> Result:
    """Run a command as main() does: errors are raised."""
    result = CliRunner().invoke(
        commands, [str(a) for a in arguments], standalone_mode=False, catch_exceptions=False
    )
    assert result.exit_code == 0
    return result


Replace = Callable[[str, Any], Mock]


@pytest.fixture
def replace(monkeypatch: pytest.MonkeyPatch) -> Replace:
    """Replace a function of the library by one that takes the same arguments and returns `result`."""

    def replace_function(target: str, result: Any) -> Mock:
        module, name = target.rsplit(".", 1)
        module = f"atypeak_scale.{module}"
        spy: Mock = create_autospec(getattr(importlib.import_module(module), name), return_value=result)
        monkeypatch.setattr(f"{module}.{name}", spy)
        return spy

    return replace_function


@pytest.fixture
def tensorflow(replace: Replace) -> dict[str, Mock]:
    """Watch which command imports TensorFlow."""
    return {
        name: replace(f"cli.{name}.import_tensorflow_quietly", None)
        for name in (
            "train",
            "search",
            "score",
            "normalize",
            "qscore",
            "groups",
            "ur_examples",
            "run",
            "demo",
        )
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model").mkdir()
    return tmp_path / "model"


def with_values(**values: Any) -> Config:
    return parse_config({"cell_line": "cell", **values}, "test")


# build-store

STORE_OPTIONS: list[tuple[list[str], Config]] = [
    ([], with_values()),
    (["--trs", "x,y"], with_values(selection={"trs": ["x", "y"]})),
    (["--trs", " x , y,"], with_values(selection={"trs": ["x", "y"]})),
    (["--datasets", "GSE1"], with_values(selection={"datasets": ["GSE1"]})),
    (["--sources", "a.x,b.y"], with_values(selection={"sources": ["a.x", "b.y"]})),
    (["--top-trs", "4"], with_values(selection={"top_trs": 4})),
    (["--min-crm-peaks", "0"], with_values(store={"min_crm_peaks": 0})),
    (["--frame", "1600"], with_values(store={"frame": 1600})),
    (["--bin", "20"], with_values(store={"bin": 20})),
    (["--views", "model,variable"], with_values(store={"views": ["model", "variable"]})),
]


@pytest.mark.parametrize("options, config", STORE_OPTIONS)
def test_build_store__settings(replace: Replace, options: list[str], config: Config) -> None:
    build = replace("store.build.build_store", BUILT)
    result = invoke("build-store", "p.bed", "c.bed", "s.zarr", "--cell-line", "cell", *options)
    assert build.call_args_list == [call("p.bed", "c.bed", "s.zarr", config, IN_PROCESS, ANY)]
    assert callable(build.call_args.args[-1])
    assert result.stdout.splitlines()[:2] == ["store          s.zarr", "cell line      cell"]


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_build_store__where(replace: Replace, options: list[str], cluster: Cluster) -> None:
    build = replace("store.build.build_store", BUILT)
    invoke("build-store", "-", "c.bed", "s.zarr", "--cell-line", "cell", *options)
    assert build.call_args_list == [call("-", "c.bed", "s.zarr", with_values(), cluster, ANY)]


def test_build_store__config_and_the_options_that_win_over_it(replace: Replace, tmp_path: Path) -> None:
    build = replace("store.build.build_store", BUILT)
    invoke("build-store", "p", "c", "s", "--config", "hela")
    assert build.call_args.args[3] == load_config("hela")
    file = tmp_path / "my.yaml"
    file.write_text(
        "cell_line: a\nselection: {trs: [x], top_trs: 3}\nstore: {bin: 40, frame: 6400}\n"
        "training: {seed: 9}\ninputs: {peaks: p.bed}\n"
    )
    invoke("build-store", "p", "c", "s", "--config", file, "--cell-line", "cell", "--trs", "y", "--bin", "20")
    expected = with_values(
        selection={"trs": ["y"], "top_trs": 3}, store={"bin": 20, "frame": 6400}, training={"seed": 9},
        inputs={"peaks": tmp_path / "p.bed"},
    )  # fmt: skip
    assert build.call_args.args[3] == expected


def test_build_store__dry_run_plans_only(replace: Replace) -> None:
    plan, build = replace("store.build.plan_build", PLAN), replace("store.build.build_store", BUILT)
    result = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--dry-run")
    assert plan.call_args_list == [call("p", "c", with_values(), ANY)]
    assert build.call_args_list == []
    assert "projected memory bytes   3.0 MB" in result.stdout.splitlines()


def test_build_store__json(replace: Replace) -> None:
    replace("store.build.plan_build", PLAN)
    replace("store.build.build_store", BUILT)
    plan = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--dry-run", "--json")
    assert json.loads(plan.stdout) == vars(PLAN)
    built = invoke("build-store", "p", "c", "s", "--cell-line", "cell", "--json")
    assert json.loads(built.stdout) == {**vars(BUILT), "store": "s.zarr"}


def test_build_store__no_cell_line(replace: Replace) -> None:
    build = replace("store.build.build_store", BUILT)
    with pytest.raises(InputError, match=r"^no cell line; give --cell-line NAME, or --config FILE$"):
        invoke("build-store", "p", "c", "s")
    assert build.call_args_list == []


@pytest.mark.parametrize(
    "options, message",
    [
        (["--top-trs", "0"], r"^command line: selection\.top_trs: .*found 0"),
        (["--views", "a"], r"^command line: the setting 'store\.views\.1' is missing"),
        (["--frame", "3205"], r"^command line: store: frame \(3205 bp\) must be a multiple of bin"),
    ],
)
def test_build_store__bad_setting_names_it(replace: Replace, options: list[str], message: str) -> None:
    replace("store.build.build_store", BUILT)
    with pytest.raises(InputError, match=message):
        invoke("build-store", "p", "c", "s", "--cell-line", "cell", *options)


# info


def test_info__store(replace: Replace) -> None:
    facts = [{"cell_line": "a", "windows": 1234}, {"cell_line": "b", "windows": 5}]
    summarize = replace("store.summary.summarize", facts)
    assert invoke("info", "s.zarr").stdout == "cell line  a\nwindows    1,234\n\ncell line  b\nwindows    5\n"
    assert json.loads(invoke("info", "s.zarr", "--json").stdout) == facts
    invoke("info", "s.zarr", "--results", "r")
    assert summarize.call_args_list == [call("s.zarr", None)] * 2 + [call("s.zarr", "r")]


# verify


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_verify__where_and_what_it_says(replace: Replace, options: list[str], cluster: Cluster) -> None:
    verify = replace("store.verify.verify_store", Verified(3, 1234, []))
    result = invoke("verify", "s.zarr", *options)
    invoke("verify", "s.zarr", "--results", "r", *options)
    assert verify.call_args_list == [call("s.zarr", cluster, ANY, where) for where in (None, "r")]
    assert result.stdout == "1,234 chunks of 3 arrays read, 0 damages\n"


def test_verify__damage_is_a_failure(replace: Replace) -> None:
    replace("store.verify.verify_store", Verified(3, 4, ["a/b, chunk 1: damaged", "a/c, chunk 2: lost"]))
    with pytest.raises(AtypeakError, match=r"^s\.zarr: is damaged, as listed above$"):
        invoke("verify", "s.zarr")


# train


def test_train__arguments(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    from atypeak_scale.model.files import Training

    train = replace("model.train.train_and_save", Training(12, 7, 0.25, "settled"))
    result = invoke("train", "s.zarr", "--config", "hela", "--model", "m")
    config = load_config("hela")
    assert train.call_args_list == [call("s.zarr", config, "m", ANY)]
    assert result.stdout == (
        "stopped after 12 epochs: the loss settled; the weights of epoch 7, loss 0.250000, are in m\n"
    )
    invoke("train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "77")
    assert train.call_args == call("s.zarr", with_seed(config, 77), "m", ANY)
    assert train.call_args.args[1].training.seed == 77
    assert len(tensorflow["train"].call_args_list) == 2


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_train__several_seeds(replace: Replace, options: list[str], cluster: Cluster) -> None:
    train = replace("model.seeds.train_seeds", [Path("m/seed-7"), Path("m/seed-8")])
    result = invoke(
        "train", "s.zarr", "--config", "hela", "--model", "m", "--seed", "7", "--seeds", "2", *options
    )
    assert train.call_args_list == [call("s.zarr", with_seed(load_config("hela"), 7), 2, "m", cluster, ANY)]
    assert result.stdout == "m/seed-7\nm/seed-8\n"


# search

TRIALS = pd.DataFrame(
    {
        "model.deep_dimension": [8, 32], "seed": 1, "loss": [0.5, 0.25], "epochs": 4,
        "parameters": [100, 200], "seconds": 3.0, "q_score": [2.0, 1.0],
    }
)  # fmt: skip
GRIDS: list[tuple[list[str], dict[str, list[Any]]]] = [
    ([], {"model.deep_dimension": [8, 32, 128, 256]}),
    (["--over", "model.filters=4, 8,4"], {"model.filters": [4, 8]}),
    (
        ["--over", "training.learning_rate=1.0e-3,0.1", "--over", "training.stop_at_loss=null"],
        {"training.learning_rate": [0.001, 0.1], "training.stop_at_loss": [None]},
    ),
    (["--over", "training.source_weights={a.x: 2},{}"], {"training.source_weights": [{"a.x": 2}, {}]}),
]


@pytest.fixture
def searched(replace: Replace, tensorflow: dict[str, Mock]) -> Mock:
    return replace("assess.search.search", TRIALS)


@pytest.mark.parametrize("options, grid", GRIDS)
def test_search__grid(searched: Mock, options: list[str], grid: dict[str, list[Any]]) -> None:
    result = invoke("search", "hela", "--store", "s.zarr", "--out", "o", *options)
    (arguments,) = searched.call_args_list
    store, config, out, given, *others = arguments.args
    assert (store, config, out) == ("s.zarr", load_config("hela"), "o")
    assert {key: list(values) for key, values in given.items()} == grid
    assert others == [3, IN_PROCESS, ANY]
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "model.deep_dimension", "seeds", "loss", "epochs", "parameters", "seconds", "q_score", "q_error"
    ]  # fmt: skip
    assert lines[-2] == "recommended: model.deep_dimension: 32; its mean Q-score, 1, is the lowest of 2"
    assert lines[-1] == f"{Path('o') / 'search.tsv'}  every model"


def test_search__seeds_and_sample(searched: Mock) -> None:
    invoke("search", "hela", "--store", "s.zarr", "--out", "o", "--seeds", "2", "--sample", "50")
    (arguments,) = searched.call_args_list
    assert arguments.args[1].normalization.sample == 50
    assert arguments.args[4] == 2


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_search__where(searched: Mock, options: list[str], cluster: Cluster) -> None:
    invoke("search", "hela", "--store", "s.zarr", "--out", "o", *options)
    (arguments,) = searched.call_args_list
    assert arguments.args[5] == cluster


@pytest.mark.parametrize(
    "over, message",
    [
        (["model.filters"], "no value; expected KEY=A,B"),
        (["model.filters="], "no value"),
        (["model.filters=["], "are no values in YAML"),
        (["model.l2=0,1", "model.l2=2"], "given twice"),
    ],
)
def test_search__bad_grid(searched: Mock, over: list[str], message: str) -> None:
    options = [word for text in over for word in ("--over", text)]
    with pytest.raises(InputError, match=message):
        invoke("search", "hela", "--store", "s.zarr", "--out", "o", *options)
    assert searched.call_args_list == []


# score, normalize, export


def scored_run(model: Path) -> ScoreRun:
    config = with_values(normalization={"sample": 50})
    return ScoreRun(Path("s.zarr"), "cell", model, config, "f" * 64, 0.0, "float32", Path("s.zarr"))


# Options, and what they are to score_run: cell line, crumbs, precision, place of the results.
RUN_OPTIONS: list[tuple[list[str], tuple[Any, Any, Any, Any]]] = [
    ([], (None, None, None, None)),
    (["--cell-line", "k562"], ("k562", None, None, None)),
    (["--crumbs", "0.1"], (None, 0.1, None, None)),
    (["--crumbs", "0"], (None, 0.0, None, None)),
    (["--precision", "bfloat16"], (None, None, "bfloat16", None)),
    (["--precision", "float32"], (None, None, "float32", None)),
    (["--results", "elsewhere"], (None, None, None, "elsewhere")),
    (["--results", "s3://bucket/x"], (None, None, None, "s3://bucket/x")),
]


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_score__run(
    replace: Replace,
    resolve: Mock,
    tensorflow: dict[str, Mock],
    model: Path,
    options: list[str],
    found: tuple[Any, ...],
) -> None:
    score = replace("score.blocks.score_store", SCORE_PLAN)
    result = invoke("score", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert score.call_args_list == [call(scored_run(model), IN_PROCESS, ANY)]
    assert result.stdout == "scored 5,678 peaks in 1,234 windows; next: atypeak-scale normalize\n"
    assert len(tensorflow["score"].call_args_list) == 1


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_score__where(
    replace: Replace,
    resolve: Mock,
    tensorflow: dict[str, Mock],
    model: Path,
    options: list[str],
    cluster: Cluster,
) -> None:
    score = replace("score.blocks.score_store", SCORE_PLAN)
    invoke("score", "s.zarr", "--model", model, *options)
    assert score.call_args_list == [call(scored_run(model), cluster, ANY)]
    assert len(tensorflow["score"].call_args_list) == (cluster == IN_PROCESS)  # elsewhere it is not needed


def test_score__part(replace: Replace, resolve: Mock, tensorflow: dict[str, Mock], model: Path) -> None:
    score, whole = replace("score.blocks.score_part", 5), replace("score.blocks.score_store", SCORE_PLAN)
    result = invoke("score", "s.zarr", "--model", model, "--part", "3/10", "--workers", "2")
    assert score.call_args_list == [call(scored_run(model), 3, 10, Cluster(workers=2), ANY)]
    assert result.stdout.startswith("scored 5 blocks; when all parts are done: ")
    for wrong in ("3", "a/b", "3/", "-1/3", "1/2/3"):
        with pytest.raises(InputError, match="expected two whole numbers, such as 3/10"):
            invoke("score", "s.zarr", "--model", model, f"--part={wrong}")
    assert whole.call_args_list == []


def test_score__dry_run_plans_only(
    replace: Replace, resolve: Mock, tensorflow: dict[str, Mock], model: Path
) -> None:
    plan, score = replace("score.blocks.plan_score", SCORE_PLAN), replace("score.blocks.score_store", None)
    result = invoke("score", "s.zarr", "--model", model, "--dry-run", "--json")
    assert json.loads(result.stdout) == vars(SCORE_PLAN)
    text = invoke("score", "s.zarr", "--model", model, "--dry-run")
    assert "score bytes             400 B" in text.stdout.splitlines()
    assert plan.call_args_list == [call(scored_run(model))] * 2
    assert score.call_args_list == tensorflow["score"].call_args_list == []


NORMALIZATIONS = [
    ([], NormalizationSettings(sample=50)),
    (["--sample", "all"], NormalizationSettings(sample="all")),
    (["--sample", "20"], NormalizationSettings(sample=20)),
    (["--sample", "0.25"], NormalizationSettings(sample=0.25)),
    (["--seed", "5"], NormalizationSettings(sample=50, seed=5)),
    (["--sample", "20", "--seed", "0"], NormalizationSettings(sample=20, seed=0)),
]


@pytest.fixture
def resolve(replace: Replace, model: Path) -> Mock:
    return replace("score.blocks.score_run", scored_run(model))


@pytest.fixture
def normalize(replace: Replace, resolve: Mock, tensorflow: dict[str, Mock]) -> Mock:
    nothing: Any = None
    weights = Weights(nothing, nothing, nothing, [1.0, 2.0, 3.0], ["", "clipped to 10", ""])  # type: ignore[arg-type]
    return replace("score.normalize.normalize_scores", weights)


@pytest.mark.parametrize("options, settings", NORMALIZATIONS)
def test_normalize__sample(
    normalize: Mock, model: Path, options: list[str], settings: NormalizationSettings
) -> None:
    result = invoke("normalize", "s.zarr", "--model", model, *options)
    assert normalize.call_args_list == [call(scored_run(model), settings, IN_PROCESS, ANY)]
    assert type(normalize.call_args.args[1].sample) is type(settings.sample)
    assert result.stdout == "weighted 3 sources, 1 of them flagged; next: atypeak-scale export\n"


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_normalize__where(normalize: Mock, model: Path, options: list[str], cluster: Cluster) -> None:
    invoke("normalize", "s.zarr", "--model", model, *options)
    assert normalize.call_args_list == [
        call(scored_run(model), NormalizationSettings(sample=50), cluster, ANY)
    ]


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_normalize__run(
    resolve: Mock, normalize: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    invoke("normalize", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert len(tensorflow["normalize"].call_args_list) == 1


@pytest.mark.parametrize("sample", ["some", "0", "-3", "1.5", "", "nan"])
def test_normalize__bad_sample(normalize: Mock, model: Path, sample: str) -> None:
    with pytest.raises(InputError, match=r"^--sample"):
        invoke("normalize", "s.zarr", "--model", model, "--sample", sample)
    assert normalize.call_args_list == []


# qscore


@pytest.fixture
def qscore(replace: Replace, resolve: Mock, tensorflow: dict[str, Mock]) -> Mock:
    found = xr.Dataset({"total": ((), 0.540216)}, attrs={"sampled_windows": 1234})
    return replace("assess.qscore.q_score", found)


@pytest.mark.parametrize("options, settings", NORMALIZATIONS)
def test_qscore__sample(
    qscore: Mock, model: Path, options: list[str], settings: NormalizationSettings
) -> None:
    result = invoke("qscore", "s.zarr", "--model", model, *options)
    assert qscore.call_args_list == [call(scored_run(model), settings, None, IN_PROCESS, ANY)]
    assert result.stdout == "Q-score 0.5402 from 1,234 windows\n"


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_qscore__where(qscore: Mock, model: Path, options: list[str], cluster: Cluster) -> None:
    invoke("qscore", "s.zarr", "--model", model, "--out", "o", *options)
    assert qscore.call_args_list == [
        call(scored_run(model), NormalizationSettings(sample=50), "o", cluster, ANY)
    ]


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_qscore__run(
    resolve: Mock, qscore: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    invoke("qscore", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert len(tensorflow["qscore"].call_args_list) == 1


# groups


@pytest.fixture
def groups(replace: Replace, resolve: Mock, tensorflow: dict[str, Mock]) -> Mock:
    labels = [("d1", "x"), ("d2", "x"), ("d1", "y")]
    columns = {
        "source_dataset": [a for a, _ in labels], "source_tr": [b for _, b in labels],
        "group": [0, 0, 1], "group_name": ["x", "x", "y"], "own": [0.5, 0.25, 0.1],
        "strength": [0.9, 0.8, np.nan], "silhouette": [0.5, 0.5, 0.0],
    }  # fmt: skip
    found = xr.Dataset(
        {
            "rebuilt": (("source", "dataset", "tr"), np.arange(12.0).reshape(3, 2, 2)),
            **{name: ("source", np.array(values)) for name, values in columns.items()},
        },
        coords={"source": [".".join(label) for label in labels], "dataset": ["d1", "d2"], "tr": ["x", "y"]},
        attrs={"groups": 2, "agreement": 0.75, "models": ["f1"]},
    )
    return replace("assess.groups.correlation_groups", found)


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_groups__run(
    resolve: Mock, groups: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str],
    found: tuple[Any, ...],
) -> None:  # fmt: skip
    result = invoke("groups", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert groups.call_args_list == [call([scored_run(model)], None, None, ANY)]
    assert len(tensorflow["groups"].call_args_list) == 1
    assert result.stdout == (
        "x: 2 sources, rebuilt 0.375: d1.x, d2.x\ny: 1 source, rebuilt 0.100: d1.y\n2 groups of 3 sources\n"
    )


def test_groups__several_models_and_one_source(resolve: Mock, groups: Mock, model: Path) -> None:
    groups.return_value.attrs["models"] = ["f1", "f2"]
    result = invoke(
        "groups", "s.zarr", "--model", model, "--model", model, "--groups", "2", "--out", "o",
        "--source", "d1.x",
    )  # fmt: skip
    assert groups.call_args_list == [call([scored_run(model)] * 2, 2, "o", ANY)]
    assert result.stdout.splitlines()[2:] == [
        "2 groups of 3 sources",
        "agreement of 2 models: mean adjusted Rand index 0.750",
        "phantoms of d1.x:",
        "3.0000  d2.y (not a source)",
        "2.0000  d2.x",
        "1.0000  d1.y",
    ]


# ur-examples


@pytest.fixture
def ur_examples(replace: Replace, resolve: Mock, tensorflow: dict[str, Mock]) -> Mock:
    found = xr.Dataset({"activation": ("unit", np.array([1.5, 0.0, 2.0]))})
    return replace("assess.ur_examples.ur_examples", found)


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_ur_examples__run(
    resolve: Mock, ur_examples: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    result = invoke("ur-examples", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert ur_examples.call_args_list == [call(scored_run(model), 1, None, IN_PROCESS, ANY)]
    assert result.stdout == "ur-examples of 3 units, 1 of which nothing excites\n"


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_ur_examples__where(
    ur_examples: Mock, tensorflow: dict[str, Mock], model: Path, options: list[str], cluster: Cluster
) -> None:
    invoke("ur-examples", "s.zarr", "--model", model, "--seed", "5", "--out", "o", *options)
    assert ur_examples.call_args_list == [call(scored_run(model), 5, "o", cluster, ANY)]
    assert len(tensorflow["ur_examples"].call_args_list) == (cluster == IN_PROCESS)


def test_export__only_results_of_the_store(replace: Replace, tmp_path: Path) -> None:
    resolve = replace("score.blocks.score_run", None)
    export = replace("score.export.export_scores", Exported(tmp_path / "out", 5))
    result = invoke("export", "s.zarr", "--out", "out")
    assert export.call_args_list == [call("s.zarr", "out", None, None, ANY, None)]
    invoke("export", "s.zarr", "--out", "out", "--cell-line", "k562", "--results", "elsewhere")
    assert export.call_args == call("s.zarr", "out", "k562", None, ANY, "elsewhere")
    assert resolve.call_args_list == []
    files = [line.split("  ")[0] for line in result.stdout.splitlines()]
    assert files[:3] == [str(tmp_path / "out" / name) for name in ("final.bed", "raw.bed", "peaks.parquet")]


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_export__results_of_a_model(
    replace: Replace, resolve: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    export = replace("score.export.export_scores", Exported(Path("out"), 5))
    invoke("export", "s.zarr", "--out", "out", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert export.call_args_list == [call("s.zarr", "out", found[0], scored_run(model), ANY, found[3])]


@pytest.mark.parametrize("options", [["--crumbs", "0.1"], ["--precision", "bfloat16"]])
def test_export__options_of_a_model_are_not_dropped_without_it(replace: Replace, options: list[str]) -> None:
    replace("score.export.export_scores", Exported(Path("out"), 5))
    with pytest.raises((InputError, click.UsageError), match=r"--model"):
        invoke("export", "s.zarr", "--out", "out", *options)


# crms, compare-releases


@pytest.fixture
def table(replace: Replace, resolve: Mock) -> Mock:
    return replace("assess.crms.crm_table", CrmTable(Path("out"), 5))


@pytest.mark.parametrize(
    "options, below, regions",
    [
        ([], 375.0, None),
        (["--below", "500"], 500.0, None),
        (["--below", "-1.5", "--regions", "r.bed"], -1.5, "r.bed"),
    ],
)
def test_crms__arguments(
    table: Mock, model: Path, options: list[str], below: float, regions: str | None
) -> None:
    result = invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert table.call_args_list == [call(scored_run(model), "out", below, regions, IN_PROCESS, ANY)]
    assert [line.split("  ")[0] for line in result.stdout.splitlines()] == [
        "out/crms.parquet",
        "out/crms.bed",
    ]


def test_crms__default_threshold_is_that_of_the_library(table: Mock, model: Path) -> None:
    invoke("crms", "s.zarr", "--model", model, "--out", "out")
    assert table.call_args.args[2] == BELOW


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_crms__run(
    resolve: Mock, table: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_crms__where(table: Mock, model: Path, options: list[str], cluster: Cluster) -> None:
    invoke("crms", "s.zarr", "--model", model, "--out", "out", *options)
    assert table.call_args_list == [call(scored_run(model), "out", 375.0, None, cluster, ANY)]


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_compare_releases__arguments(replace: Replace, options: list[str], cluster: Cluster) -> None:
    rows = [
        Association("crm", "", 1200, -0.25, 1e-9, 1000, -0.125, 0.5),
        Association("crm_tr", "", 3000, 0.5, 0.25, 9, float("nan"), float("nan")),
        Association("crm_tr", "ctcf", 7, 0.75, 0.0, 5, 0.0, 1.0),
    ]
    compare = replace("assess.releases.compare_releases", ReleaseComparison(Path("out"), rows))
    result = invoke("compare-releases", "scores", "new.bed", "c.bed", "--out", "out", *options)
    assert compare.call_args_list == [call("scores", "new.bed", "c.bed", "out", cluster, ANY)]
    lines = result.stdout.splitlines()
    assert lines[1:3] == [
        "crm          -0.250, p 1.0e-09, of 1,200; in CRMs with mean 500 or more -0.125, p 5.0e-01, of 1,000",
        "crm_tr        0.500, p 2.5e-01, of 3,000; in CRMs with mean 500 or more    nan, p nan, of 9",
    ]
    assert [line.split("  ")[0] for line in lines[3:]] == [
        "out/crms.parquet", "out/pairs.parquet", "out/summary.tsv"
    ]  # fmt: skip


# statistics, pairs

TABLES = {
    "abundance": pd.DataFrame({"of": ["tr"], "label": ["x"], "peaks": [1234], "bp": [5]}),
    "correlations": pd.DataFrame({"correlation": [0.123456789]}),
    "density": pd.DataFrame({"crm_peaks_from": [1], "mean": [701.23456]}),
    "density-test": pd.DataFrame({"relation": ["peak"], "p": [np.nan]}),
}
COMPARED = pd.DataFrame(
    [
        ("x", "y", 3, 4, 1.0, 2.0, -1.0, 10.0, float(n), float(10 - n), 5.0, 0.5, 0.25, 0.01, 0.02)
        for n in range(30)
    ],
    columns=["tr", "other_tr", *Comparison._fields, "p_adjusted"],
)


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_statistics__of_the_data(replace: Replace, options: list[str], cluster: Cluster) -> None:
    resolve = replace("score.blocks.score_run", None)
    tables = replace("assess.tables.statistics_tables", TABLES)
    result = invoke("statistics", "s.zarr", "--cell-line", "k562", *options)
    assert tables.call_args_list == [call("s.zarr", "k562", None, cluster, ANY)]
    assert resolve.call_args_list == []
    lines = [line.split() for line in result.stdout.splitlines()]
    for line in (["tr", "x", "1234", "5"], ["1", "701.2"], ["peak", "-"]):
        assert line in lines
    assert result.stdout.endswith(
        "--out DIR writes all tables: abundance, correlations, density, density-test\n"
    )


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_statistics__of_the_scores_of_a_model(
    replace: Replace, resolve: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    tables = replace("assess.tables.statistics_tables", TABLES)
    invoke("statistics", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert tables.call_args_list == [call("s.zarr", found[0], scored_run(model), IN_PROCESS, ANY)]


@pytest.mark.parametrize("options", [["--crumbs", "0.1"], ["--precision", "bfloat16"], ["--results", "r"]])
def test_statistics__options_of_a_model_are_not_dropped_without_it(
    replace: Replace, options: list[str]
) -> None:
    replace("assess.tables.statistics_tables", TABLES)
    with pytest.raises(click.UsageError, match=r"--model"):
        invoke("statistics", "s.zarr", *options)


def test_statistics__out(replace: Replace, tmp_path: Path) -> None:
    replace("assess.tables.statistics_tables", TABLES)
    result = invoke("statistics", "s.zarr", "--out", tmp_path / "out")
    files = [str(tmp_path / "out" / f"{name}.tsv") for name in TABLES]
    assert result.stdout.splitlines()[-4:] == files
    assert (tmp_path / "out" / "correlations.tsv").read_text() == "correlation\n0.123456789\n"


@pytest.mark.parametrize("options, found", RUN_OPTIONS)
def test_pairs__run(
    replace: Replace, resolve: Mock, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    compare = replace("assess.pairs.compare_pairs", COMPARED)
    invoke("pairs", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert compare.call_args_list == [call(scored_run(model), (), IN_PROCESS, ANY)]


@pytest.mark.parametrize("options, cluster", CLUSTERS)
@pytest.mark.parametrize("pairs", [(), (("ell2", "aff4"),), (("ell2", "aff4"), ("rcor1", "sfmbt1"))])
def test_pairs__which_and_where(
    replace: Replace, resolve: Mock, model: Path, options: list[str], cluster: Cluster,
    pairs: tuple[tuple[str, str], ...],
) -> None:  # fmt: skip
    compare = replace("assess.pairs.compare_pairs", COMPARED)
    named = [word for pair in pairs for word in ("--pair", *pair)]
    invoke("pairs", "s.zarr", "--model", model, *named, *options)
    assert compare.call_args_list == [call(scored_run(model), pairs, cluster, ANY)]


def test_pairs__shows_the_largest_differences_and_writes_all(
    replace: Replace, resolve: Mock, model: Path, tmp_path: Path
) -> None:
    replace("assess.pairs.compare_pairs", COMPARED)
    result = invoke("pairs", "s.zarr", "--model", model, "--out", tmp_path / "p.tsv")
    header, *rows = [line.split() for line in result.stdout.splitlines()[:21]]
    shown = [float(row[header.index("median_difference")]) for row in rows]
    assert shown == sorted((10.0 - n for n in range(30)), key=abs, reverse=True)[:20]
    assert result.stdout.splitlines()[21:] == [
        "the 20 largest differences of medians of 30 comparisons",
        f"{tmp_path / 'p.tsv'}  all 30 comparisons",
    ]
    written = pd.read_csv(tmp_path / "p.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, COMPARED)


# run, demo

REPORTS = [
    StageReport("build-store", Path("w/store.zarr"), True, 0.1),
    StageReport("train", Path("w/model"), False, 12.34),
]


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_run__where(
    replace: Replace, tensorflow: dict[str, Mock], options: list[str], cluster: Cluster
) -> None:
    run = replace("pipeline.run_pipeline", REPORTS)
    result = invoke("run", "hela", "--workdir", "w", *options)
    assert run.call_args_list == [call(load_config("hela"), "w", None, None, cluster, ANY)]
    assert len(tensorflow["run"].call_args_list) == 1
    first, second, memory = result.stdout.splitlines()
    assert first.split() == ["build-store", "up", "to", "date", "w/store.zarr"]
    assert second.split() == ["train", "12.3", "s", "w/model"]
    assert memory.startswith("peak memory")


@pytest.mark.parametrize(
    "options, peaks, crms",
    [(["--peaks", "p.bed"], "p.bed", None), (["--crms", "c.bed"], None, "c.bed"),
     (["--peaks", "p.bed", "--crms", "c.bed"], "p.bed", "c.bed")],
)  # fmt: skip
def test_run__inputs(
    replace: Replace, tensorflow: dict[str, Mock], options: list[str], peaks: str | None, crms: str | None
) -> None:
    run = replace("pipeline.run_pipeline", REPORTS)
    plan = replace("pipeline.plan_pipeline", [])
    invoke("run", "k562", "--workdir", "w", *options)
    invoke("run", "k562", "--workdir", "w", "--dry-run", *options)
    assert run.call_args_list == [call(load_config("k562"), "w", peaks, crms, IN_PROCESS, ANY)]
    assert plan.call_args_list == [call(load_config("k562"), "w", peaks, crms, ANY)]


def test_run__dry_run_plans_only(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    run = replace("pipeline.run_pipeline", None)
    plans = [
        StagePlan("build-store", Path("w/s"), False, PLAN),
        StagePlan("train", Path("w/m"), False),
        StagePlan("score", Path("w/s"), True, SCORE_PLAN),
    ]
    replace("pipeline.plan_pipeline", plans)
    result = invoke("run", "hela", "--workdir", "w", "--dry-run", "--json")
    assert json.loads(result.stdout) == [
        {"name": "build-store", "output": "w/s", "up_to_date": False, "plan": vars(PLAN)},
        {"name": "train", "output": "w/m", "up_to_date": False, "plan": None},
        {"name": "score", "output": "w/s", "up_to_date": True, "plan": vars(SCORE_PLAN)},
    ]
    assert run.call_args_list == tensorflow["run"].call_args_list == []


def test_demo__workdir(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    medians = {"stack": 900.0, "noise": 400.0, "watermark": 700.0}
    run = replace("demo.run_demo", DemoResult(Path("w"), REPORTS, medians))
    invoke("demo")
    result = invoke("demo", "--workdir", "w")
    assert run.call_args_list == [call("atypeak-demo", ANY), call("w", ANY)]
    assert len(tensorflow["demo"].call_args_list) == 2
    kinds = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")][:3]
    assert kinds == ["stack", "watermark", "noise"]


# Nothing is left out

WHERE = {"--workers", "--scheduler", "--memory-limit"}
RUN = {"--model", "--cell-line", "--crumbs", "--precision", "--results"}
TESTED = {
    "demo": {"--workdir"},
    "run": {"--workdir", "--peaks", "--crms", "--dry-run", "--json", *WHERE},
    "build-store": {"--cell-line", "--config", "--trs", "--datasets", "--sources", "--top-trs",
                    "--min-crm-peaks", "--frame", "--bin", "--views", "--dry-run", "--json", *WHERE},
    "info": {"--json", "--results"},
    "train": {"--config", "--model", "--seed", "--seeds", *WHERE},
    "search": {"--store", "--out", "--over", "--seeds", "--sample", *WHERE},
    "score": {*RUN, "--part", "--dry-run", "--json", *WHERE},
    "normalize": {*RUN, "--sample", "--seed", *WHERE},
    "export": {"--out", *RUN},
    "verify": {"--results", *WHERE},
    "qscore": {*RUN, "--sample", "--seed", "--out", *WHERE},
    "crms": {"--out", *RUN, "--below", "--regions", *WHERE},
    "compare-releases": {"--out", *WHERE},
    "statistics": {"--out", *RUN, *WHERE},
    "pairs": {"--out", "--pair", *RUN, *WHERE},
}  # fmt: skip


def options_of(command: click.Command) -> dict[str, click.Option]:
    return {p.opts[0]: p for p in command.params if isinstance(p, click.Option)}


def test_commands__are_those_of_the_readme_in_order() -> None:
    assert list(commands.commands) == ALL_COMMANDS
    assert commands.list_commands(click.Context(commands)) == ALL_COMMANDS


@pytest.mark.parametrize("name", TESTED)
def test_commands__no_option_is_untested(name: str) -> None:
    assert set(options_of(commands.commands[name])) == TESTED[name]


@pytest.mark.parametrize("name", ALL_COMMANDS)
def test_help__lists_every_option(name: str) -> None:
    text = invoke(name, "--help").stdout
    assert text.startswith(f"Usage: commands {name} ")
    assert all(option in text for option in options_of(commands.commands[name]))
    assert all(option.help for option in options_of(commands.commands[name]).values())


def test_help__of_the_group_lists_the_commands() -> None:
    lines = [line.split() for line in invoke("--help").stdout.splitlines()]
    assert [line[0] for line in lines if line and line[0] in ALL_COMMANDS] == ALL_COMMANDS


HELP_SCRIPT = """
import sys
sys.argv = ["atypeak-scale", *sys.argv[1:]]
from atypeak_scale.cli import main
main()
heavy = {"tensorflow", "keras", "zarr", "xarray", "dask", "distributed", "pandas", "pyarrow", "pyranges"}
print("imported:", *sorted(heavy & set(sys.modules)))
"""


def test_help__imports_nothing_that_takes_seconds() -> None:
    for arguments in (["--help"], ["train", "--help"]):
        run = subprocess.run(
            [sys.executable, "-c", HELP_SCRIPT, *arguments], capture_output=True, text=True, check=True
        )
        assert run.stdout.startswith("Usage: ")
        assert run.stdout.splitlines()[-1] == "imported:"
        assert run.stderr == ""


def test_version__is_that_of_the_package() -> None:
    from importlib.metadata import version

    assert invoke("--version").stdout.split()[-1] == version("atypeak-scale")


def test_script__is_installed() -> None:
    script = Path(sys.executable).with_name("atypeak-scale")
    run = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("atypeak-scale")


# What commands share


@pytest.mark.parametrize(
    "size, text",
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (145_600, "145.6 KB"), (3e6, "3.0 MB"), (7e9, "7.0 GB"),
     (5e12, "5.0 TB"), (9e15, "9000.0 TB")],
)  # fmt: skip
def test_readable_bytes__largest_unit(size: float, text: str) -> None:
    assert readable_bytes(size) == text


def test_print_facts__nested(capsys: pytest.CaptureFixture[str]) -> None:
    facts = {"peaks_of_source": {"a.x": 1200, "b": 3}, "empty": {}, "absent": None, "score_bytes": 1500}
    print_facts(facts, as_json=False)
    assert capsys.readouterr().out == (
        "peaks of source\n  a.x  1,200\n  b    3\nempty\nscore bytes      1.5 KB\n"
    )


def test_print_facts__yes_or_no(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"up_to_date": True}, as_json=False)
    assert capsys.readouterr().out.split()[-1] not in ("0", "1")


def test_progress__without_a_terminal_is_a_line_a_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar() as progress:
        for done in (0, 1, 2000):
            progress(Event("score", done, 2000))
        progress(Event("train", 1, 64, "loss 0.1"))
        progress(Event("nothing", 0, 0))
    captured = capsys.readouterr()
    assert captured.err.splitlines() == ["score: done, 2,000", "train 1/64: loss 0.1"]
    assert captured.out == ""


def test_progress__on_a_terminal_is_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress_bar() as progress:
        progress(Event("score", 0, 20))
        progress(Event("score", 20, 20))
        progress(Event("train", 1, 64, "loss 0.1"))
    captured = capsys.readouterr()
    assert "20/20" in captured.err
    assert "train 1/64: loss 0.1" in captured.err
    assert captured.out == ""


NOISE = b"oneDNN custom operations are on\n"


@pytest.fixture
def noisy_import(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """Let the import of TensorFlow write to standard error, then fail with what is put in the list."""
    failures: list[Exception] = []

    def import_module(name: str) -> None:
        assert name == "tensorflow"
        os.write(2, NOISE)
        if failures:
            raise failures[0]

    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.setattr(importlib, "import_module", import_module)
    return failures


def test_tensorflow__is_imported_quietly(
    noisy_import: list[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    import_tensorflow_quietly()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_tensorflow__that_cannot_be_imported_is_not_quiet(
    noisy_import: list[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    noisy_import.append(ImportError("libcudart"))
    with pytest.raises(ImportError, match="libcudart"):
        import_tensorflow_quietly()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == NOISE.decode() + "after\n"


def test_tensorflow__is_imported_once(
    noisy_import: list[Exception], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", Mock())
    noisy_import.append(AssertionError("imported again"))
    import_tensorflow_quietly()
    assert capfd.readouterr().err == ""
