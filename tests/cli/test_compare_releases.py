"""`compare-releases`: its options reach the library, what it prints, and what it refuses."""

from pathlib import Path
from unittest.mock import call

import pytest

from atypeak_scale.assess.regions.releases import Association, ReleaseComparison
from tests.cli.helpers import (
    EXECUTORS,
    Refuse,
    Replace,
    Where,
    invoke,
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
        "out/crms.parquet", "out/pairs.parquet", "out/summary.tsv"
    ]  # fmt: skip


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
