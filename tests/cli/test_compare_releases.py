"""`compare-releases`: its options reach the library, what it prints, and what it refuses."""

import re
from pathlib import Path
from unittest.mock import call

import pytest
from atypeak_scale.cli.messages import explain

from atypeak_scale.assess.regions.releases import Association, ReleaseComparison
from atypeak_scale.errors import InputError
from atypeak_scale.scoring.named_scores import NAMED_SCORES
from tests.cli.helpers import (
    EXECUTORS,
    HERE,
    Refuse,
    Replace,
    Where,
    invoke,
    printed,
)


@pytest.mark.parametrize("options, where", EXECUTORS)
def test_compare_releases__arguments(replace: Replace, options: list[str], where: Where) -> None:
    rows = [
        Association("crm", "", 1200, -0.25, 1e-9, 1000, -0.125, 0.5),
        Association("crm_tr", "", 3000, 0.5, 0.25, 9, float("nan"), float("nan")),
        Association("crm_tr", "ctcf", 7, 0.75, 0.0, 5, 0.0, 1.0),
    ]
    compare = replace("assess.regions.releases.compare_releases", ReleaseComparison(Path("out"), rows))
    result = invoke("compare-releases", "scores", "new.bed", "c.bed", "--out", "out", *options)
    assert compare.call_args_list == [
        call("scores", "new.bed", "c.bed", "out", executor=where, score=None, typical=None)
    ]
    lines = result.stdout.splitlines()
    assert lines[1:3] == [
        "crm          -0.250, p 1.0e-09, of 1,200; in CRMs with mean 500 or more -0.125, p 5.0e-01, of 1,000",
        "crm_tr        0.500, p 2.5e-01, of 3,000; in CRMs with mean 500 or more    nan, p nan, of 9",
    ]
    assert [line.split("  ")[0] for line in lines[3:]] == [
        "out/crms.parquet", "out/pairs.parquet", "out/summary.tsv", "out/columns.tsv"
    ]  # fmt: skip


def test_compare_releases__by_another_score(replace: Replace) -> None:
    row = Association("crm", "", 12, 0.25, 0.5, 10, 0.125, 0.5)
    found = ReleaseComparison(Path("out"), [row], NAMED_SCORES["doubt"], 0.25)
    compare = replace("assess.regions.releases.compare_releases", found)
    options = ("--score", "doubt", "--typical", "0.25")
    result = invoke("compare-releases", "scores", "new.bed", "c.bed", "--out", "out", *options)
    assert compare.call_args.kwargs == {"executor": HERE, "score": "doubt", "typical": 0.25}
    assert result.stdout.splitlines()[:3] == [
        "Spearman correlation of mean score (doubt) and ratio of peaks, newer to scored",
        "crm           0.250, p 5.0e-01, of 12; in CRMs with mean 0.25 or less  0.125, p 5.0e-01, of 10",
        "out/crms.parquet  every CRM: mean score, peaks in this and in the newer catalogue",
    ]


def test_compare_releases__a_missing_threshold_names_its_option() -> None:
    error = InputError("score 'raw': has no usual mean of a typical CRM; choose one", "typical")
    assert explain(error).endswith("; choose one with --typical")


@pytest.mark.parametrize("command", ["compare-releases", "pairs", "statistics"])
def test_score__help_lists_the_names(command: str) -> None:
    _, _, text = printed(command, "--help").partition("--score NAME")
    words = set(re.split(r"[^a-z_]+", text))
    assert set(NAMED_SCORES) <= words


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["compare-releases", "no", "{peaks}", "{crms}", "--out", "o"], r"^no: not a folder of scores; exp"),
        (["compare-releases", "{folder}", "{peaks}", "{crms}", "--out", "o"], r"folder: not a folder of sco"),
        (["compare-releases", "no", "{peaks}", "{crms}", "--out", "{folder}"], r"folder: exists; remove it"),
    ],
)  # fmt: skip
def test_compare_releases__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
