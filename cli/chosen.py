"""Which store, models and scores a command line names: by STORE and --model, or by the folder of a run."""

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from atypeak_scale.config import Objective, Precision
from atypeak_scale.errors import InputError
from atypeak_scale.storage.locations import is_url, local_path

if TYPE_CHECKING:
    from atypeak_scale.scoring.scores import Scores
    from atypeak_scale.store.cell_line import CellLine

Command = TypeVar("Command", bound=Callable[..., Any])
AnyCommand = Callable[..., Any]  # a command whose parameters depend on its options
OF_EITHER: tuple[Objective, ...] = ("support", "article")


class FolderOrUrl(click.Path):
    """A folder, which must exist if the option says so, or a URL, which is checked only when it is used."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a URL unchanged."""
        return value if is_url(value) else super().convert(str(local_path(value)), param, ctx)


@dataclass(frozen=True)
class Chosen:
    """The store, models and scores that a command line names; each is opened on first use."""

    store: str
    models: tuple[str, ...]
    cell_line_name: str | None
    crumbs: float | None
    precision: Precision | None
    placements: int | None
    results: str | None

    def cell_line(self) -> "CellLine":
        """Open the cell line."""
        from atypeak_scale.store.cell_line import open_store

        return open_store(self.store, self.cell_line_name)

    def scores(self) -> "Scores":
        """Return the scores of the one model, whether they exist or not."""
        (scores,) = self.scores_of_each()
        return scores

    def scores_of_each(self) -> "list[Scores]":
        """Return the scores of each model."""
        from atypeak_scale.scoring.open_scores import open_scores, with_placements

        cell_line, placements = self.cell_line(), self.placements
        found = [
            open_scores(cell_line, model, self.crumbs, self.precision, self.results) for model in self.models
        ]
        if placements is None:
            return found
        if found and all(one.objective == "article" for one in found):
            with_placements(found[0], placements)  # refuses
        return [with_placements(one, placements) if one.objective == "support" else one for one in found]


def store_argument(command: AnyCommand) -> AnyCommand:
    """Add STORE, a folder or a URL, and --workdir in its place. The command gets `store`."""

    @functools.wraps(command)
    def without_workdir(*, workdir: str | None, **others: Any) -> Any:
        return command(**others)

    return store_or_workdir(without_workdir)


def store_or_workdir(command: AnyCommand) -> AnyCommand:
    """Add STORE and --workdir as `store_argument` does. The command gets `store`, and `workdir` or None.

    STORE may be the folder of a run as well. With --workdir, the arguments after STORE move one place ahead,
    since STORE is left out.
    """

    @functools.wraps(command)
    def with_store(*, store: str | None, workdir: str | None, **others: Any) -> Any:
        from atypeak_scale.workdir import is_workdir, store_of

        names = [
            one.name
            for one in click.get_current_context().command.params
            if isinstance(one, click.Argument) and one.name is not None
        ]
        given = {"store": store} | {name: others[name] for name in names if name != "store"}
        moved = [name for name in given if names.index(name) >= names.index("store")]
        if workdir is not None:
            values = [given[name] for name in moved]
            if values[-1] is not None:
                raise click.UsageError("give STORE or --workdir, not both")
            given |= dict(zip(moved, [None, *values[:-1]], strict=True))
        for name in moved[workdir is not None :]:
            if given[name] is None:
                raise click.UsageError(f"Missing argument '{name.upper()}'.")
        store = given.pop("store")
        # A URL is not looked at twice: the folder of a run there is named by --workdir.
        if workdir is None and store is not None and not is_url(store) and is_workdir(store):
            workdir = store
        if workdir is not None:
            store = str(store_of(workdir))
        return command(store=store, workdir=workdir, **{**others, **given})

    for option in (
        click.option("--workdir", type=FolderOrUrl(file_okay=False), metavar="DIR",
                     help="Folder that 'run' made, in place of STORE and --model."),
        click.argument("store", required=False, type=click.Path()),
    ):  # fmt: skip
        with_store = option(with_store)
    return with_store


def following_argument(name: str) -> Callable[[Command], Command]:
    """Add an argument that stands after STORE and is required as STORE is."""
    return click.argument(name, required=False)


def results_option(command: Command) -> Command:
    """Add --results, the place for scores that are kept outside the store."""
    return click.option("--results", type=FolderOrUrl(file_okay=False), metavar="DIR",
                        help="Folder or URL for scores and results, if STORE must not change. "
                        "Default: in STORE.")(command)  # fmt: skip


def model_options(
    required: bool, several: bool = False, of_support: bool = True, of_run: Sequence[Objective] = OF_EITHER
) -> Callable[[AnyCommand], AnyCommand]:
    """Add STORE and the options for one or several models, their scoring, the cell line and the results.

    The command gets them all as one `chosen`, which opens things on first use. of_support: whether a model
    may be one of support. of_run: which models of the folder of a run are meant if none is named: each of
    these if the command takes several, otherwise the first that is there.
    """

    def add(command: AnyCommand) -> AnyCommand:
        @functools.wraps(command)
        def with_chosen(
            *, store: str, workdir: str | None, model: str | tuple[str, ...] | None, cell_line: str | None,
            crumbs: float | None, precision: Precision | None, results: str | None,
            placements: int | None = None, **others: Any,
        ) -> Any:  # fmt: skip
            models = model if isinstance(model, tuple) else () if model is None else (model,)
            if workdir is not None and not models:
                found = _models_of_run(workdir, of_run, required)
                models = tuple(found) if several else tuple(found[:1])
            if required and not models:
                raise click.UsageError("Missing option '--model'.")
            chosen = Chosen(store, models, cell_line, crumbs, precision, placements, results)
            return command(chosen=chosen, **others)

        of_placements = click.option(
            "--placements", type=click.IntRange(min=100), metavar="N",
            help="Random placements of each source, with a model of support. Default: the model's setting, "
            "usually 10,000.",
        )  # fmt: skip
        options: tuple[Callable[[AnyCommand], AnyCommand], ...] = (
            results_option,
            *([of_placements] if of_support else []),
            click.option("--precision", type=click.Choice(get_args(Precision)),
                         help="Precision of large matrix products. Default: the model's, usually float32."),
            click.option("--crumbs", type=click.FloatRange(min=0), metavar="C",
                         help="Crumbs at scoring. Default: the model's setting, usually 0."),
            click.option("--cell-line", metavar="NAME", help="Needed if STORE holds several."),
            click.option("--model", type=FolderOrUrl(exists=True, file_okay=False),
                         multiple=several, metavar="DIR",
                         help="Trained model, folder or URL" + ("; may be repeated." if several else ".")),
            store_or_workdir,
        )  # fmt: skip
        with_options: AnyCommand = with_chosen
        for option in options:
            with_options = option(with_options)
        return with_options

    return add


def _models_of_run(workdir: str, objectives: Iterable[Objective], required: bool) -> "list[str]":
    from atypeak_scale.workdir import models_of

    wanted = tuple(objectives)
    found = [str(model) for model in models_of(workdir, wanted)]
    if required and not found:
        kinds = " or ".join("the article" if one == "article" else "support" for one in wanted)
        raise InputError(f"{workdir}: holds no model of {kinds}; name one with --model", argument=None)
    return found
