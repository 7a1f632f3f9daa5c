"""Errors at the command line name the option or the command that mends them."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pytest
from atypeak_scale.cli.commands import commands
from atypeak_scale.cli.messages import OPTIONS, arguments_of, explain

import atypeak_scale
from atypeak_scale import build_store, open_scores, open_store
from atypeak_scale.config import ChanceSettings, Config, with_objective
from atypeak_scale.errors import AtypeakError, InputError, StageMissingError
from atypeak_scale.scoring.scores import Scores
from tests.cli.helpers import Catalogue, Run


@pytest.mark.parametrize(
    "error, told",
    [
        (AtypeakError("block 3 failed"), "block 3 failed"),
        (InputError("s: holds 2 cell lines (a, b); name one", "cell_line"),
         "s: holds 2 cell lines (a, b); name one with --cell-line"),
        (InputError("r: holds something else; name a new folder", "results"),
         "r: holds something else; name a new folder with --results"),
        (InputError("the formats are unknown", "formats"), "the formats are unknown"),
        (StageMissingError("s: not scored; score and normalize it first", "score"),
         "s: not scored; run 'atypeak-scale score' and 'atypeak-scale normalize' first"),
        (StageMissingError("s; t: not normalized; normalize it first", "normalize"),
         "s; t: not normalized; run 'atypeak-scale normalize' first"),
    ],
)  # fmt: skip
def test_explain__names_the_option_or_the_commands(error: AtypeakError, told: str) -> None:
    assert explain(error) == told


def test_options__are_those_of_a_command() -> None:
    known = {
        option
        for command in commands.commands.values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    named = {word.strip(",") for text in OPTIONS.values() for word in text.split() if word.startswith("--")}
    assert named <= known


def test_options__are_there_for_what_the_library_names() -> None:
    named = {
        node.value
        for file in Path(atypeak_scale.__file__).parent.rglob("*.py")
        for raised in ast.walk(ast.parse(file.read_text()))
        if isinstance(raised, ast.Call) and getattr(raised.func, "id", "") in ("InputError", "AtypeakError")
        for node in [*raised.args[1:], *(keyword.value for keyword in raised.keywords)]
        if isinstance(node, ast.Constant)
    }
    assert {"cell_line", "results"} <= named
    # The command line has no option for these; below and score are called by the same name.
    assert named - {"below", "client", "formats", "of", "result", "score", "what"} <= set(OPTIONS)


def test_arguments_of__leave_out_what_is_the_models_own(
    built: Path, save_untrained: Callable[..., Path], tmp_path: Path
) -> None:
    model = save_untrained("my model")
    cell_line = open_store(built)
    assert arguments_of(open_scores(cell_line, model)) == f"{built} --model '{model}'"
    named = open_scores(cell_line, model, 0.0, "float32", built)
    assert arguments_of(named) == f"{built} --model '{model}'"
    other = open_scores(cell_line, model, 0.1, "bfloat16", tmp_path / "elsewhere")
    assert arguments_of(other) == (
        f"{built} --model '{model}' --crumbs 0.1 --precision bfloat16 --results {tmp_path / 'elsewhere'}"
    )
    of_support = with_objective(named.config, "support")
    placed = replace(named, config=of_support, chance=ChanceSettings(placements=400))
    assert arguments_of(placed) == f"{built} --model '{model}' --placements 400"


def test_arguments_of__name_the_cell_line_if_there_are_several(
    catalogue: Catalogue, built: Path, save_untrained: Callable[..., Path], config: Config
) -> None:
    catalogue[0].write_text(catalogue[0].read_text().replace(".cell\t", ".other\t"))
    build_store(*catalogue, built, config.model_copy(update={"cell_line": "other"}))
    model = save_untrained()
    scores = open_scores(open_store(built, "cell"), model)
    assert arguments_of(scores) == f"{built} --model {model} --cell-line cell"


def test_main__says_which_option_names_a_cell_line(
    atypeak: Run, catalogue: Catalogue, built: Path, save_untrained: Callable[..., Path], config: Config
) -> None:
    catalogue[0].write_text(catalogue[0].read_text().replace(".cell\t", ".other\t"))
    build_store(*catalogue, built, config.model_copy(update={"cell_line": "other"}))
    message = atypeak("score", built, "--model", save_untrained()).message()
    assert message == f"{built}: holds 2 cell lines (cell, other); name one with --cell-line"


def test_explain__another_number_of_placements_is_named(
    built: Path, save_untrained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = save_untrained()
    article = open_scores(open_store(built), model)
    asked = replace(
        article, config=with_objective(article.config, "support"), chance=ChanceSettings(placements=1400)
    )
    monkeypatch.setattr(Scores, "other_placements", lambda _: [150, 200])
    with pytest.raises(StageMissingError) as told:
        asked.require_complete()
    assert explain(told.value) == (
        f"{built}: not scored by this model ({article.name}), "
        "only with 150 or 200 placements of each source; "
        f"add --placements 200, or run 'atypeak-scale score {built} --model {model} --placements 1400' first"
    )
