"""`statistics`: its options reach the library, what it prints and writes, and what it refuses."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import call

import click
import numpy as np
import pandas as pd
import pytest

from atypeak_scale.registry.columns import ABUNDANCE, CORRELATIONS, DENSITY, DENSITY_JUDGED, DENSITY_TEST
from atypeak_scale.scoring.named_scores import NAMED_SCORES
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Truth,
    Where,
    cell_line_of,
    invoke,
    printed,
    scores_of,
)

VALUES = {
    ABUNDANCE: {"of": "tr", "label": "x", "peaks": 1234, "bp": 5},
    CORRELATIONS: {"correlation": 0.123456789},
    DENSITY: {"crm_peaks_from": 1, "mean": 701.23456},
    DENSITY_TEST: {"relation": "peak", "p": np.nan},
}
TABLES = [
    (table, pd.DataFrame([{column.name: values.get(column.name, 0) for column in table.columns}]))
    for table, values in VALUES.items()
]


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_statistics__of_the_data(replace: Replace, options: list[str], where: Where) -> None:
    opened = replace("store.cell_line.open_store", cell_line_of("k562"))
    resolve = replace("scoring.open_scores.open_scores", None)
    tables = replace("assess.description.statistics_tables.statistics_tables", TABLES)
    result = invoke("statistics", "s.zarr", "--cell-line", "k562", *options)
    assert tables.call_args_list == [call(cell_line_of("k562"), None, executor=where, score=None)]
    assert opened.call_args_list == [call("s.zarr", "k562")]
    assert resolve.call_args_list == []
    lines = [line.split() for line in result.stdout.splitlines()]
    for line in (["tr", "x", "1234", "5"], ["1", "0", "0", "0", "701.2", *"00000"], ["peak", "0", "-"]):
        assert line in lines
    assert result.stdout.endswith(
        "--out DIR writes all tables: abundance, correlations, density, density-test\n"
    )


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_statistics__of_the_scores_of_a_model(
    replace: Replace, resolve: Resolved, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    tables = replace("assess.description.statistics_tables.statistics_tables", TABLES)
    invoke("statistics", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert tables.call_args_list == [call(cell_line_of(), scores_of(model), executor=HERE, score=None)]


@pytest.mark.parametrize(
    "options", [["--crumbs", "0.1"], ["--precision", "bfloat16"], ["--results", "r"], ["--score", "raw"]]
)
def test_statistics__options_of_a_model_are_not_dropped_without_it(
    replace: Replace, options: list[str]
) -> None:
    replace("assess.description.statistics_tables.statistics_tables", TABLES)
    with pytest.raises(click.UsageError, match=r"--model"):
        invoke("statistics", "s.zarr", *options)


def test_statistics__by_another_score(
    replace: Replace, resolve: Resolved, model: Path, tmp_path: Path
) -> None:
    raw = NAMED_SCORES["raw"].table(DENSITY, DENSITY_JUDGED)
    frames = [(raw if table is DENSITY else table, frame) for table, frame in TABLES]
    tables = replace("assess.description.statistics_tables.statistics_tables", frames)
    out = ("--out", tmp_path / "out")
    result = invoke("statistics", "s.zarr", "--model", model, "--score", "raw", *out)
    assert tables.call_args_list == [call(cell_line_of(), scores_of(model), executor=HERE, score="raw")]
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["1", "0", "0", "0", "701.2", *"00000"] in lines
    assert f"{tmp_path / 'out' / 'density.tsv'}  {raw.description}" in result.stdout.splitlines()
    assert json.loads((tmp_path / "out" / "made-from.json").read_text())["score"] == "raw"


def test_statistics__out(replace: Replace, tmp_path: Path) -> None:
    replace("store.cell_line.open_store", cell_line_of())
    replace("assess.description.statistics_tables.statistics_tables", TABLES)
    result = invoke("statistics", "s.zarr", "--out", tmp_path / "out")
    files = [f"{tmp_path / 'out' / table.name}.tsv  {table.description}" for table in VALUES]
    *lines, last = result.stdout.splitlines()
    assert lines[-4:] == files
    assert last.startswith(f"{tmp_path / 'out' / 'columns.tsv'}  ")
    written = pd.read_csv(tmp_path / "out" / "correlations.tsv", sep="\t", dtype=str)
    assert written["correlation"].tolist() == ["0.123456789"]
    assert json.loads((tmp_path / "out" / "made-from.json").read_text())["store"] == {"cell_line": "cell"}


# For real


def test_statistics__writes_what_it_prints(steps: Finished, truth: Truth, tmp_path: Path) -> None:
    text = printed("statistics", steps.store, "--model", steps.model, "--out", tmp_path / "out")
    tables = {file.stem: pd.read_csv(file, sep="\t") for file in (tmp_path / "out").glob("*.tsv")}
    tables_of_data = {"abundance", "mean-crm", "correlations"}
    assert set(tables) == tables_of_data | {"scores", "density", "density-test", "columns"}
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
    named = f"{built} --model {model}"
    assert re.search(
        rf"not scored by this model \(model-\w{{8}}\); run 'atypeak-scale score {named}' first$", message
    )
    assert unchanged()
    assert atypeak("score", built, "--model", model).code == 0
    message = atypeak("statistics", built, "--model", model, *out).message()
    assert re.search(
        rf": model-\w{{8}} is not normalized; run 'atypeak-scale normalize {named}' first$", message
    )
    assert not (tmp_path / "out").exists()
