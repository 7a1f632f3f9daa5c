"""Which store, models and scores a command line names."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import call

import click
import pytest
from atypeak_scale.cli.chosen import Chosen, following_argument, model_options, store_argument

from atypeak_scale.config import with_objective
from atypeak_scale.errors import InputError
from tests.cli.helpers import Replace, Resolved, cell_line_of, invoke, scores_of

handles: list[Chosen] = []
places: list[tuple[str, str]] = []


@click.command()
@model_options(required=False, several=True)
def shown(chosen: Chosen) -> None:
    handles.append(chosen)


@click.command()
@store_argument
@following_argument("region")
def placed(store: str, region: str) -> None:
    places.append((store, region))


def given(*arguments: str) -> Chosen:
    """Return what the options become."""
    handles.clear()
    shown.main(list(arguments), standalone_mode=False)
    return handles[0]


def place(*arguments: str) -> tuple[str, str]:
    """Return store and region."""
    places.clear()
    placed.main(list(arguments), standalone_mode=False)
    return places[0]


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """Return a folder as `run` makes it, empty: which stores and models there are is all that is asked."""
    for name in ("store.zarr", "model", "support-model"):
        (tmp_path / "w" / name).mkdir(parents=True)
    return tmp_path / "w"


def test_store__and_what_follows_it(workdir: Path) -> None:
    store = str(workdir / "store.zarr")
    assert place("s.zarr", "chr1:1-2") == ("s.zarr", "chr1:1-2")
    assert place(str(workdir), "chr1:1-2") == (store, "chr1:1-2")
    assert place("--workdir", str(workdir), "chr1:1-2") == (store, "chr1:1-2")
    assert place("chr1:1-2", "--workdir", str(workdir)) == (store, "chr1:1-2")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "Missing argument 'STORE'"),
        (["s.zarr"], "Missing argument 'REGION'"),
        (["--workdir", "{w}"], "Missing argument 'REGION'"),
        (["s.zarr", "chr1:1-2", "--workdir", "{w}"], "give STORE or --workdir, not both"),
    ],
)
def test_store__that_is_missing_or_named_twice(arguments: Sequence[str], message: str, workdir: Path) -> None:
    with pytest.raises(click.UsageError, match=message):
        place(*(argument.format(w=workdir) for argument in arguments))


def test_workdir__that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: has no store\.zarr, so it is no folder that 'run' made"):
        place("chr1:1-2", "--workdir", str(tmp_path / "empty"))


def test_models__of_a_workdir(workdir: Path) -> None:
    both = (str(workdir / "support-model"), str(workdir / "model"))
    for named in ([str(workdir)], ["--workdir", str(workdir)]):
        assert given(*named) == Chosen(str(workdir / "store.zarr"), both, None, None, None, None, None)
    assert given(str(workdir), "--model", ".").models == (".",)
    assert given(str(workdir / "store.zarr")).models == ()


@pytest.mark.parametrize(
    "command, wanted",
    [
        (["score"], "support-model"), (["normalize"], "model"), (["qscore"], "model"), (["groups"], "model"),
        (["ur-examples"], "model"), (["explain", "--least", "1"], "support-model"),
        (["pairs"], "support-model"),
        (["statistics"], "support-model"), (["crms", "--out", "{new}"], "support-model"),
        (["evidence"], "support-model"), (["export", "--out", "{new}"], "support-model"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)  # fmt: skip
def test_models__that_a_command_means(
    replace: Replace, command: list[str], wanted: str, workdir: Path, tmp_path: Path
) -> None:
    """The commands stop where the handle of scores is made."""
    replace("store.cell_line.open_store", cell_line_of())
    opened = replace("scoring.open_scores.open_scores", None)
    opened.side_effect = InputError("stop here")
    arguments = [word.format(new=tmp_path / "new") for word in command]
    with pytest.raises(InputError, match="stop here"):
        invoke(arguments[0], "--workdir", workdir, *arguments[1:])
    assert opened.call_args.args[1] == str(workdir / wanted)


def test_models__that_a_workdir_does_not_hold(workdir: Path) -> None:
    (workdir / "model").rmdir()
    with pytest.raises(InputError, match="w: holds no model of the article; name one with --model"):
        invoke("qscore", "--workdir", workdir)
    (workdir / "support-model").rmdir()
    with pytest.raises(InputError, match="w: holds no model of support or the article"):
        invoke("score", workdir)
    assert given(str(workdir)).models == ()


def test_models__that_are_required() -> None:
    with pytest.raises(click.UsageError, match="Missing option '--model'"):
        invoke("score", "s.zarr")


def test_model_options__nothing_is_opened_until_it_is_asked_for() -> None:
    scored = ("--crumbs", "0.1", "--placements", "500", "--results", "s3://bucket/x")
    chosen = given("no.zarr", "--model", ".", *scored)
    assert chosen == Chosen("no.zarr", (".",), None, 0.1, None, 500, "s3://bucket/x")
    assert given("no.zarr") == Chosen("no.zarr", (), None, None, None, None, None)
    for ask in (chosen.cell_line, chosen.scores, chosen.scores_of_each):
        with pytest.raises(InputError, match=r"^no\.zarr: not a store"):
            ask()


def test_model_options__several_models_share_the_cell_line(replace: Replace, model: Path) -> None:
    opened = replace("store.cell_line.open_store", cell_line_of("k562"))
    replace("scoring.open_scores.open_scores", scores_of(model))
    chosen = given("s.zarr", "--model", str(model), "--model", str(model), "--cell-line", "k562")
    assert chosen.scores_of_each() == [scores_of(model)] * 2
    assert opened.call_args_list == [call("s.zarr", "k562")]
    with pytest.raises(ValueError, match="too many values"):
        chosen.scores()


@pytest.mark.parametrize(
    "command",
    [
        ["evidence"], ["export", "--out", "new"], ["explain", "--least", "2"], ["crms", "--out", "new"],
        ["pairs", "--out", "new"], ["statistics", "--out", "new"], ["groups", "--out", "new"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_model_options__placements_choose_the_support(
    replace: Replace, resolve: Resolved, model: Path, command: list[str], tmp_path: Path
) -> None:
    """The commands stop where the handle of other placements would be read, or at a model of the article."""
    name, *options = [str(tmp_path / word) if word == "new" else word for word in command]
    named = (name, "s.zarr", "--model", model, "--placements", "500", *options)
    with pytest.raises(InputError, match="only a model of support is compared with placements"):
        invoke(*named)
    article = scores_of(model)
    support = dataclasses.replace(article, config=with_objective(article.config, "support"))
    resolve.scores.return_value = support
    more = replace("scoring.open_scores.with_placements", None)
    more.side_effect = InputError("stop here")
    with pytest.raises(InputError, match="stop here"):
        invoke(*named)
    assert more.call_args_list == [call(support, 500)]
