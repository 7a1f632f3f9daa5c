"""`pairs`: its options reach the library, what it prints and writes, and what it refuses."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import call

import click
import pandas as pd
import pytest

from atypeak_scale.assess.description.pairs import Comparison
from atypeak_scale.registry.columns import PAIRS
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    MODEL_OPTIONS,
    Finished,
    Refuse,
    Replace,
    Resolved,
    Run,
    Where,
    invoke,
    printed,
    scores_of,
)

COMPARED = pd.DataFrame(
    [
        ("x", "y", 3, 4, 1.0, 2.0, -1.0, 10.0, float(n), float(10 - n), 5.0, 0.5, 0.25, 0.01, 0.02)
        for n in range(30)
    ],
    columns=["tr", "other_tr", *Comparison._fields, "p_adjusted"],
)


@pytest.mark.parametrize("options, found", MODEL_OPTIONS)
def test_pairs__run(
    replace: Replace, resolve: Resolved, model: Path, options: list[str], found: tuple[Any, ...]
) -> None:
    compare = replace("assess.description.pairs.pairs", COMPARED)
    invoke("pairs", "s.zarr", "--model", model, *options)
    assert resolve.asked() == [("s.zarr", str(model), *found)]
    assert compare.call_args_list == [call(scores_of(model), (), executor=HERE, score=None)]


@pytest.mark.parametrize("options, where", EXECUTORS)
@pytest.mark.parametrize("pairs", [(), (("ell2", "aff4"),), (("ell2", "aff4"), ("rcor1", "sfmbt1"))])
def test_pairs__which_and_where(
    replace: Replace, resolve: Resolved, model: Path, options: list[str], where: Where,
    pairs: tuple[tuple[str, str], ...],
) -> None:  # fmt: skip
    compare = replace("assess.description.pairs.pairs", COMPARED)
    named = [word for pair in pairs for word in ("--pair", *pair)]
    invoke("pairs", "s.zarr", "--model", model, *named, *options)
    assert compare.call_args_list == [call(scores_of(model), pairs, executor=where, score=None)]


def test_pairs__shows_the_largest_differences_and_writes_all(
    replace: Replace, resolve: Resolved, model: Path, tmp_path: Path
) -> None:
    replace("assess.description.pairs.pairs", COMPARED)
    result = invoke("pairs", "s.zarr", "--model", model, "--out", tmp_path / "p")
    header, *rows = [line.split() for line in result.stdout.splitlines()[:21]]
    shown = [float(row[header.index("median_difference")]) for row in rows]
    assert shown == sorted((10.0 - n for n in range(30)), key=abs, reverse=True)[:20]
    assert result.stdout.splitlines()[21:-1] == [
        "the 20 largest differences of medians of 30 comparisons",
        f"{tmp_path / 'p' / 'pairs.tsv'}  {PAIRS.description}",
    ]
    written = pd.read_csv(tmp_path / "p" / "pairs.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, COMPARED)
    made_from = json.loads((tmp_path / "p" / "made-from.json").read_text())
    assert made_from["scores"]["model_fingerprint"] == "f" * 64


@pytest.mark.parametrize("words", [["x,y", "--out", "o"], ["x", "--out"]])
def test_pairs__one_name_is_refused_by_name(model: Path, words: list[str]) -> None:
    """Also before another option, which click would take for the second name and then miss."""
    with pytest.raises(click.BadParameter, match=r"two TRs, such as --pair ctcf rad21; found 'x") as told:
        invoke("pairs", "s.zarr", "--pair", *words)
    assert "--pair" in told.value.format_message()


def test_pairs__by_another_score(replace: Replace, resolve: Resolved, model: Path, tmp_path: Path) -> None:
    compare = replace("assess.description.pairs.pairs", COMPARED)
    result = invoke("pairs", "s.zarr", "--model", model, "--score", "raw", "--out", tmp_path / "p")
    assert compare.call_args_list == [call(scores_of(model), (), executor=HERE, score="raw")]
    assert result.stdout.splitlines()[-2].endswith(PAIRS.description.replace("final scores", "values of raw"))
    assert json.loads((tmp_path / "p" / "made-from.json").read_text())["score"] == "raw"


# For real


def test_pairs__writes_what_it_prints(steps: Finished, tmp_path: Path) -> None:
    text = printed("pairs", steps.store, "--model", steps.model, "--out", tmp_path / "p")
    table = pd.read_csv(tmp_path / "p" / "pairs.tsv", sep="\t")
    pairs = set(zip(table["tr"], table["other_tr"], strict=True))
    assert pairs == {(a, b) for a in "xyz" for b in "xyz" if a != b}
    rows = {tuple(line.split()[:4]) for line in text.splitlines()[1:7]}
    assert rows == set(
        table[["tr", "other_tr", "both_peaks", "alone_peaks"]].astype(str).itertuples(index=False, name=None)
    )
    named = printed("pairs", steps.store, "--model", steps.model, "--pair", "z", "x")
    assert [tuple(sorted(line.split()[:2])) for line in named.splitlines()[1:]] == [("x", "z")] * 2


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["pairs", "no.zarr", "--model", "{folder}"], r"^no\.zarr: not a store; make one with"),
        (["pairs", "{store}", "--model", "{folder}"], r"folder: not a trained model; make one with"),
    ],
)  # fmt: skip
def test_pairs__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)


def test_pairs__existing_output_is_refused_first(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    (tmp_path / "mine").write_text("precious")
    unchanged()
    out = ("--out", tmp_path / "mine")
    message = atypeak("pairs", built, "--model", model, *out).message()
    assert message.startswith(f"{tmp_path / 'mine'}: exists; ")
    assert unchanged()


def test_pairs__needs_final_scores(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path], unchanged: Callable[[], bool],
    tmp_path: Path,
) -> None:  # fmt: skip
    model = save_untrained()
    unchanged()
    out = ("--out", tmp_path / "out")
    message = atypeak("pairs", built, "--model", model, *out).message()
    named = f"{built} --model {model}"
    assert re.search(
        rf"not scored by this model \(model-\w{{8}}\); run 'atypeak-scale score {named}' first$", message
    )
    assert unchanged()
    assert atypeak("score", built, "--model", model).code == 0
    message = atypeak("pairs", built, "--model", model, *out).message()
    assert re.search(
        rf": model-\w{{8}} is not normalized; run 'atypeak-scale normalize {named}' first$", message
    )
    assert not (tmp_path / "out").exists()


def test_pairs__unknown_tr_names_the_nearest(
    atypeak: Run, built: Path, save_untrained: Callable[..., Path]
) -> None:
    message = atypeak("pairs", built, "--model", save_untrained(), "--pair", "x", "Z").message()
    assert message == f"{built}: has no tr 'Z'; the nearest known are z"
