"""`simulate`: its options reach the library, what it writes, and what it refuses."""

import itertools
import re
from pathlib import Path
from typing import Any
from unittest.mock import call

import pytest
from atypeak_scale.cli.simulate import simulate as command

from atypeak_scale.catalogue.artificial import ArtificialFiles, ArtificialSettings
from tests.cli.helpers import (
    HERE,
    Refuse,
    Replace,
    Run,
    invoke,
    printed,
)

OPTIONS: dict[str, Any] = {
    "crms": 11,
    "datasets": 6,
    "trs": 12,
    "seed": 5,
    "crm_length": 1000,
    "watermark_probability": 0.5,
    "group_rule": "equal",
    "groups": 3,
    "odds": (1, 2.5, 0),
    "reliable_datasets": 2,
    "stack_rate": 0.5,
    "false_negative_probability": 0.125,
    "jitter": 20,
    "length_median": 25,
    "length_sigma": 0.5,
    "noise_rate": 3,
}


def test_simulate__every_option_reaches_the_library(replace: Replace, tmp_path: Path) -> None:
    assert set(OPTIONS) == set(ArtificialSettings.model_fields)
    files = ArtificialFiles(tmp_path / "p", tmp_path / "c", tmp_path / "t", 1, 2, 3, 4)
    simulate = replace("catalogue.artificial.simulate", files)
    given = {**OPTIONS, "odds": "1,2.5,0"}
    arguments = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given.items()]
    invoke("simulate", tmp_path, *itertools.chain(*arguments))
    invoke("simulate", tmp_path)
    assert simulate.call_args_list == [
        call(ArtificialSettings(**OPTIONS), tmp_path, executor=HERE),
        call(ArtificialSettings(), tmp_path, executor=HERE),
    ]


def test_simulate__help_says_the_defaults() -> None:
    helps = {option.name: str(getattr(option, "help", "")) for option in command.params}
    for name, field in ArtificialSettings.model_fields.items():
        if field.default is not None:
            shown = field.default if isinstance(field.default, str) else f"{field.default:g}"
            assert helps[name].endswith(f"Default: {shown}."), name


# For real


def test_simulate__writes_and_says_what_next(tmp_path: Path) -> None:
    out = tmp_path / "a b"
    text = printed("simulate", out, "--crms", "20")
    assert {file.name for file in out.iterdir()} == {"peaks.bed", "crms.bed", "truth.tsv"}
    assert "20 CRMs" in text
    assert text.splitlines()[-1] == (
        f"next: atypeak-scale build-store '{out}/peaks.bed' '{out}/crms.bed' '{out}/store.zarr' "
        "--cell-line artificial --min-crm-peaks 0"
    )


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["simulate"], "Missing argument 'OUT'"),
        (["simulate", "o", "--crms", "many"], "'many' is not a valid integer"),
    ],
)
def test_simulate__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--odds", "1,x"), "--odds: Input should be a valid number, .*found 'x'"),
        (("--watermark-probability", 2), "--watermark-probability: .* less than or equal to 1 .*found 2.0"),
        (("--trs", 7), "^group_rule 'halves' needs an even number of trs, found 7$"),
    ],
)
def test_simulate__refusal_is_one_line(
    atypeak: Run, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    assert re.search(message, atypeak("simulate", tmp_path / "out", *arguments).message())
    assert not (tmp_path / "out").exists()
