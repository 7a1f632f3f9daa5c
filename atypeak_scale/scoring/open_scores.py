"""Find the handle of a model's scores from the model's folder."""

from contextlib import suppress
from dataclasses import replace
from typing import Any, get_args

from atypeak_scale.catalogue.names import source_name
from atypeak_scale.config import (
    ChanceSettings,
    Config,
    Objective,
    Precision,
    load_config,
    parse_config,
)
from atypeak_scale.errors import InputError, StageMissingError
from atypeak_scale.model.description import CONFIG, INTERRUPTED, check_frame, describe_model, knows
from atypeak_scale.model.halves import together
from atypeak_scale.model.seeds import members_of
from atypeak_scale.provenance import fingerprint
from atypeak_scale.scoring.known import refusal
from atypeak_scale.scoring.scores import Scores
from atypeak_scale.storage.locations import Location, absolute, join, name_of
from atypeak_scale.store.cell_line import CellLine
from atypeak_scale.store.groups import group_name
from atypeak_scale.store.result_groups import CHANCE, NORMALIZATION, all_results, find_results


def open_scores(
    cell_line: CellLine,
    model: Location,
    crumbs: float | None = None,
    precision: Precision | None = None,
    results: Location | None = None,
    chance: ChanceSettings | None = None,
) -> Scores:
    """Return the handle of a model's results on a cell line, whether they exist or not; create nothing.

    Parameters
    ----------
    cell_line
        The data.
    model
        Folder or URL of a model, or of an ensemble of several seeds.
    crumbs, precision
        Crumbs and precision at scoring; None takes the model's settings.
    results
        Another place for the results, so that the store is only read; None means the store.
    chance
        The placements that support is compared with; None takes the model's settings.

    Returns
    -------
    Scores
        `exists` says whether anything was computed.

    Raises
    ------
    InputError
        If `model` is not a model, or does not fit the cell line.

    Examples
    --------
    >>> open_scores(open_store("hela.zarr"), "hela-model").is_scored()

    """
    if folders := members_of(model):
        members = [open_scores(cell_line, one, crumbs, precision, results, chance) for one in folders]
        return _ensemble(absolute(model), members)
    description = describe_model(model)
    config = load_config(join(model, CONFIG))
    of_model = config.store.frame, config.store.bin
    check_frame(of_model, cell_line.frame, str(cell_line.store))
    if not any(knows(description, source) for source in cell_line.sources):
        raise refusal(cell_line, model, [source_name(source) for source in cell_line.sources])
    crumbs = config.scoring.crumbs if crumbs is None else crumbs
    precision = precision or config.scoring.precision
    if config.training.objective == "support":
        if crumbs:
            raise InputError(
                f"{model}: a model of support sees windows without crumbs; set them to 0", "crumbs"
            )
        chance = chance or config.chance
    else:
        chance = ChanceSettings()
    return Scores(
        cell_line,
        _name(cell_line, results, model, description["fingerprint"], crumbs, precision, chance),
        absolute(model),
        config,
        description["fingerprint"],
        crumbs,
        precision,
        absolute(cell_line.store if results is None else results),
        chance=chance,
    )


def _name(
    cell_line: CellLine,
    results: Location | None,
    model: Location,
    fingerprint: str,
    crumbs: float,
    precision: Precision,
    chance: ChanceSettings,
) -> str:
    """Return the name of results; another fingerprint gives another name.

    It begins with the name of the model's folder. If that was renamed, its results keep their name.
    """
    of_crumbs = f"-crumbs-{crumbs:g}" if crumbs else ""
    of_precision = "" if precision == "float32" else f"-{precision}"
    other = chance.model_dump(exclude_defaults=True)
    of_chance = "".join(f"-{name}-{value}" for name, value in other.items())
    made_by = f"-{fingerprint[:8]}{of_crumbs}{of_precision}{of_chance}"
    name = f"{group_name(name_of(model))}{made_by}"
    location = absolute(cell_line.store if results is None else results)
    with suppress(InputError):  # a wrong place is refused when it is used
        if find_results(cell_line, location, name) is not None:
            return name
        for known, group in all_results(cell_line, location).items():
            if known.endswith(made_by) and group.attrs.get("model_fingerprint") == fingerprint:
                return known
    return name


