"""`demo`: its option reaches the library, and what it prints."""

from pathlib import Path
from unittest.mock import Mock, call

import pytest
from atypeak_scale.cli.advice import commands_of

from atypeak_scale.demo import DemoResult
from tests.cli.helpers import (
    HERE,
    REPORTS,
    Refuse,
    Replace,
    invoke,
)


def test_demo__workdir(replace: Replace, tensorflow: dict[str, Mock]) -> None:
    medians = {"stack": (0.01, 900.0), "noise": (0.94, 400.0), "watermark": (0.3, 700.0)}
    run = replace("demo.run_demo", DemoResult(Path("w"), REPORTS, ["a.b: 39% of its peaks"], medians, "d.t"))
    invoke("demo")
    result = invoke("demo", "--workdir", "w")
    assert run.call_args_list == [
        call(workdir, HERE, commands_of(f"{workdir}/store.zarr", {}, "artificial", workdir))
        for workdir in ("atypeak-demo", "w")
    ]
    assert len(tensorflow["demo"].call_args_list) == 2
    kinds = [line.split()[0] for line in result.stdout.splitlines() if line.startswith("  ")][:3]
    assert kinds == ["stack", "watermark", "noise"]
    assert "a.b: 39% of its peaks" in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == "Then run it on your own files: atypeak-scale run --help"


# Bad input


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["demo", "here"], "unexpected extra argument"),
    ],
)  # fmt: skip
def test_demo__usage_is_exit_code_2(refuse_usage: Refuse, arguments: list[str], message: str) -> None:
    refuse_usage(arguments, message)
