"""From options and files to a configuration, and which settings are refused."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from atypeak_scale.errors import InputError
from tests.cli.helpers import (
    BUILT,
    Catalogue,
    Replace,
    Run,
    invoke,
)


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


@pytest.mark.parametrize(
    "text, message",
    [
        ("cell_line: cell\nstoer: {}\n", r"my\.yaml: unknown setting 'stoer'; the nearest known are store"),
        ("cell_line: cell\nmodel: {filter: 3}\n", r"unknown setting 'model\.filter'; .*nearest .* filters"),
        ("store: {}\n", r"my\.yaml: the setting 'cell_line' is missing; add it$"),
        ("cell_line: [\n", r"my\.yaml: not a YAML file: "),
        ("- cell\n", r"my\.yaml: expected a mapping of settings, found list"),
        ("cell_line: cell\nstore: {frame: 3201}\n", r"frame \(3201 bp\) must be a multiple of bin"),
        ("cell_line: cell\nstore: {frame: 3000}\n", r"300 bins does not fit a kernel of 20 bins"),
        ("cell_line: cell\nmodel: {kernel_width: 24}\n", r"320 bins does not fit a kernel of 24 bins"),
        ("cell_line: cell\nmodel: {kernel_width: 10}\n", r"kernel of 10 bins: the kernel width must be"),
    ],
)  # fmt: skip
def test_config__refused(
    atypeak: Run, catalogue: Catalogue, write: Callable[[str, str], Path], unchanged: Callable[[], bool],
    tmp_path: Path, text: str, message: str,
) -> None:  # fmt: skip
    config = write("my.yaml", text)
    unchanged()
    done = atypeak("build-store", *catalogue, tmp_path / "s.zarr", "--config", config, "--min-crm-peaks", 0)
    assert re.search(message, done.message())
    assert unchanged()


@pytest.mark.parametrize("command", ["train", "run", "run --dry-run"])
def test_config__refused_by_every_command(
    atypeak: Run, catalogue: Catalogue, built: Path, write: Callable[[str, str], Path],
    unchanged: Callable[[], bool], tmp_path: Path, command: str,
) -> None:  # fmt: skip
    config = write("my.yaml", "cell_line: cell\ntraining: {epochs: 3}\n")
    rest = (
        (built, "--config", config, "--model", tmp_path / "m")
        if command == "train"
        else (config, "--workdir", tmp_path / "w", "--peaks", catalogue[0], "--crms", catalogue[1])
    )
    unchanged()
    assert "unknown setting 'training.epochs'" in atypeak(*command.split(), *rest).message()
    assert unchanged()