def _ensemble(model: Location, members: list[Scores]) -> Scores:
    first = members[0]
    for one in members:
        if (describe_model(one.model)["training"] or {}).get("stopped") == INTERRUPTED:
            raise InputError(
                f"{one.model}: its training was interrupted; train it again, or move it elsewhere"
            )
    config = together([one.model for one in members], [one.config for one in members])
    of_all = fingerprint([one.fingerprint for one in members])
    name = _name(first.cell_line, first.location, model, of_all, first.crumbs, first.precision, first.chance)
    return replace(first, name=name, model=model, config=config, fingerprint=of_all, members=tuple(members))


def with_placements(scores: Scores, placements: int) -> Scores:
    """Return the handle of the same models' support with another number of placements of each source.

    Raises
    ------
    InputError
        If the scores are not support.

    """
    if scores.objective != "support":
        raise InputError(f"{scores.model}: only a model of support is compared with placements", "placements")
    chance = scores.chance.model_copy(update={"placements": placements})
    return open_scores(
        scores.cell_line, scores.model, scores.crumbs, scores.precision, scores.location, chance
    )


def normalized_scores(cell_line: CellLine, results: Location | None = None) -> Scores:
    """Return the only normalized results of a cell line; raise the errors that `complete_scores` raises."""
    return complete_scores(cell_line, results, "article")


def all_complete_scores(cell_line: CellLine, results: Location | None = None) -> list[Scores]:
    """Return the only normalized results of a cell line, its only support, or both.

    Raises
    ------
    InputError
        If there are none, or several of one kind.

    """
    found = []
    for objective in get_args(Objective):
        with suppress(StageMissingError):
            found.append(complete_scores(cell_line, results, objective))
    return found or [normalized_scores(cell_line, results)]


def complete_scores(cell_line: CellLine, results: Location | None, objective: Objective) -> Scores:
    """Return the only complete results of an objective; their model need not exist any more.

    Raises
    ------
    InputError
        If there are none or several.

    """
    location = absolute(cell_line.store if results is None else results)
    groups = all_results(cell_line, results)
    mark = CHANCE if objective == "support" else NORMALIZATION
    complete = {name: group for name, group in sorted(groups.items()) if mark in group.attrs}
    # A model of an ensemble is named with it; left by itself, it is one like any other.
    lists: list[Any] = [group.attrs.get("members", []) for group in complete.values()]
    members = {one for each in lists for one in each}
    complete = {
        name: group for name, group in complete.items() if group.attrs["model_fingerprint"] not in members
    }
    if not complete:
        if objective == "support":
            raise StageMissingError(f"{location}: has no support; score it with a model of support", "score")
        raise StageMissingError(
            f"{location}: not {'normalized' if groups else 'scored'}; score and normalize it first",
            "normalize" if groups else "score",
        )
    if len(complete) > 1:
        raise InputError(
            f"{location}: scored by {len(complete)} models, or with other settings ({', '.join(complete)}); "
            "name one", "model",
        )  # fmt: skip
    name, group = next(iter(complete.items()))
    told: dict[str, Any] = dict(group.attrs)
    return Scores(
        cell_line,
        name,
        name,
        _config_of(cell_line, told.get("trained", {})),
        told["model_fingerprint"],
        told["crumbs"],
        told["precision"],
        location,
        chance=ChanceSettings(**told.get("placements", {})),
    )


def _config_of(cell_line: CellLine, trained: dict[str, Any]) -> Config:
    """Return the settings that results remember of their model; defaults if this version cannot read them."""
    known = {what: trained[what] for what in ("model", "training") if what in trained}
    try:
        return parse_config({"cell_line": cell_line.name, **known}, "results")
    except InputError:
        return Config(cell_line=cell_line.name)
