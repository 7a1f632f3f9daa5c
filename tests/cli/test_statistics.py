"""`statistics`: its options reach the library, what it prints and writes, and what it refuses."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import ANY, Mock, call

import click
import numpy as np
import pandas as pd
import pytest

from atypeak_scale.execution.cluster import IN_PROCESS, Cluster
from tests.cli.helpers import (
    CLUSTERS,
    RUN_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Run,
    Truth,
    invoke,
    printed,
    scored_run,
)

TABLES = {
    "abundance": pd.DataFrame({"of": ["tr"], "label": ["x"], "peaks": [1234], "bp": [5]}),
    "correlations": pd.DataFrame({"correlation": [0.123456789]}),
    "density": pd.DataFrame({"crm_peaks_from": [1], "mean": [701.23456]}),
    "density-test": pd.DataFrame({"relation": ["peak"], "p": [np.nan]}),
}


@pytest.mark.parametrize("options, cluster", CLUSTERS)
def test_statistics__of_the_data(replace: Replace, options: list[str], cluster: Cluster) -> None:
    resolve = replace("score.blocks.score_run", None)
    tables = replace("assess.description.statistics_tables.statistics_tables", TABLES)
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
    tables = replace("assess.description.statistics_tables.statistics_tables", TABLES)
    invoke("statistics", "s.zarr", "--model", model, *options)
    assert resolve.call_args_list == [call("s.zarr", str(model), *found)]
    assert tables.call_args_list == [call("s.zarr", found[0], scored_run(model), IN_PROCESS, ANY)]


@pytest.mark.parametrize("options", [["--crumbs", "0.1"], ["--precision", "bfloat16"], ["--results", "r"]])
def test_statistics__options_of_a_model_are_not_dropped_without_it(
    replace: Replace, options: list[str]
) -> None:
    replace("assess.description.statistics_tables.statistics_tables", TABLES)
    with pytest.raises(click.UsageError, match=r"--model"):
        invoke("statistics", "s.zarr", *options)


def test_statistics__out(replace: Replace, tmp_path: Path) -> None:
    replace("assess.description.statistics_tables.statistics_tables", TABLES)
    result = invoke("statistics", "s.zarr", "--out", tmp_path / "out")
    files = [str(tmp_path / "out" / f"{name}.tsv") for name in TABLES]
    assert result.stdout.splitlines()[-4:] == files
    assert (tmp_path / "out" / "correlations.tsv").read_text() == "correlation\n0.123456789\n"


# For real


def test_statistics__writes_what_it_prints(steps: Finished, truth: Truth, tmp_path: Path) -> None:
    text = printed("statistics", steps.store, "--model", steps.model, "--out", tmp_path / "out")
    tables = {file.stem: pd.read_csv(file, sep="\t") for file in (tmp_path / "out").iterdir()}
    assert set(tables) == {"abundance", "mean-crm", "correlations", "scores", "density", "density-test"}
    of_trs = tables["abundance"].query("of == 'tr'").set_index("label")
    assert of_trs["peaks"].to_dict() == Counter(line[3].split(".")[1] for line in truth.lines)
    for row in of_trs.itertuples():
        assert ["tr", row.Index, str(row.peaks), str(row.bp)] in [line.split() for line in text.splitlines()]
    finals = steps.table().groupby("tr")["final"]
    medians = tables["scores"].query("of == 'tr' and score == 'final'").set_index("label")["median"]
    pd.testing.assert_series_equal(
        medians, finals.median(), check_names=False, check_dtype=False, check_index_type=False
    )
    data_only = printed("statistics", steps.store)
    assert data_only.endswith("--out DIR writes all tables: abundance, mean-crm, correlations\n")


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["statistics", "no.zarr"], r"^no\.zarr: not a store; make one with"),
        (["statistics", "{store}", "--cell-line", "cel"], r"no cell line 'cel'; the nearest known are cell$"),
        (["statistics", "{store}", "--out", "{folder}"], r"folder: exists; remove it or name another"),
        (["statistics", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_statistics__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_statistics__existing_output_is_refused_first(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    (tmp_path / "mine").write_text("precious")
    unchanged()
    out = ("--out", tmp_path / "mine")
    message = atypeak("statistics", built, "--model", model, *out).message()
    assert message.startswith(f"{tmp_path / 'mine'}: exists; ")
    assert unchanged()


def test_statistics__needs_final_scores(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    unchanged()
    out = ("--out", tmp_path / "out")
    message = atypeak("statistics", built, "--model", model, *out).message()
    assert re.search(r"not scored by this model \(model-\w{8}\); run 'atypeak-scale score' first$", message)
    assert unchanged()
    assert atypeak("score", built, "--model", model).code == 0
    message = atypeak("statistics", built, "--model", model, *out).message()
    assert re.search(r": model-\w{8} is not normalized; run 'atypeak-scale normalize' first$", message)
    assert not (tmp_path / "out").exists()
