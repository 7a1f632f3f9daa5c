"""`info`: its options reach the library, what it prints, and what it refuses."""

import hashlib
import json
from collections import Counter
from unittest.mock import call

import pytest

from tests.cli.helpers import (
    Finished,
    Refuse,
    Replace,
    Truth,
    invoke,
)


def test_info__store(replace: Replace) -> None:
    facts = [{"cell_line": "a", "windows": 1234}, {"cell_line": "b", "windows": 5}]
    summarize = replace("store.info.info", facts)
    assert invoke("info", "s.zarr").stdout == "cell line  a\nwindows    1,234\n\ncell line  b\nwindows    5\n"
    assert json.loads(invoke("info", "s.zarr", "--json").stdout) == facts
    invoke("info", "s.zarr", "--results", "r")
    assert summarize.call_args_list == [call("s.zarr", None)] * 2 + [call("s.zarr", "r")]


# For real


def test_info__text(steps: Finished, truth: Truth) -> None:
    lines = dict(line.rsplit("  ", 1) for line in steps.printed["info"].splitlines() if "  " in line.strip())
    facts = {name.strip(): value for name, value in lines.items()}
    assert facts["cell line"] == "cell"
    assert facts["peaks"] == str(len(truth.lines))
    assert facts["bp per bin"] == "10"
    assert facts["bins"] == "320"
    assert facts["d1.x"] == str(sum(line[3] == "d1.x.cell" for line in truth.lines))


def test_info__json(steps: Finished, truth: Truth) -> None:
    (facts,) = json.loads(steps.printed["info json"])
    expected = Counter(line[3].removesuffix(".cell") for line in truth.lines)
    assert facts["peaks_of_source"] == expected
    assert (facts["datasets"], facts["trs"], facts["sources"]) == (3, 3, 5)
    for what, file in (("peaks", steps.peaks), ("crms", steps.crms)):
        data = file.read_bytes()
        assert facts["inputs"][what] == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def test_info__follows_the_stages(steps: Finished) -> None:
    scores = [
        list(json.loads(steps.printed[when])[0]["scores"].values())
        for when in ("info json", "info before score", "info before normalize", "info after")
    ]
    assert scores == [[], [], ["not normalized yet"], ["normalized"]]


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["info"], "Missing argument 'STORE'"),
        (["info", "s.zarr", "--jsno"], "No such option"),
        (["info", "s.zarr", "more"], "unexpected extra argument"),
    ],
)  # fmt: skip
def test_info__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["info", "no.zarr"], r"^no\.zarr: not a store; make one with 'atypeak-scale build-store'$"),
        (["info", "{folder}"], r"folder: not a store; make one with"),
        (["info", "{peaks}"], r"peaks\.bed: not a store; make one with"),
    ],
)  # fmt: skip
def test_info__missing_is_named_and_nothing_left(
    refuse_missing: Refuse, arguments: list[str], message: str
) -> None:
    refuse_missing(arguments, message)
